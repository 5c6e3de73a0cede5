"""`compare` on a small store: the tables, the document, the page, and what it refuses."""

from __future__ import annotations

import json

import numpy as np
import pytest

from brainflix.evaluate.runs import read_run
from brainflix.store.arrays import write_array
from brainflix.store.keys import artifact_key
from brainflix.store.refs import Ref
from brainflix.store.schema import Clips, write_json
from brainflix.store.store import Store

IDS = tuple(f"c{i:03d}" for i in range(120))


def publish(store, kind, name, step, **inputs):
    parameters = {"step": step, "dataset": "cc2017"}
    ref = Ref(kind, name, artifact_key(kind, 1, parameters, {}, ""))
    return store.publish(
        ref, stage="x", stage_version=1, parameters=parameters, inputs=inputs, recipe="r", seed=0, fsync=False
    )


@pytest.fixture
def refs(tmp_path):
    """Two scored runs of one truth, and the truth itself."""
    store = Store(tmp_path / "store")
    with publish(store, "targets", "frames", "frames") as out:
        onset_s = 2.0 * np.arange(120)
        Clips(IDS, ("test1",) * 120, onset_s, np.full(120, 2, np.int8), ("",) * 120).save(out.path)
    found = [str(out.ref)]
    for step, gain in (("plain", 0.0), ("better", 0.1)):
        values = np.random.default_rng(0).uniform(0, 0.8, 120) + gain
        with publish(store, "scores", "sub-1", step, truth=(out.ref,)) as scored:
            write_array(scored.path, "per_clip/ssim", values, dims=("clip",))
            score = {"value": values.mean(), "ci95": [0.3, 0.5], "chance": 0.2, "higher_is_better": True}
            document = {"protocol": "strict", "subject": 1, "simulated": True, "n_clips": 120, "clip_ids": list(IDS)}
            write_json(scored.path / "scores.json", {**document, "primary": ["ssim"], "scores": {"ssim": score}})
        found.append(str(scored.ref))
    return store.root, found


def test_compare_prints_pairs_and_writes_a_page(refs, brainflix, tmp_path):
    root, (_, plain, better) = refs
    said = brainflix("compare", plain, better, "--store", str(root), "--out", str(tmp_path / "page.html"))
    assert said.code == 0 and "measured (simulated data)" in said.out and "+0.100 to +0.100" in said.out
    page = (tmp_path / "page.html").read_text()
    assert "Simulated data" in page and "Mind-Animator" in page and "http" not in page.replace("http-equiv", "")
    document = json.loads(brainflix("compare", plain, better, "--store", str(root), "--json").out)
    (difference,) = document["differences"]
    assert difference["difference"] == pytest.approx(0.1) and difference["p_holm"] < 0.01 and difference["better"]
    assert (difference["n_group"], difference["n_clusters"], difference["p_min"]) == (2**12, 12, 2 / 2**12)
    assert {each["ref"] for each in document["measured"]} == {plain, better}
    assert all(each["dataset"] == "cc2017" for each in document["published"]) and document["published"]


def test_compare_refuses_what_is_no_score_and_unknown_metrics(refs, brainflix):
    root, (truth, plain, better) = refs
    assert brainflix("compare", plain, truth, "--store", str(root)).code == 3
    said = brainflix("compare", plain, better, "--metrics", "sim", "--store", str(root))
    assert said.code == 2 and "ssim" in said.err
    assert brainflix("compare", plain, "--store", str(root)).code == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, ""),
        ({"protocol": None}, "NoneType"),
        ({"truth": {}}, "it lacks 'sha256'"),
        ({"checkpoints": []}, "items"),
        ({"blocks": ["x"]}, "'x'"),
        ({"scores": {"ssim": {"primary": True, "per_clip": ["high"]}}}, "'high'"),
        ({"scores": {"ssim": {"per_clip": [0.5]}}}, "it lacks 'primary'"),
    ],
)
def test_a_file_that_lacks_what_documents_hold_is_no_document_of_scores(tmp_path, brainflix, change, words):
    compared = {"name": "strict", "bug_compat": None, "n_frames": 1, "width": 8, "height": 8}
    about = {"schema": 3, "protocol": compared, "truth": {"sha256": "x"}, "checkpoints": {}, "scorer": 7}
    line = {"primary": True, "per_clip": [0.5, None]}
    path = tmp_path / "scores.json"
    path.write_text(json.dumps({**about, "blocks": [0, 2], "scores": {"ssim": line}} | change))
    if not change:
        np.testing.assert_array_equal(read_run(str(path), None).per_clip["ssim"], [0.5, np.nan])
        return
    said = brainflix("compare", str(path), str(path))
    assert said.code == 3 and f"{path} is no document of scores" in said.err and words in said.err


@pytest.mark.parametrize(("scorer", "expected"), [(6, [0, 0, 2, 2]), (7, [0, 0, 1, 1])])
def test_artifacts_of_before_neighbours_take_their_blocks_from_the_truth(tmp_path, scorer, expected):
    """Their own numbers follow each other across segments, where no block is another's neighbour."""
    store = Store(tmp_path / "store")
    ids = ("a", "b", "c", "d")
    with publish(store, "targets", "frames", "frames") as out:
        Clips(ids, ("s1", "s1", "s2", "s2"), np.array([0.0, 2, 0, 2]), np.full(4, 2, np.int8), ("",) * 4).save(out.path)
    compared = {"n_frames": 1, "width": 8, "height": 8}
    about = {"truth": {"sha256": "x"}, "checkpoints": {}, "scorer": scorer, "compared": compared, "clip_ids": list(ids)}
    with publish(store, "scores", "sub-1", "plain", truth=(out.ref,)) as scored:
        write_json(scored.path / "scores.json", {**about, "blocks": [0, 0, 1, 1], "scores": {}})
    assert read_run(str(scored.ref), lambda: store).blocks.tolist() == expected
