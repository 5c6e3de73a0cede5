"""torchvision's and lpips' own networks with random weights, where the extra `metrics` is installed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tiny_networks as tiny
import torch

from brainflix.device import pick_compute, seeded_init
from brainflix.errors import MissingError
from brainflix.evaluate.networks import backbones
from brainflix.evaluate.networks.backbones import BACKBONES, SWAV_FILE, Backbone, locate_backbone
from brainflix.evaluate.networks.checkpoints import Located
from brainflix.evaluate.networks.features import Extraction, Network, extract
from brainflix.evaluate.networks.packages import import_package
from brainflix.evaluate.networks.vision import LAYERS, layer_features, perceptual_distance, raft_flow
from brainflix.evaluate.videos import VideoSet

COMPUTE = pick_compute("cpu", "float32")
# Whole sides of what a layer gives for frames of 64 x 64 pixels, flattened.
DIMS = {"alex2": 192 * 31 * 31, "alex5": 256 * 15 * 15, "inception": 2048, "effnet": 1280}
ANNOUNCED = {"alexnet": "7be5be79", "inception": "0cc3c7bd", "effnet": "c27df63c", "raft": "ff5fadd5"}


@pytest.fixture(autouse=True)
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    try:
        import_package("torchvision")
        import_package("lpips")
    except MissingError as error:
        pytest.skip(f"the extra metrics is not installed: {error.why}")
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path))
    # Random weights have other digests than those that the files' names announce.
    monkeypatch.setattr(backbones, "_announced_digest", lambda name: None)
    (tmp_path / "checkpoints").mkdir()
    return tmp_path


def entry_of(backbone: Backbone) -> object:
    return getattr(backbones._models(backbone.builder), backbone.weights)[backbone.entry]


def save_random(key: str, hub: Path) -> None:
    backbone, extra = BACKBONES[key], {"init_weights": True, "aux_logits": True} if key == "inception" else {}
    with seeded_init(3):
        model = getattr(backbones._models(backbone.builder), backbone.builder.rpartition(".")[2])(weights=None, **extra)
    torch.save(model.state_dict(), hub / "checkpoints" / Path(entry_of(backbone).url).name)


def show(network: Network, clips: np.ndarray) -> np.ndarray:
    return extract(network, VideoSet(len(clips), lambda row: clips[row]), Extraction())


@pytest.mark.parametrize("key", BACKBONES)
def test_pinned_entries_exist_and_announce_their_digest(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.undo()
    assert backbones._announced_digest(Path(entry_of(BACKBONES[key]).url).name) == ANNOUNCED[key]


@pytest.mark.parametrize("metric", DIMS)
def test_layers_have_their_shape_and_leave_the_generator_alone(hub: Path, metric: str) -> None:
    key, clips = LAYERS[metric].backbone, tiny.videos(1, 2)[:, :, :64, :64]
    save_random(key, hub)
    before = torch.random.get_rng_state()
    found = show(layer_features(metric, locate_backbone(key), COMPUTE), clips)
    assert found.shape == (1, 2, DIMS[metric]) and np.isfinite(found).all() and found.std() > 0
    assert torch.equal(before, torch.random.get_rng_state())


def test_raft_takes_pairs_of_frames(hub: Path) -> None:
    save_random("raft", hub)
    clips = np.random.default_rng(0).integers(0, 256, (1, 3, 128, 128, 3), dtype=np.uint8)
    found = show(raft_flow(locate_backbone("raft"), COMPUTE), clips)
    assert found.shape == (1, 2, 128, 128, 2) and np.isfinite(found).all() and found.any()


def test_lpips_is_zero_for_equal_frames_alone_and_leaves_the_generator_alone(hub: Path) -> None:
    save_random("alexnet", hub)
    clip = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    before = torch.random.get_rng_state()
    found = perceptual_distance(COMPUTE)(clip, clip[::-1].copy())
    assert found[1] == 0 and found[0] == pytest.approx(found[2]) and found[0] > 0
    assert torch.equal(before, torch.random.get_rng_state())


def test_swav_loads_into_a_resnet(hub: Path) -> None:
    with seeded_init(5):
        model = backbones._models("resnet50").resnet50(weights=None)
    state = {f"module.{name}": value for name, value in model.state_dict().items() if not name.startswith("fc.")}
    torch.save({**state, "module.prototypes.weight": torch.zeros(2)}, hub / SWAV_FILE)
    found = show(layer_features("swav", Located("swav", "folder", hub, "pin"), COMPUTE), tiny.videos(1, 2))
    assert found.shape == (1, 2, 2048) and np.isfinite(found).all()
