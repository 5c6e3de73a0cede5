"""The papers' protocols as parts of `evaluate`: the numbers of `score` on the same clips, from artifacts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from metric_clips import smooth_clips

from brainflix.cli.app import invoke
from brainflix.device import Compute
from brainflix.engine.job import Job
from brainflix.engine.run import run_job
from brainflix.errors import DataError, IntegrityError, UsageError
from brainflix.evaluate.parts import GlfaParams, MindAnimatorParams, MindVideoParams
from brainflix.evaluate.protocols import PROTOCOLS
from brainflix.evaluate.request import score_request
from brainflix.io.weights import folder_digest
from brainflix.parts.work import Tools
from brainflix.report.scores import read_sheet
from brainflix.store.artifact import Artifact
from brainflix.store.export import export
from brainflix.store.keys import artifact_key
from brainflix.store.refs import Ref
from brainflix.store.schema import Clips, Videos
from brainflix.store.store import Store
from tests.evaluate import tiny_networks as tiny
from tests.evaluate.score_calls import request
from tests.parts_world import chosen_params

PAPERS = [name for name in PROTOCOLS if name != "strict"]
N, FRAMES, FPS_HZ, BLOCK = 4, 16, 8.0, 2
# The film's order is that of the ids; the last two clips are for training.
CLIPS = Clips(
    ids=tuple(f"clip{i}" for i in range(N + 2)),
    segment=("b",) * BLOCK + ("a",) * BLOCK + ("c",) * 2,
    onset_s=np.array([0.0, 2, 0, 2, 0, 2]),
    split=np.array([2] * N + [0] * 2),
    caption=("",) * (N + 2),
)
TRUTH = smooth_clips(N + 2, FRAMES, 40, 0)
PREDICTION = smooth_clips(N, FRAMES, 40, 1) // 2 + TRUTH[:N] // 2
PIXELS = ("ssim", "ssim_excess", "psnr", "vifi", "fvd")
# Optical flow takes a minute at the largest sizes.
METRICS = dict.fromkeys(PAPERS, PIXELS) | {"mindvideo": (*PIXELS, "epe", "flow_cosine_matched")}
Run = Callable[..., Artifact]


def publish(store: Store, ref: Ref, *saved: Any) -> Ref:
    with store.publish(ref, stage="x", stage_version=1, parameters={}, inputs={}, recipe="r", fsync=False) as out:
        for each in saved:
            each.save(out.path)
    return ref


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """The truth with training clips, and a prediction whose clips are not in the film's order."""
    made = Store(tmp_path / "store")
    publish(made, Ref("targets", "demo-frames", "0" * 12), CLIPS, Videos(TRUTH, CLIPS.ids, FPS_HZ))
    order = [2, 0, 3, 1]
    shuffled = Videos(PREDICTION[order], tuple(CLIPS.ids[i] for i in order), FPS_HZ)
    publish(made, Ref("videos", "demo-sub-1", "0" * 12), shuffled)
    return made


@pytest.fixture
def run(store: Store) -> Run:
    """Run a part of `evaluate` on the store as a recipe's step would be."""

    def run_part(part: str, inputs: dict[str, tuple[Ref, ...]] | None = None, **params: Any) -> Artifact:
        planned = chosen_params("evaluate", part, params)
        plain = planned.model_dump(mode="json")
        ref = Ref("scores", "demo-sub-1", artifact_key("scores", 1, {"part": part, **plain}, {}, ""))
        roles = {"videos": (store.resolve("videos/demo-sub-1"),), "truth": (store.resolve("targets/demo-frames"),)}
        job = Job("evaluate", "", part, 1, planned, ref, roles | (inputs or {}), 7, "demo", "r", "")
        cpu = Compute(torch.device("cpu"), torch.float32, "a test's")
        run_job(job, store, Tools(store, lambda: cpu, cache=store.root.parent / "cache"))
        return store.open(ref)

    return run_part


def by_score(store: Store, tmp_path: Path, protocol: str, **choices: Any) -> dict[str, Any]:
    """Score the same clips as exported, of which film and training clips are known."""
    for side, text in (("p", "videos/demo-sub-1"), ("t", "targets/demo-frames")):
        if not (tmp_path / side).exists():
            export(store, store.resolve(text), tmp_path / side)
    return score_request(request(tmp_path / "p", tmp_path / "t", protocol=protocol, seed=7, **choices))


