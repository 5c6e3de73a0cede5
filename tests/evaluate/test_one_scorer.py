"""One scorer: the same videos as artifacts, as exported folders and by ref give the same lines, and so does a fit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from metric_clips import smooth_clips

from brainflix.device import Compute
from brainflix.engine.job import Job
from brainflix.errors import DataError, Renamed, UsageError
from brainflix.evaluate.known import Known
from brainflix.evaluate.leaderboard import check_comparable
from brainflix.evaluate.metric import ClipMetric, Found, MetricWork
from brainflix.evaluate.metric_params import About, MetricParams
from brainflix.evaluate.parts import MindVideoParams, StrictParams
from brainflix.evaluate.protocols import PROTOCOLS, compared_size
from brainflix.evaluate.request import score_request
from brainflix.evaluate.runs import read_run
from brainflix.evaluate.scene import Scene
from brainflix.evaluate.scorecard import Scorecard
from brainflix.evaluate.shelves import of_artifact
from brainflix.parts import find
from brainflix.parts.part import FIT, Part
from brainflix.parts.work import Tools, Work
from brainflix.store.artifact import Artifact
from brainflix.store.export import export
from brainflix.store.refs import Ref
from brainflix.store.schema import Clips, Videos
from brainflix.store.store import Store
from tests.evaluate.score_calls import request
from tests.parts_world import chosen_params

N, TRAINING, FRAMES, SIZE, FPS_HZ, SEED = 44, 4, 3, 32, 4.0, 5
# Two segments of 22 clips, so that three clips of each lie 20 s or more from another.
CLIPS = Clips(
    ids=tuple(f"test1_{i:03d}" for i in range(N)) + tuple(f"train_{i}" for i in range(TRAINING)),
    segment=("b",) * (N // 2) + ("a",) * (N // 2) + ("t",) * TRAINING,
    onset_s=np.concatenate([2.0 * (np.arange(N) % (N // 2)), 2.0 * np.arange(TRAINING)]),
    split=np.array([2] * N + [0] * TRAINING),
    caption=("",) * (N + TRAINING),
)
IDS = CLIPS.ids[:N]
TRUTH = smooth_clips(N + TRAINING, FRAMES, SIZE, 0)
METRICS = ("nway_2_video_g1", "ssim", "ssim_excess", "pixcorr", "psnr", "hue_circ", "flow_cosine", "epe", "skill")
WEIGHTS = "demo/video-classifier"


def publish(store: Store, kind: str, name: str, *saved: Any, **inputs: Any) -> Ref:
    ref = Ref(kind, f"demo-{name}", "0" * 12)
    with store.publish(
        ref, stage="x", stage_version=1, parameters={"step": name}, inputs=inputs, recipe="r", seed=0, fsync=False
    ) as out:
        for each in saved:
            each.save(out.path)
    return ref


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Truth, prediction, oracle and a baseline; the prediction's clips are not in the film's order."""
    made = Store(tmp_path_factory.mktemp("one") / "store")
    truth = publish(made, "targets", "frames", CLIPS, Videos(TRUTH, CLIPS.ids, FPS_HZ))
    order = np.random.default_rng(0).permutation(N)
    for name, share, seed in (("video", 2, 1), ("oracle", 3, 2), ("unconditional", 0, 3)):
        noise = smooth_clips(N, FRAMES, SIZE, seed)
        frames = (noise * ((4 - share) / 4) + TRUTH[:N] * (share / 4)).astype(np.uint8)
        rows = order if name == "video" else np.arange(N)
        videos = Videos(frames[rows], tuple(IDS[row] for row in rows), FPS_HZ)
        publish(made, "videos", name, videos, clips=[str(truth)])
    return made


def open_inputs(store: Store, *, beside: bool) -> dict[str, list[Artifact]]:
    inputs = {"videos": [store.open("videos/demo-video")], "truth": [store.open("targets/demo-frames")]}
    if beside:
        inputs["oracle"] = [store.open("videos/demo-oracle")]
        inputs["baselines"] = [store.open("videos/demo-unconditional")]
    return inputs


