"""`store` and `list`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from brainflix.store.arrays import write_array
from brainflix.store.refs import Ref
from brainflix.store.store import Store


@pytest.fixture
def bold(toy: Path) -> Ref:
    """One artifact with an array."""
    return publish(toy, "abcdefabcdef", degree=4)


def publish(toy: Path, key: str, **parameters: int) -> Ref:
    ref = Ref("bold", "toy-sub-1", key)
    store = Store(toy / "store")
    with store.publish(ref, stage="preprocess", stage_version=1, parameters=parameters, inputs={}, recipe="toy") as out:
        write_array(out.path, "response", np.zeros((6, 4), np.float32), dims=("trial", "grayordinate"))
    return ref


def test_ls(bold, brainflix):
    said = brainflix("store", "ls")
    assert said.code == 0 and str(bold) in said.out and "1 artifact," in said.err
    [record] = json.loads(brainflix("store", "ls", "bold", "--json").out)["artifacts"]
    assert record["ref"] == str(bold) and record["bytes"] > 96 and record["stage"] == "preprocess"
    assert brainflix("store", "ls", "-q").lines == [str(bold)]
    assert brainflix("store", "ls", "raw", "-q").out == ""
    assert brainflix("store", "ls", "--name", "other", "-q").out == ""
    wrong = brainflix("store", "ls", "blod")
    assert wrong.code == 2 and "did you mean 'bold'" in wrong.err


def test_ls_shows_damaged_ones(bold, toy, brainflix):
    (Store(toy / "store").path(bold) / "manifest.json").write_text("no")
    said = brainflix("store", "ls")
    assert said.code == 0 and "damaged" in said.out


def test_ls_of_an_empty_store(toy, brainflix):
    said = brainflix("store", "ls")
    assert said.code == 0 and said.out == "" and not (toy / "store").exists()


def test_show(bold, toy, brainflix):
    said = brainflix("store", "show", "bold/toy-sub-1")
    assert said.code == 0 and str(bold) in said.out and "parameters.degree" in said.out
    assert "(6, 4)" in said.out and "trial, grayordinate" in said.out
    document = json.loads(brainflix("store", "show", "bold/toy-sub-1@abcd", "--json").out)
    assert document["parameters"] == {"degree": 4} and document["path"] == str(Store(toy / "store").path(bold))
    assert document["arrays"] == [
        {"array": "response", "shape": [6, 4], "type": "float32", "axes": "trial, grayordinate"}
    ]
    missing = brainflix("store", "show", "bold/toy-sub-2")
    assert missing.code == 3 and "did you mean 'bold/toy-sub-1'" in missing.err
    assert brainflix("store", "show", "toy-sub-1").code == 2


def test_diff(bold, toy, brainflix):
    other = publish(toy, "abcdefabcde0", degree=3)
    said = brainflix("store", "diff", str(bold), str(other))
    assert said.code == 0 and said.out == "preprocess.degree: 4 -> 3\n"
    document = json.loads(brainflix("store", "diff", str(bold), str(other), "--json").out)
    assert document["difference"] == {"path": "preprocess.degree", "left": 4, "right": 3}
    same = brainflix("store", "diff", str(bold), str(bold))
    assert same.out == "" and "same choices" in same.err
    assert json.loads(brainflix("store", "diff", str(bold), str(bold), "--json").out)["difference"] is None


def test_verify(bold, toy, brainflix):
    said = brainflix("store", "verify")
    assert said.code == 0 and "exactly what was published" in said.err
    [chunk] = [path for path in Store(toy / "store").path(bold).rglob("*") if "/c/" in str(path) and path.is_file()]
    data = bytearray(chunk.read_bytes())
    data[5] ^= 1
    chunk.write_bytes(data)
    said = brainflix("store", "verify", str(bold))
    assert said.code == 4 and chunk.name in said.out and "1 of 1 artifact damaged" in said.err
    said = brainflix("store", "verify", "--json")
    document = json.loads(said.out)
    assert said.code == 4 and not document["ok"] and document["problems"][str(bold)][0]["path"].endswith(chunk.name)
    assert brainflix("store", "verify", "-q").lines == [str(bold)]
    assert brainflix("store", "verify", "bold/none").code == 3


def test_gc_shows_first_and_deletes_on_yes(bold, toy, brainflix):
    newer = publish(toy, "abcdefabcde0", degree=3)
    store = Store(toy / "store")
    assert "0 folders and files to delete" in brainflix("store", "gc", "--yes").err
    said = brainflix("store", "gc", "--unused")
    assert said.code == 0 and "nothing that is kept needs it" in said.out and "nothing was deleted" in said.err
    document = json.loads(brainflix("store", "gc", "--unused", "--dry-run", "--yes", "--json").out)
    assert [entry["path"] for entry in document["to_delete"]] == [str(store.path(bold))] and document["deleted"] == []
    assert store.has(bold)
    assert brainflix("store", "gc", "--keep", str(bold), "-q").out == ""
    document = json.loads(brainflix("store", "gc", "--unused", "--yes", "--json").out)
    assert document["deleted"] == [str(store.path(bold))]
    assert not store.has(bold) and store.has(newer)
    assert "deleted 1" in brainflix("store", "gc", "--remove", str(newer), "--yes").err
    assert store.refs() == []


@pytest.mark.parametrize(("answer", "left"), [(True, 0), (False, 1)])
def test_gc_asks_on_a_terminal(bold, toy, brainflix, monkeypatch, answer, left):
    monkeypatch.setattr("brainflix.cli.store.confirm", lambda question: answer)
    brainflix("store", "gc", "--remove", str(bold))
    assert len(Store(toy / "store").refs()) == left


def test_export(bold, toy, brainflix):
    said = brainflix("store", "export", str(bold), "copy")
    assert said.out == "copy\n" and (toy / "copy" / "manifest.json").is_file()
    again = brainflix("store", "export", str(bold), "copy")
    assert again.code == 2 and "copy exists" in again.err


def test_list_datasets(toy, brainflix):
    found = {d["name"]: d for d in json.loads(brainflix("list", "datasets", "--json").out)["datasets"]}
    assert found["demo"]["simulated"] and found["toy"]["licence"] == "CC0" and found["far"]["access"] == "open"
    assert "toy" in brainflix("list", "datasets", "-q").lines


def test_list_parts(toy, brainflix):
    found = json.loads(brainflix("list", "parts", "--json").out)["parts"]
    assert ("preprocess", "toy-clean") in {(part["category"], part["name"]) for part in found}
    assert "toy-fit" in brainflix("list", "parts", "regress").out
    names = brainflix("list", "parts", "targets", "-q").lines
    assert "frames" in names and brainflix("list", "parts", "extract-targets", "-q").lines == names
    said = brainflix("list", "parts", "preprocess", "toy-clean")
    assert [line.split()[:3] for line in said.lines[1:]] == [["degree", "int", "4"], ["weights", "str", "''"]]
    wrong = brainflix("list", "parts", "regres")
    assert wrong.code == 2 and "did you mean 'regress'" in wrong.err
    assert brainflix("list", "parts", "regress", "toy-fot").code == 2


def test_list_metrics_of_a_protocol(brainflix):
    found = {each["name"]: each for each in json.loads(brainflix("list", "metrics", "--json").out)["metrics"]}
    assert {"ssim_rgb_u7", "nway_50_video_g1", "lpips"} <= set(found) and "hue_cos" not in found
    assert found["epe_normalised"]["needs"] == "frame rates" and found["fvd"]["needs"] == "features"
    released = brainflix("list", "metrics", "--protocol", "mindanimator", "--quiet")
    assert {"hue_cos", "hue_cos_bgr", "angular_error", "clip_tc_gated"} <= set(released.lines)
    said = brainflix("list", "metrics", "--protocol", "mindvidoe")
    assert said.code == 2 and "mindvideo" in said.err


def test_list_recipes_survives_a_broken_one(toy, brainflix):
    (toy / "recipes" / "broken.yaml").write_text("recipe: [")
    found = {r["name"]: r for r in json.loads(brainflix("list", "recipes", "--json").out)["recipes"]}
    assert found["toy"]["dataset"] == "toy" and "cannot be read" in found["broken"]["about"]
