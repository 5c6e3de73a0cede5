"""Which weights `score` takes: pinned, replaceable, asked for once, and never made up."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from brainflix.errors import MissingError, UsageError
from brainflix.evaluate.networks.audience import Absent, find_weights
from brainflix.evaluate.networks.checkpoints import CHECKPOINTS, Located, locate, replace_checkpoints
from brainflix.io.weights import folder_digest


def test_every_repository_is_pinned_to_a_commit() -> None:
    for each in CHECKPOINTS.values():
        assert bool(each.name) == bool(re.fullmatch("[0-9a-f]{7,40}", each.revision))
        assert each.name or each.get, "who has no repository says how to get it"


def test_those_of_transformers_own_pipelines_have_its_pins() -> None:
    from transformers.pipelines import SUPPORTED_TASKS

    pins = {}
    for task in SUPPORTED_TASKS.values():
        default = task.get("default", {}).get("model", ())
        pins.update([default] if isinstance(default, tuple) and default else [])
    ours = {each.name: each.revision for each in CHECKPOINTS.values()}
    shared = set(pins) & set(ours)
    assert len(shared) == 3
    # Ours may have more digits of the same commit.
    assert all(ours[name].startswith(pins[name]) for name in shared)


def test_folders_repositories_and_shipped_weights_can_be_given(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    texts = [f"vit={tmp_path}", "clip_b32=org/model@abc123", "videomae=demo/video-classifier"]
    table = replace_checkpoints(texts)
    assert (table["vit"].name, table["vit"].revision) == (str(tmp_path), "")
    assert (table["clip_b32"].name, table["clip_b32"].revision) == ("org/model", "abc123")
    assert table["clip_l14"] is CHECKPOINTS["clip_l14"]
    assert locate(table["vit"]) == Located("vit", str(tmp_path), tmp_path, folder_digest(tmp_path))
    found = locate(table["videomae"])
    assert found.name == "demo/video-classifier" and (found.folder / "config.json").is_file()


BAD = {
    "vit": "is not KEY=FOLDER",
    "=x": "is not KEY=FOLDER",
    "vti=demo/clip": "did you mean 'vit'",
    "vit=org/model": "vit=org/model@COMMIT",
    "vit=org/model@": "names no folder and no commit",
    "vit=demo/nothing": "no weights 'demo/nothing' are shipped",
}


@pytest.mark.parametrize("text", BAD)
def test_what_cannot_be_meant_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=BAD[text]):
        replace_checkpoints([text])


def test_giving_one_twice_or_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="clip_b32 is given twice"):
        replace_checkpoints(["clip_b32=demo/clip", "clip_b32=demo/clip"])
    with pytest.raises(MissingError, match="no folder of weights"):
        replace_checkpoints([f"vit={tmp_path / 'no'}"])


def test_weights_that_are_not_here_say_how_to_get_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    found = find_weights(list(CHECKPOINTS), CHECKPOINTS)
    for key in ("vit", "videomae", "clip_b32", "clip_l14"):
        each, checkpoint = found[key], CHECKPOINTS[key]
        assert isinstance(each, Absent) and each.why == "weights missing"
        assert f"hf download {checkpoint.name} --revision {checkpoint.revision}" in each.next
    vifi = found["vifi"]
    assert isinstance(vifi, Absent) and "--checkpoint vifi=FOLDER" in vifi.next


def test_each_checkpoint_is_asked_for_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = []

    def download(name: str, **_: object) -> str:
        asked.append(name)
        return str(tmp_path)

    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setattr("huggingface_hub.model_info", lambda name, **options: SimpleNamespace(siblings=[]))
    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    found = find_weights(["vit", "clip_b32"], CHECKPOINTS)
    assert asked == [CHECKPOINTS["vit"].name, CHECKPOINTS["clip_b32"].name]
    assert found["vit"] == Located("vit", CHECKPOINTS["vit"].name, tmp_path, CHECKPOINTS["vit"].revision)