def work_of(store: Store, params: Any) -> Work:
    job = Job("evaluate", "", "strict", 1, params, Ref("scores", "demo-1", "1" * 12), {}, SEED, "demo", "r", "")
    return job.work(Tools(store, lambda: Compute(torch.device("cpu"), torch.float32, "a test's")))


def as_artifacts(store: Store, *, beside: bool, fitted: Artifact | None = None) -> Scorecard:
    params = chosen_params("evaluate", "strict", {"weights": WEIGHTS, "metrics": METRICS})
    inputs = open_inputs(store, beside=beside) | ({} if fitted is None else {FIT: [fitted]})
    card = find.find("evaluate", "strict").load()(params, inputs, work_of(store, params))
    assert isinstance(card, Scorecard)
    return card


def plain(document: Mapping[str, Any]) -> dict[str, Any]:
    dropped = ("per_clip", "primary")
    return {name: {k: v for k, v in line.items() if k not in dropped} for name, line in document["scores"].items()}


def test_the_last_frame_of_an_artifact_is_as_long_as_the_others(store: Store) -> None:
    assert of_artifact(store.open("videos/demo-video")).read(IDS[0]).last_s == 1 / FPS_HZ


@pytest.mark.parametrize("beside", [False, True])
def test_artifact_export_and_ref_give_the_same_lines(store: Store, tmp_path: Path, beside: bool) -> None:
    card = as_artifacts(store, beside=beside)
    choices: dict[str, Any] = {"metrics": METRICS, "checkpoints": (f"videomae={WEIGHTS}",), "seed": SEED}
    for name in ("videos/demo-video", "targets/demo-frames", "videos/demo-oracle", "videos/demo-unconditional"):
        export(store, store.resolve(name), tmp_path / Path(name).name)
    others = {"oracle": "demo-oracle", "baselines": ("unconditional=demo-unconditional",)} if beside else {}

    def at(root: str, of: str) -> str:
        kind = "targets" if of == "demo-frames" else "videos"
        return f"{tmp_path}/{of}" if root == "export" else f"{kind}/{of}"

    for root in ("export", "ref"):
        given: dict[str, Any] = {}
        if others:
            given["oracle"] = at(root, "demo-oracle")
            given["baselines"] = (f"unconditional={at(root, 'demo-unconditional')}",)
        asked = request(at(root, "demo-video"), at(root, "demo-frames"), store=lambda: store, **choices, **given)
        document = score_request(asked)
        assert document["clip_ids"] == list(card.clip_ids) == list(IDS), "the film's order"
        assert plain(document) == plain(card.document())
        for name, line in document["scores"].items():
            own = np.array([np.nan if value is None else value for value in line["per_clip"]])
            np.testing.assert_array_equal(card.lines[name].score.per_clip, own)
        assert document["truth"]["sha256"] == card.details["truth"]["sha256"]
        assert document["blocks"] == card.details["blocks"]
    line = card.lines["ssim_excess"].score
    expected = {"grey", "train_mean", "blurred", "static_first", "truth_first", "mismatched"}
    assert set(line.baselines) == expected | ({"unconditional"} if beside else set())
    assert (line.ceiling is None) != beside
    assert card.details["permutations"]["said"] == "rotations within 2 segments; chance from clips 20 s or more apart"
    assert (line.p, line.p_min, line.n_group) == (1 / 484, 1 / 484, 484), "22 x 22 rotations, each once"