def assert_same(artifact: Artifact, document: dict[str, Any]) -> None:
    found = artifact.json("scores.json")
    assert set(found["scores"]) == set(document["scores"]) and found["clip_ids"] == document["clip_ids"]
    assert found["primary"] == [name for name, line in document["scores"].items() if line["primary"]]
    for name, line in document["scores"].items():
        own = np.array([np.nan if value is None else value for value in line["per_clip"]])
        np.testing.assert_array_equal(artifact.load(f"per_clip/{name}"), own)
        assert found["scores"][name] == {key: line[key] for key in line if key not in ("per_clip", "primary")}
    assert found["tables"].get("Not scored", []) == document["skipped"]


@pytest.mark.parametrize("protocol", PAPERS)
def test_every_line_is_that_of_score_on_the_same_clips(run: Run, store: Store, tmp_path: Path, protocol: str) -> None:
    most = 200
    artifact = run(protocol, metrics=METRICS[protocol], block_s=4.0, permutations=most)
    document = by_score(store, tmp_path, protocol, metrics=METRICS[protocol], block_s=4.0, permutations=most)
    assert {"ssim_excess", "psnr", "psnr_pooled"} <= set(document["scores"])
    assert {"vifi", "fvd"} <= {each["metric"] for each in document["skipped"]}
    assert_same(artifact, document)
    notes = [row["note"] for row in artifact.json("scores.json")["tables"]["Notes"]]
    assert any("rotations within 2 segments" in note for note in notes) and set(PROTOCOLS[protocol].notes) < set(notes)
    sheet = read_sheet(artifact.json("scores.json"), ref="x")
    assert sheet.protocol == protocol and [table.title for table in sheet.tables] == ["Not scored", "Notes"]


def test_bugs_on_request_are_those_of_score_and_stand_in_the_protocols_name(
    run: Run, store: Store, tmp_path: Path
) -> None:
    choices: dict[str, Any] = {"metrics": ("hue_cos", "hue_cos_bgr"), "bug_compat": True}
    artifact = run("mindanimator", **choices, block_s=2.0, permutations=20)
    assert_same(artifact, by_score(store, tmp_path, "mindanimator", **choices, block_s=2.0, permutations=20))
    assert artifact.json("scores.json")["protocol"] == "mindanimator --bug-compat"


def test_networks_score_as_in_score_and_are_kept_and_pinned(run: Run, store: Store, tmp_path: Path) -> None:
    folder = tiny.save_clip(tmp_path / "clip")
    metrics, text = ("vifi",), str(folder)
    artifact = run("mindvideo", metrics=metrics, checkpoints={"vifi": {"weights": text}}, block_s=4.0)
    assert_same(
        artifact, by_score(store, tmp_path, "mindvideo", metrics=metrics, checkpoints=(f"vifi={text}",), block_s=4.0)
    )
    digest = folder_digest(folder)
    assert artifact.manifest.parameters["checkpoints"] == {"vifi": {"weights": text, "revision": digest}}
    tables = artifact.json("scores.json")["tables"]
    assert tables["Checkpoints"] == [{"network": "vifi", "source": text, "revision": digest}]
    assert "Not scored" not in tables and not any("not scored" in row["note"] for row in tables["Notes"])
    assert list((store.root.parent / "cache").rglob("*.npz"))
    planned = MindVideoParams(checkpoints={"vifi": {"weights": text}}).model_dump(mode="json")
    assert MindVideoParams.model_validate(planned).model_dump(mode="json") == planned
    (folder / "preprocessor_config.json").write_text("{}")
    with pytest.raises(UsageError, match="not those of revision"):
        MindVideoParams.model_validate(planned)
    assert MindVideoParams(checkpoints={"vifi": {"weights": text}}).checkpoints["vifi"].revision != digest


