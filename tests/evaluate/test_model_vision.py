"""What calls torchvision and lpips, with stand-ins of the same layers: the real networks are not run here."""

from __future__ import annotations

import sys
from pathlib import Path

import fake_vision
import numpy as np
import pytest
import tiny_networks as tiny
import torch
from torch.nn import functional

from brainflix.device import pick_compute
from brainflix.errors import DataError, IntegrityError, MissingError
from brainflix.evaluate.networks.audience import Absent, find_weights
from brainflix.evaluate.networks.backbones import SWAV_FILE, locate_backbone
from brainflix.evaluate.networks.checkpoints import CHECKPOINTS, Located
from brainflix.evaluate.networks.features import Extraction, Network, extract
from brainflix.evaluate.networks.packages import INSTALL
from brainflix.evaluate.networks.vision import layer_features, perceptual_distance, raft_flow
from brainflix.evaluate.videos import VideoSet

COMPUTE = pick_compute("cpu", "float32")
KEYS = ("alexnet", "inception", "effnet", "raft", "lpips")


def show(network: Network, clips: np.ndarray) -> np.ndarray:
    return extract(network, VideoSet(len(clips), lambda row: clips[row]), Extraction())


def normalised(clips: np.ndarray, size: tuple[int, int]) -> torch.Tensor:
    frames = torch.tensor(clips.reshape(-1, *clips.shape[2:]).transpose(0, 3, 1, 2) / 255.0, dtype=torch.float32)
    frames = functional.interpolate(frames, size, mode="bilinear", antialias=False)
    mean, sd = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    return (frames - mean[:, None, None]) / sd[:, None, None]


@torch.inference_mode()
@pytest.mark.parametrize(("metric", "layers", "channels"), [("alex2", 5, 6), ("alex5", 12, 5)])
def test_alexnet_gives_the_rectified_convolutions(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, metric: str, layers: int, channels: int
) -> None:
    fake_vision.install(monkeypatch, tmp_path)
    clips = tiny.videos(2, 2, 40, 60)
    found = show(layer_features(metric, locate_backbone("alexnet"), COMPUTE), clips)
    ((name, weights),) = fake_vision.BUILT
    assert (name, weights) == ("alexnet", fake_vision.AlexNet_Weights.IMAGENET1K_V1)
    model = fake_vision._builder("alexnet", fake_vision.AlexNet)(weights=None)
    expected = model.features[:layers](normalised(clips, (256, 384))).numpy()
    assert expected.shape[1] == channels and expected.min() == 0 < expected.max()
    assert found == pytest.approx(expected.reshape(2, 2, -1), abs=2e-5)


@torch.inference_mode()
@pytest.mark.parametrize(
    ("key", "size", "entry"),
    [
        ("inception", (342, 342), fake_vision.Inception_V3_Weights.IMAGENET1K_V1),
        ("effnet", (255, 255), fake_vision.EfficientNet_B1_Weights.IMAGENET1K_V2),
    ],
)
def test_pooled_layers_take_their_size_and_pinned_weights(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, key: str, size: tuple[int, int], entry: fake_vision.Weights
) -> None:
    fake_vision.install(monkeypatch, tmp_path)
    clips, checkpoint = tiny.videos(2, 2), locate_backbone(key)
    found = show(layer_features(key, checkpoint, COMPUTE), clips)
    ((name, weights),) = fake_vision.BUILT
    assert weights is entry and checkpoint.pin == entry.value and checkpoint.name.endswith(entry.name)
    width = {"inception": 7, "effnet": 8}[key]
    model = fake_vision._builder(name, lambda: fake_vision.Pooled(width))(weights=None)
    expected = model.conv1(normalised(clips, size)).mean(dim=(2, 3)).numpy()
    assert found.shape == (2, 2, width)
    assert found == pytest.approx(expected.reshape(found.shape), abs=2e-5)