def test_an_export_holds_the_artifacts_frames_and_says_where_clips_lie(store: Store, tmp_path: Path) -> None:
    folder = export(store, store.resolve("videos/demo-video"), tmp_path / "out")
    from brainflix.evaluate.shelves import of_folder

    shelf, videos = of_folder(folder), Videos.load(store.open("videos/demo-video"))
    for row, name in enumerate(videos.clip_ids):
        np.testing.assert_array_equal(shelf.read(name).frames, videos.frames[row])
    assert shelf.table is not None and shelf.table.fps_hz == FPS_HZ
    at = CLIPS.places(shelf.table.ids)
    assert shelf.table.segment == tuple(CLIPS.segment[i] for i in at)
    np.testing.assert_array_equal(shelf.table.onset_s, CLIPS.onset_s[at])
    assert set(shelf.table.split) == {"test"}
    with pytest.raises(UsageError, match="says where its clips lie"):
        export(store, store.resolve("targets/demo-frames"), tmp_path / "truth")
        score_request(request(folder, tmp_path / "truth", block=2, metrics=("psnr",)))


def test_what_all_subjects_share_is_scored_once_and_changes_no_number(store: Store, tmp_path: Path) -> None:
    params = chosen_params("evaluate", "strict", {"weights": WEIGHTS, "metrics": METRICS})
    part = find.find("evaluate", "strict")
    assert part.fit is not None
    inputs = {role: each for role, each in open_inputs(store, beside=True).items() if role in part.fit.reads}
    (fit,) = part.load_fit()
    known = fit(params, inputs, work_of(store, params))
    assert isinstance(known, Known)
    place = Store(tmp_path / "store")
    ref = publish(place, "scores", "fit", known)
    fitted = place.open(ref)
    assert set(Known.load(fitted).own["pixcorr"]) == {"grey", "train_mean", "truth_first", "unconditional", "oracle"}
    plainly, quickly = (as_artifacts(store, beside=True, fitted=each) for each in (None, fitted))
    assert quickly.document() == plainly.document()
    # Wrong values show that they are read; of other true frames they are not.
    lies = Known({**known.of}, {"pixcorr": {"oracle": np.full(N, 0.5)}}, known.floors, known.said, known.mean_frame)
    told = as_artifacts(store, beside=True, fitted=place.open(publish(place, "scores", "lies", lies)))
    assert told.lines["pixcorr"].score.ceiling == 0.5
    strange = Known({**known.of, "truth_sha256": "other"}, lies.own, lies.floors, lies.said, known.mean_frame)
    told = as_artifacts(store, beside=True, fitted=place.open(publish(place, "scores", "strange", strange)))
    assert told.document() == plainly.document()


def test_documents_and_artifacts_are_compared_where_they_were_made_alike(store: Store, tmp_path: Path) -> None:
    card = as_artifacts(store, beside=False)
    place = Store(tmp_path / "store")
    ref = publish(place, "scores", "card", card)
    choices: dict[str, Any] = {"checkpoints": (f"videomae={WEIGHTS}",), "seed": SEED, "store": lambda: store}
    runs = [read_run(str(ref), lambda: place)]
    for number, metrics in enumerate((METRICS, ("pixcorr", "psnr"))):
        found = score_request(request("videos/demo-video", "targets/demo-frames", metrics=metrics, **choices))
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps(found))
        runs.append(read_run(str(path), lambda: place))
    check_comparable(runs)
    np.testing.assert_array_equal(runs[0].blocks, runs[1].blocks)
    np.testing.assert_array_equal(runs[0].values("pixcorr", IDS), runs[2].values("pixcorr", IDS))
    other = score_request(request("videos/demo-video", "targets/demo-frames", protocol="brainnetflix", **choices))
    (tmp_path / "other.json").write_text(json.dumps(other))
    with pytest.raises(DataError, match="protocol: strict, against brainnetflix"):
        check_comparable([runs[0], read_run(str(tmp_path / "other.json"), lambda: place)])
    (tmp_path / "old.json").write_text(json.dumps({**other, "schema": 1}))
    with pytest.raises(DataError, match="older brainflix"):
        read_run(str(tmp_path / "old.json"), lambda: place)


