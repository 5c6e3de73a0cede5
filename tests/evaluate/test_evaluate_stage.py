"""The door of evaluate: the named protocol runs, its scorecard becomes the document, and absent clips are named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from brainflix.engine.job import Job
from brainflix.errors import DataError
from brainflix.evaluate import extras, stage
from brainflix.evaluate.design import Design, Settings, by_film
from brainflix.evaluate.parts import StrictParams
from brainflix.evaluate.scene import Film
from brainflix.evaluate.score import summarise
from brainflix.evaluate.scorecard import Line, Scorecard
from brainflix.evaluate.target_lines import target_lines
from brainflix.parts.contract import Inputs
from brainflix.parts.params import Params
from brainflix.parts.work import Tools, Work
from brainflix.report.scores import read_sheet
from brainflix.store.artifact import Artifact
from brainflix.store.refs import Ref
from brainflix.store.schema import Clips, Predictions, Targets
from brainflix.store.store import Store

N = 40
CLIPS = Clips(
    ids=tuple(f"test1_{i:03d}" for i in range(N)),
    segment=("test1",) * N,
    onset_s=np.arange(N) * 2.0,
    split=np.array([0] * 10 + [2] * 30),
    caption=("",) * N,
)
TEST = CLIPS.take(CLIPS.of("test"))
FILM = Film(TEST.segment, TEST.onset_s)


def design() -> Design:
    return by_film(FILM.segment, FILM.onset_s, Settings(permutations=999, n_boot=999))


class FakeParams(Params):
    scale: float = 2.0


def fake(params: FakeParams, inputs: Inputs, work: Work) -> Scorecard:
    score = summarise(np.arange(4.0) * params.scale, np.arange(4) // 2, protocol="fake", ceiling=1.0)
    lines = {"oddity": Line(score, "how odd it is", primary=True, unit="px", higher_is_better=False)}
    return Scorecard("fake", ("a", "b", "c", "d"), {"plain": Line(score, ""), **lines}, {"More": [{"x": 1}]})


def publish(store: Store, kind: str, step: str, save: Callable[[Path], None]) -> Artifact:
    ref = Ref(kind, f"demo-{step}", "0123456789ab")
    with store.publish(
        ref, stage="x", stage_version=1, parameters={"step": step}, inputs={}, recipe="r", seed=0, fsync=False
    ) as out:
        save(out.path)
    return store.open(ref)


def test_the_protocol_that_the_recipe_names_is_the_one_that_runs(tmp_path: Path) -> None:
    ref = Ref("scores", "demo-sub-1", "abcdef012345")
    job = Job("evaluate", "", "fake", 1, FakeParams(scale=3.0), ref, {}, 0, "demo", "r", "1")
    assert stage.run(fake, job.params, {}, job.work(tools(tmp_path))).save(tmp_path) is None
    document = json.loads((tmp_path / "scores.json").read_text())
    assert document["protocol"] == "fake" and document["subject"] == 1 and document["simulated"] is True
    assert document["n_clips"] == 4 and document["primary"] == ["oddity"] and document["tables"] == {"More": [{"x": 1}]}
    assert document["scores"]["oddity"]["value"] == 4.5 and "per_clip" not in document["scores"]["oddity"]
    assert (tmp_path / "data.zarr" / "per_clip" / "oddity").is_dir()
    row = read_sheet(document, ref="scores").rows[0]
    assert (row.metric, row.about, row.unit, row.higher_is_better) == ("oddity", "how odd it is", "px", False)


def tools(folder: Path) -> Tools:
    def no_device() -> Any:
        raise AssertionError("this needs no device")

    return Tools(Store(folder / "store"), no_device)


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Artifact]:
    store = Store(tmp_path_factory.mktemp("scored") / "store")
    rng = np.random.default_rng(0)
    truth = rng.standard_normal((N, 6)).astype(np.float32)
    target = publish(store, "targets", "z", Targets(truth, CLIPS).save)
    noisy = truth[CLIPS.of("test")] + 0.5 * rng.standard_normal((30, 6)).astype(np.float32)
    whole = publish(store, "predictions", "z", Predictions(noisy, TEST.ids, str(target.ref)).save)
    part = publish(store, "predictions", "short", Predictions(noisy[:-2], TEST.ids[:-2], str(target.ref)).save)
    return {"target": target, "whole": whole, "short": part}


def test_each_regressed_target_has_identification_that_leads_and_its_retrievals(
    artifacts: dict[str, Artifact], monkeypatch: pytest.MonkeyPatch
) -> None:
    ((step, matched),) = extras.matches([artifacts["whole"]], [artifacts["target"]], TEST.ids)
    lines = target_lines(step, matched, FILM, design(), (1, 3))
    assert [name for name, line in lines.items() if line.primary] == ["identification_z"]
    found = {f"retrieval{k}{way}_z" for k in (1, 3) for way in ("", "_stim_to_brain", "_near")}
    assert set(lines) == {"identification_z", *found, "pattern_z", "cosine_z", "explained_z"}
    assert lines["retrieval3_z"].about == "top-3 retrieval of the regressed target z among 30 clips, brain to stimulus"
    assert lines["retrieval3_z"].score.chance_analytic == pytest.approx(0.1)
    with pytest.raises(ValueError, match="greater than 0"):
        StrictParams(weights="demo/video-classifier", retrieval_k=(0,))


def test_a_target_never_takes_the_name_of_a_metric_of_videos(artifacts: dict[str, Artifact]) -> None:
    ((_, matched),) = extras.matches([artifacts["whole"]], [artifacts["target"]], TEST.ids)
    lines = target_lines("clip", matched, FILM, design())
    extras.check_line_names({"pixcorr": lines["cosine_clip"]}, lines)
    with pytest.raises(DataError, match="the step clip and the metric identification_clip have one name"):
        extras.check_line_names({"identification_clip": lines["cosine_clip"]}, lines)


def test_a_clip_that_was_not_predicted_is_named_with_the_artifact(artifacts: dict[str, Artifact]) -> None:
    with pytest.raises(DataError, match=r"predictions/demo-short@\w+ holds nothing for clip 'test1_038'"):
        list(extras.matches([artifacts["short"]], [artifacts["target"]], TEST.ids))


def test_decoders_of_other_subjects_are_compared_in_pairs_with_the_first(
    artifacts: dict[str, Artifact], tmp_path: Path
) -> None:
    target = artifacts["target"]
    truth = Targets.load(target).values[CLIPS.of("test")]
    rng = np.random.default_rng(1)
    store = Store(tmp_path / "store")
    transfer = [
        publish(store, "predictions", f"d{i}", Predictions(values.astype(np.float32), TEST.ids, str(target.ref)).save)
        for i, values in enumerate(
            [rng.standard_normal(truth.shape), truth, truth + 3 * rng.standard_normal(truth.shape)]
        )
    ]
    (rows,) = extras.transfer_table({"transfer": transfer, "targets": [target]}, TEST.ids, design()).values()
    first, best, poor = rows
    assert [row["decoder"] for row in rows] == ["d0", "d1", "d2"] and "gain" not in first
    assert best["gain"] == pytest.approx(best["identification"] - first["identification"], abs=2e-6)
    assert best["gain_lo"] > 0
    # 60 s of film are 3 blocks of 20 s, 8 sign patterns: no gain can have a p below 2 / 8.
    assert best["gain_p"] == 0.25 and best["gain_p_holm"] == 0.5
    assert poor["gain_p_holm"] >= max(poor["gain_p"], best["gain_p_holm"])
    assert extras.transfer_table({"targets": [target]}, TEST.ids, design()) == {}


def test_halves_of_repeats_give_a_targets_ceiling(artifacts: dict[str, Artifact], tmp_path: Path) -> None:
    target = artifacts["target"]
    truth = Targets.load(target).values[CLIPS.of("test")]
    rng = np.random.default_rng(2)
    store = Store(tmp_path / "store")
    noise = [rng.standard_normal(truth.shape).astype(np.float32) for _ in range(2)]

    def predicted(step: str, values: np.ndarray) -> Artifact:
        return publish(store, "predictions", step, Predictions(values, TEST.ids, str(target.ref)).save)

    odd, even = (predicted(name, truth + each) for name, each in zip(("odd", "even"), noise, strict=True))
    whole = predicted("whole", truth + (noise[0] + noise[1]) / 2)
    inputs = {"predictions": [whole], "targets": [target], "halves": [odd, even]}
    (rows,) = extras.half_table(inputs, TEST.ids).values()
    assert [row["target"] for row in rows] == ["whole"] and 0.6 < rows[0]["ceiling"] < 0.95
    assert extras.half_table({"targets": [target]}, TEST.ids) == {}
    with pytest.raises(DataError, match="in pairs"):
        extras.half_table({**inputs, "halves": [odd]}, TEST.ids)
    with pytest.raises(DataError, match="no prediction from all repeats"):
        extras.half_table({**inputs, "predictions": []}, TEST.ids)
    with pytest.raises(DataError, match="are not two halves"):
        extras.half_table({**inputs, "halves": [odd, odd]}, TEST.ids)
