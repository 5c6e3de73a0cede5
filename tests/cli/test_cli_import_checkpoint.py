"""`import-checkpoint`: files as they were released become models; what is wrong with one ends in a sentence."""

from __future__ import annotations

import json
import os
import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from brainflix.device import CPU
from brainflix.methods.mindvideo.networks import MindVideoEncoderConfig, build_mindvideo_encoder
from brainflix.methods.mindvideo.predict import context_of
from brainflix.models.mbm import MBMConfig, build_mbm
from brainflix.parts.work import Tools
from brainflix.store.refs import whole_ref
from brainflix.train.parts import ContrastiveParams
from brainflix.train.phases import contrastive_phase
from brainflix.trained.features import extract
from brainflix.trained.files import load_result
from brainflix.trained.network import rebuild
from brainflix.trained.preparation import Preparation
from tests import parts_world as world
from tests.models.released import settings_of

MBM = MBMConfig(48, 8, width=32, depth=2, heads=4, decoder_width=16, decoder_depth=1, decoder_heads=2)
ENCODER = MindVideoEncoderConfig(48, width=32, depth=2, heads=4, n_tokens=5, context_width=24)
TINY = str(Path(__file__).parents[1] / "recipes" / "tiny.yaml")


def draw(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def write_mbm(path: Path, state: Mapping[str, Tensor], config: Any = None) -> Path:
    """Write a checkpoint as mind-vis does; the class of its settings is gone afterwards."""
    module = types.ModuleType("config_of_old")
    kind = type("Config_MBM_fMRI", (), {"__module__": "config_of_old"})
    module.Config_MBM_fMRI = kind  # type: ignore[attr-defined]
    sys.modules["config_of_old"] = module
    settings = kind()
    vars(settings).update(settings_of(MBM) | {"root_path": ".", "focus_range": None})
    saved = {"model": dict(state), "optimizer": {"state": {}}, "epoch": 9, "scaler": {"scale": 65536.0}}
    torch.save(saved | {"config": settings if config is None else config}, path)
    del sys.modules["config_of_old"]
    return path


@pytest.fixture
def mbm(tmp_path: Path) -> tuple[Path, Any]:
    model = build_mbm(MBM, draw())
    return write_mbm(tmp_path / "checkpoint.pth", model.state_dict()), model.eval()


def test_a_masked_autoencoder_gives_its_sources_outputs(store, mbm, brainflix):
    path, source = mbm
    said = brainflix("import-checkpoint", "mbm", str(path), "--set", "n_columns=40", "-q")
    assert said.code == 0 and said.err == ""
    [line] = said.lines
    assert line.startswith("model/mbm-checkpoint@")
    result = load_result(store.path(whole_ref(line)))
    preparation = Preparation(**result.config["preparation"])
    assert rebuild(result).module.config == MBM and result.history == ()
    assert (preparation.n_columns, preparation.legacy_pad, preparation.mean, preparation.std) == (40, True, 0.0, 1.0)
    rows = np.random.default_rng(0).standard_normal((3, 40)).astype(np.float32)
    with torch.no_grad():
        padded = torch.from_numpy(np.concatenate([rows, rows[:, :8]], axis=1))
        assert np.allclose(extract(rebuild(result), rows), source.features(padded).numpy(), atol=1e-6)


@pytest.mark.parametrize("where", ["folder", "model.pth", "diffusion_pytorch_model.bin"])
@pytest.mark.parametrize("wrapped", [True, False])
def test_an_encoder_gives_its_sources_outputs(store, tmp_path, brainflix, where, wrapped):
    source = build_mindvideo_encoder(ENCODER, draw(), quiet_temporal=False).eval()
    folder = tmp_path / "fmri_encoder"
    folder.mkdir()
    file = folder / ("model.pth" if where == "folder" else where)
    torch.save({"model": source.state_dict()} if wrapped else source.state_dict(), file)
    (folder / "config.json").write_text(json.dumps({"_class_name": "fMRIEncoder", **settings_of(ENCODER)}))
    path = folder if where == "folder" else file
    said = brainflix("import-checkpoint", "mindvideo-encoder", str(path), "--name", "mv", "--json")
    document = json.loads(said.out)
    assert said.code == 0 and document["status"] == "imported" and document["architecture"] == "mindvideo-encoder"
    artifact = store.open(document["ref"])
    assert artifact.manifest.parameters["window_tr"] == [0, 1]
    windows = np.random.default_rng(0).standard_normal((3, 96)).astype(np.float32)
    with torch.no_grad():
        expected = source(torch.from_numpy(windows).reshape(3, 2, 48)).numpy()
    assert np.allclose(context_of(load_result(artifact.path), windows), expected, atol=1e-6)


def test_the_bytes_and_the_options_decide_the_key(store, mbm, tmp_path, brainflix):
    path, _ = mbm
    first = brainflix("import-checkpoint", "mbm", str(path), "--name", "a", "-q").lines
    other = tmp_path / "elsewhere.pth"
    other.write_bytes(path.read_bytes())
    document = json.loads(brainflix("import-checkpoint", "mbm", str(other), "--name", "a", "--json").out)
    assert [document["ref"]] == first and document["status"] == "cached"
    assert brainflix("import-checkpoint", "mbm", str(path), "--name", "a", "--set", "n_columns=47", "-q").lines != first
    write_mbm(path, build_mbm(MBM, draw(1)).state_dict())
    assert brainflix("import-checkpoint", "mbm", str(path), "--name", "a", "-q").lines != first
    assert len(store.refs("model", "a")) == 3


def test_a_dry_run_reads_and_writes_nothing(store, mbm, brainflix):
    said = brainflix("import-checkpoint", "mbm", str(mbm[0]), "--dry-run")
    assert said.code == 0 and "to import" in said.out and "nothing was written" in said.err and not store.root.exists()
    document = json.loads(brainflix("import-checkpoint", "mbm", str(mbm[0]), "--dry-run", "--json").out)
    assert document["dry_run"] and document["network"]["width"] == 32 and not store.root.exists()
    torn = mbm[0].with_name("torn.pth")
    torn.write_bytes(mbm[0].read_bytes()[:900])
    assert brainflix("import-checkpoint", "mbm", str(torn), "--dry-run").code == 4


def test_the_store_knows_it(store, mbm, brainflix):
    ref = brainflix("import-checkpoint", "mbm", str(mbm[0]), "-q").lines[0]
    shown = brainflix("store", "show", ref)
    assert shown.code == 0 and "z-scored" in shown.out and "num_heads" in shown.out and str(mbm[0]) in shown.out
    assert brainflix("store", "verify").code == 0
    assert brainflix("store", "gc", "--unused", "--yes").code == 0 and store.has(whole_ref(ref))
    assert brainflix("store", "gc", "--remove", ref, "--yes").code == 0 and not store.has(whole_ref(ref))


def test_training_starts_from_it(store, mbm, tmp_path, brainflix):
    said = brainflix("import-checkpoint", "mbm", str(mbm[0]), "--name", "released", "--set", "n_columns=40", "-q")
    ref = whole_ref(said.lines[0])
    arguments = ("train", TINY, "--step", "contrastive", "--dry-run", "-q")
    planned = brainflix(*arguments, "--input", "start=model/released")
    assert planned.code == 0 and planned.lines != brainflix(*arguments).lines
    world.fill(store)
    roles = {"rows": tuple(world.BOLD), "start": (ref,), "embeddings": (world.TARGET,)}
    params = ContrastiveParams(preset="tiny", epochs=1, warmup_epochs=0).model_dump(mode="json")
    job = world.job("train", "clip-contrastive", "model", params, roles)
    opened = {role: [store.open(each) for each in refs] for role, refs in roles.items()}
    result = world.call(contrastive_phase, job, opened, Tools(store=store, compute=lambda: CPU))
    assert result.config["preparation"]["legacy_pad"] and len(result.history) == 1


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("renamed", ["missing blocks.1.attn.qkv.weight", "extra blocks.1.attn.kqv.weight"]),
        ("missing", ["missing blocks.1.attn.qkv.weight"]),
        ("misshapen", ["blocks.1.attn.qkv.weight is (96, 33), not (96, 32)"]),
    ],
)
def test_a_wrong_key_is_named(store, mbm, tmp_path, brainflix, fault, words):
    state = dict(mbm[1].state_dict())
    weight = state.pop("blocks.1.attn.qkv.weight")
    more = {
        "renamed": {"blocks.1.attn.kqv.weight": weight},
        "misshapen": {"blocks.1.attn.qkv.weight": torch.ones(96, 33)},
    }
    said = brainflix("import-checkpoint", "mbm", str(write_mbm(tmp_path / "x.pth", state | more.get(fault, {}))))
    assert said.code == 3 and all(word in said.err for word in words) and not store.root.exists()