def test_the_key_names_all_weights_that_the_metrics_may_take_and_no_others() -> None:
    every = {key: each.revision for key, each in MindVideoParams().checkpoints.items()}
    assert set(every) == {"vit", "videomae", "clip_b32", "clip_l14"} and all(every.values())
    assert set(MindVideoParams(metrics=("clip_tc",)).checkpoints) == {"clip_b32"}
    assert MindVideoParams(metrics=("ssim",)).checkpoints == {}
    other = {"vit": {"weights": "somebody/vit", "revision": "abc1234"}}
    assert MindVideoParams(checkpoints=other).checkpoints["vit"].revision == "abc1234"


@pytest.mark.parametrize(
    ("model", "params", "words"),
    [
        (MindVideoParams, {"metrics": ("psnrr",)}, "unknown metric 'psnrr' under protocol mindvideo"),
        (MindVideoParams, {"metrics": ("hue_cos",)}, "unknown metric 'hue_cos'"),
        (MindAnimatorParams, {"metrics": ("hue_cos_bgr",)}, "unknown metric 'hue_cos_bgr'"),
        (GlfaParams, {"checkpoints": {"vitt": {"weights": "demo/clip"}}}, "unknown checkpoint 'vitt'"),
        (GlfaParams, {"bug_compat": True}, "bug_compat changes nothing under protocol glfa"),
        (MindVideoParams, {"bug_compat": True}, "bug_compat changes nothing under protocol mindvideo"),
    ],
)
def test_what_cannot_be_scored_is_refused_before_anything_runs(model: Any, params: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        model(**params)


def test_videos_that_the_protocol_cannot_have_are_one_sentence(run: Run, store: Store) -> None:
    def given(frames: np.ndarray, fps_hz: float, ids: tuple[str, ...], name: str) -> dict[str, tuple[Ref, ...]]:
        return {"videos": (publish(store, Ref("videos", name, "1" * 12), Videos(frames, ids, fps_hz)),)}

    ids = CLIPS.ids[:N]
    with pytest.raises(DataError, match="clip clip0: the prediction has 8 frames, the protocol needs 12"):
        run("glfa", given(PREDICTION[:, :8], FPS_HZ, ids, "short"), metrics=("psnr",))
    with pytest.raises(DataError, match="frames of different rates cannot be matched by index"):
        run("mindvideo", given(PREDICTION, 3.0, ids, "slow"), metrics=("psnr",))
    with pytest.raises(DataError, match="1 clip unknown here"):
        run("mindvideo", given(PREDICTION, FPS_HZ, (*ids[1:], "zzz"), "others"), metrics=("psnr",))
    with pytest.raises(DataError, match="2 artifacts are given as videos"):
        run("mindvideo", {"videos": (store.resolve("videos/demo-sub-1"),) * 2}, metrics=("psnr",))
    assert not list((store.root / "scores").rglob("manifest.json"))


def test_damaged_frames_are_never_scored(run: Run, store: Store) -> None:
    folder = store.path(store.resolve("videos/demo-sub-1")) / "data.zarr" / "frames"
    chunk = max((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    data = bytearray(chunk.read_bytes())
    data[len(data) // 2] ^= 1
    chunk.write_bytes(bytes(data))
    with pytest.raises(IntegrityError, match=r"videos/demo-sub-1@0+ is damaged: data.zarr/frames/.* has other content"):
        run("mindvideo", metrics=("psnr",))


def test_scores_of_one_protocol_are_compared_and_of_two_are_not(
    run: Run, store: Store, capfd: pytest.CaptureFixture[str]
) -> None:
    first, again, other = (
        str(run(part, metrics=("psnr", "pixcorr"), permutations=n, block_s=4.0).ref)
        for part, n in (("mindvideo", 10), ("mindvideo", 20), ("neurons", 10))
    )
    assert invoke(("compare", first, again, "--metrics", "psnr", "--store", str(store.root), "--json")) == 0
    capfd.readouterr()
    assert invoke(("compare", first, other, "--store", str(store.root))) == 3
    assert "protocol: mindvideo, against neurons" in capfd.readouterr().err


def test_they_are_listed(capfd: pytest.CaptureFixture[str]) -> None:
    assert invoke(("list", "parts", "evaluate", "--quiet")) == 0
    assert capfd.readouterr().out.split() == ["strict", "features", *PAPERS]