def test_strict_keeps_the_truths_size_where_both_sides_are_smaller() -> None:
    strict, paper = PROTOCOLS["strict"], PROTOCOLS["mindvideo"]
    assert compared_size(strict, (64, 80), (100, 90)) == (64, 80)
    for truth, prediction in (((256, 64), (64, 64)), ((64, 64), (64, 256)), ((300, 300), (400, 400))):
        assert compared_size(strict, truth, prediction) == (256, 256)
    assert compared_size(paper, (64, 64), (64, 64)) == (256, 256)


def test_clips_of_several_sizes_are_all_compared_at_the_protocols(tmp_path: Path) -> None:
    for side in ("p", "t"):
        (tmp_path / side).mkdir()
        for name, size in (("a", 24), ("b", 40)):
            np.save(tmp_path / side / f"{name}.npy", smooth_clips(1, 2, size, size)[0])
    found = score_request(request(tmp_path / "p", tmp_path / "t", metrics=("psnr",)))
    assert (found["protocol"]["height"], found["protocol"]["own_size"]) == (256, False)
    assert "truth: resized from 24x24 to 256x256" in found["notes"] and found["scores"]["psnr"]["value"] == 100.0


def test_former_names_of_parameters_are_read_and_the_new_ones_said() -> None:
    with pytest.warns(Renamed, match=r"evaluate\.repairings is now evaluate\.permutations"):
        assert MindVideoParams.model_validate({"repairings": 20, "metrics": ["psnr"]}).permutations == 20
    with pytest.warns(Renamed, match=r"evaluate\.n_draws is now evaluate\.permutations"):
        assert StrictParams.model_validate({"weights": WEIGHTS, "n_draws": 999}).permutations == 999
    with pytest.raises(UsageError, match="one parameter"):
        StrictParams.model_validate({"weights": WEIGHTS, "n_draws": 999, "permutations": 999})


class BrightParams(MetricParams):
    LINES: ClassVar[Mapping[str, About]] = {
        "brightness": About(about="how far apart mean brightness is", higher_is_better=False, asked=True)
    }


def brightness(params: BrightParams, inputs: Scene, work: MetricWork) -> Found:
    """Return the distance of mean brightness, as a package of somebody's would."""

    def own(truth: Any, prediction: Any) -> np.ndarray:
        return np.array([abs(truth.frames.mean() - prediction.frames.mean())])

    def pairs(truths: Any, predictions: Any) -> np.ndarray:
        means = [np.array([clip.mean() for clip in side.pixels]) for side in (truths, predictions)]
        return np.abs(means[0] - means[1][:, None])

    return {"brightness": ClipMetric(own, pairs)}


brightness.Params = BrightParams  # type: ignore[attr-defined]


def test_a_metric_of_another_package_is_scored_like_our_own(
    store: Store, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    target = f"{__name__}:brightness"
    part = Part(target, None, "brightness", package="somebodys", version="1.0")
    monkeypatch.setattr(find, "_plugins", lambda: {"metric": {"bright": [part]}})
    found = score_request(
        request("videos/demo-video", "targets/demo-frames", store=lambda: store, metrics=("bright", "pixcorr"))
    )
    assert set(found["scores"]) == {"brightness", "pixcorr"}
    line = found["scores"]["brightness"]
    means = Videos.load(store.open("videos/demo-video"))
    rows = [means.clip_ids.index(name) for name in IDS]
    own = [abs(TRUTH[i].mean() - means.frames[row].mean()) for i, row in enumerate(rows)]
    assert line["per_clip"] == pytest.approx(own) and line["about"] == "how far apart mean brightness is"
    assert line["p"] is not None and {"grey", "train_mean", "mismatched"} <= set(line["baselines"])
    params = StrictParams(weights=WEIGHTS, metrics=("bright", "pixcorr"))
    assert params.packages == {"bright": "somebodys 1.0"}, "another version makes another artifact"
    assert (
        "brightness"
        not in score_request(
            request("videos/demo-video", "targets/demo-frames", store=lambda: store, metrics=("psnr",))
        )["scores"]
    )