class Acts:
    """A value whose pickle runs a command."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.mark}",)


def test_a_file_that_acts_is_refused_and_does_nothing(store, mbm, tmp_path, brainflix):
    mark = tmp_path / "mark"
    path = write_mbm(tmp_path / "evil.pth", mbm[1].state_dict(), Acts(mark))
    said = brainflix("import-checkpoint", "mbm", str(path))
    assert said.code == 4 and "holds a call to" in said.err and "nothing was run" in said.err
    assert not mark.exists() and not store.root.exists()


def test_what_cannot_be_imported_is_one_sentence(store, mbm, tmp_path, brainflix):
    path = mbm[0]
    torch.save([1], tmp_path / "list.pth")
    torch.save({"model": {"a": 3}}, tmp_path / "number.pth")
    (tmp_path / "torn.pth").write_bytes(path.read_bytes()[:-40])
    (tmp_path / "empty").mkdir()
    cases = [
        (2, ("mmb", path), "did you mean 'mbm'"),
        (2, ("mindvideo-encoder", path), "import-checkpoint mbm"),
        (2, ("mbm", path, "--set", "n_colums=3"), "did you mean 'n_columns'"),
        (2, ("mbm", path, "--set", "n_columns"), "is not name=value"),
        (2, ("mbm", path, "--set", "n_columns=10"), "rows of 10 columns are not this network's"),
        (2, ("mbm", path, "--set", "heads=5"), "does not fit 5 heads"),
        (2, ("mbm", path, "--name", "a/b"), "is not an artifact name"),
        (3, ("mbm", tmp_path / "absent.pth"), "no file at"),
        (3, ("mindvideo-encoder", tmp_path / "empty"), "holds no weights of an encoder"),
        (3, ("mbm", tmp_path / "list.pth"), "holds no weights by name"),
        (3, ("mbm", tmp_path / "number.pth"), "'a' is no weight"),
        (4, ("mbm", tmp_path / "torn.pth"), "not a readable checkpoint"),
    ]
    for code, arguments, words in cases:
        said = brainflix("import-checkpoint", *map(str, arguments))
        assert (said.code, said.out) == (code, "") and words in said.err, arguments
        assert len(said.err.splitlines()) == 1
    assert not store.root.exists()


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod."])
def test_a_wrapped_checkpoint_is_the_same_network(store, mbm, tmp_path, brainflix, prefix):
    plain = brainflix("import-checkpoint", "mbm", str(mbm[0]), "--set", "n_columns=40", "-q").lines[0]
    path = write_mbm(tmp_path / "wrapped.pth", {prefix + name: each for name, each in mbm[1].state_dict().items()})
    said = brainflix("import-checkpoint", "mbm", str(path), "--set", "n_columns=40")
    sentence = f"the prefix {prefix!r} of every name was taken off"
    assert said.code == 0 and f"wrapped.pth: {sentence}" in said.err
    ref = json.loads(brainflix("import-checkpoint", "mbm", str(path), "--set", "n_columns=40", "--json").out)
    assert ref["notes"] == [sentence]
    wrapped, own = (store.open(whole_ref(each)) for each in (ref["ref"], plain))
    assert wrapped.manifest.notes["names"] == [sentence] and "names" not in own.manifest.notes
    ours, theirs = load_result(own.path), load_result(wrapped.path)
    assert ours.config == theirs.config and list(ours.state) == list(theirs.state)
    assert all(ours.state[name].equal(theirs.state[name]) for name in ours.state)


def test_a_prefix_on_some_names_is_refused_by_name(store, mbm, tmp_path, brainflix):
    state = {("module." if n % 2 else "") + name: each for n, (name, each) in enumerate(mbm[1].state_dict().items())}
    said = brainflix("import-checkpoint", "mbm", str(write_mbm(tmp_path / "x.pth", state)))
    assert said.code == 3 and f"{len(state) // 2} of {len(state)} names of x.pth begin with 'module.'" in said.err
    assert not store.root.exists()