@torch.inference_mode()
def test_swav_takes_its_trunk_from_the_users_file_and_no_other(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake_vision.install(monkeypatch, tmp_path)
    clips, folder = tiny.videos(2, 2), tmp_path / "swav"
    folder.mkdir()
    trunk = torch.randn(9, 3, 7, 7, generator=torch.Generator().manual_seed(0))
    state = {"module.conv1.weight": trunk, "module.projection_head.0.weight": trunk, "module.prototypes.weight": trunk}
    torch.save(state, folder / SWAV_FILE)
    found = show(layer_features("swav", Located("swav", "folder", folder, "pin"), COMPUTE), clips)
    expected = functional.conv2d(normalised(clips, (224, 224)), trunk, stride=4).mean(dim=(2, 3)).numpy()
    assert found == pytest.approx(expected.reshape(found.shape), abs=2e-4)
    (folder / SWAV_FILE).unlink()
    with pytest.raises(MissingError, match=SWAV_FILE):
        show(layer_features("swav", Located("swav", "folder", folder, "other"), COMPUTE), clips)


@torch.inference_mode()
def test_raft_gives_its_last_refinement_and_no_flow_between_equal_frames(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake_vision.install(monkeypatch, tmp_path)
    clips = np.random.default_rng(0).integers(0, 256, (2, 12, 16, 24, 3), dtype=np.uint8)
    clips[1, 3] = clips[1, 2]
    found = show(raft_flow(locate_backbone("raft"), COMPUTE), clips)
    assert fake_vision.BUILT == [("raft_large", fake_vision.Raft_Large_Weights.C_T_SKHT_V2)]
    assert found.shape == (2, 11, 16, 24, 2) and not found[1, 2].any() and found[0].any(axis=(1, 2, 3)).all()
    model = fake_vision._builder("raft_large", fake_vision.Raft)(weights=None)
    a, b = (torch.tensor(clips[0, [t, t + 1]].transpose(0, 3, 1, 2) / 127.5 - 1).float() for t in (0, 9))
    for step, pair in ((0, a), (9, b)):
        expected = model(pair[:1], pair[1:])[1][0].numpy().transpose(1, 2, 0)
        assert found[0, step] == pytest.approx(expected, abs=1e-5)
    with pytest.raises(DataError, match="multiples of 8"):
        show(raft_flow(locate_backbone("raft"), COMPUTE), clips[:, :, :15])


def test_lpips_gives_one_distance_a_frame(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake_vision.install(monkeypatch, tmp_path)
    a, b = np.random.default_rng(0).integers(0, 256, (2, 3, 8, 8, 3), dtype=np.uint8)
    expected = np.abs(a.astype(float) - b).mean(axis=(1, 2, 3)) / 127.5
    assert perceptual_distance(COMPUTE)(a, b) == pytest.approx(expected, rel=1e-5)


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for package in ("torchvision", "lpips"):
        monkeypatch.setitem(__import__("sys").modules, package, None)
    absent = Absent("torchvision is not installed", INSTALL)
    assert find_weights((*KEYS, "swav"), CHECKPOINTS) == dict.fromkeys((*KEYS, "swav"), absent)
    fake_vision.install(monkeypatch, tmp_path, lpips=False)
    found = find_weights(KEYS, CHECKPOINTS)
    assert found.pop("lpips") == Absent("lpips is not installed", absent.next)
    assert all(isinstance(each, Located) for each in found.values())


def test_weights_are_fetched_once_where_they_may_be(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake_vision.install(monkeypatch, tmp_path, files=False)
    asked = []

    def download(url: str, file: str, hash_prefix: str | None, progress: bool) -> None:
        asked.append(url)
        assert hash_prefix == "e3b0c442"
        Path(file).write_bytes(b"")

    monkeypatch.setattr("torch.hub.download_url_to_file", download)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    missing = find_weights(["alexnet"], CHECKPOINTS)["alexnet"]
    assert isinstance(missing, Absent) and missing.why == "weights missing" and asked == []
    assert "https://download.example/alexnet-e3b0c442.pth" in missing.next
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    for _ in range(2):
        assert isinstance(find_weights(["alexnet"], CHECKPOINTS)["alexnet"], Located)
    assert asked == ["https://download.example/alexnet-e3b0c442.pth"]

    def refuse(*_: object, **__: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr("torch.hub.download_url_to_file", refuse)
    assert isinstance(find_weights(["raft"], CHECKPOINTS)["raft"], Absent)


def test_damaged_weights_are_found_before_they_are_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake_vision.install(monkeypatch, tmp_path)
    file = tmp_path / "checkpoints" / "alexnet-e3b0c442.pth"
    file.write_bytes(b"half of it")
    with pytest.raises(IntegrityError, match="e3b0c442") as found:
        locate_backbone("alexnet")
    assert found.value.next == f"rm {file}"
    file.unlink()

    def other(*_: object, **__: object) -> None:
        raise RuntimeError("invalid hash value")

    monkeypatch.setattr("torch.hub.download_url_to_file", other)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    with pytest.raises(IntegrityError, match="came damaged"):
        locate_backbone("alexnet")


@pytest.mark.parametrize(
    ("content", "error"),
    [([1, 2], DataError), ({"conv1.weight": torch.zeros(2)}, DataError), (b"no checkpoint", IntegrityError)],
)
def test_a_wrong_file_for_swav_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: object, error: type[Exception]
) -> None:
    fake_vision.install(monkeypatch, tmp_path)
    file = tmp_path / SWAV_FILE
    file.write_bytes(content) if isinstance(content, bytes) else torch.save(content, file)
    with pytest.raises(error, match=SWAV_FILE):
        show(layer_features("swav", Located("swav", "folder", tmp_path, "pin"), COMPUTE), tiny.videos(1, 1))


def test_a_torchvision_of_another_torch_says_why_it_does_not_load(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "torchvision.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "torchvision", raising=False)
    assert find_weights(["raft"], CHECKPOINTS)["raft"] == Absent(
        "torchvision is installed and cannot be loaded: operator torchvision::nms does not exist", INSTALL
    )
