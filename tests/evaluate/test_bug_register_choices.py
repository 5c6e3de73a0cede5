"""Known errors of released work in what is chosen: gates, checkpoints, seeds and batches; and that ours has none.

Numbers are those of docs/scoring.md, Known errors.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from metric_clips import smooth_clips
from numpy.typing import NDArray

from brainflix.engine.job import Job
from brainflix.engine.run import make_tools, run_job
from brainflix.evaluate import nway
from brainflix.evaluate.design import Settings as Chosen
from brainflix.evaluate.design import apart
from brainflix.evaluate.lines import make_line
from brainflix.evaluate.metric_params import About
from brainflix.evaluate.metrics.nway import accuracy
from brainflix.evaluate.request import score_request
from brainflix.evaluate.scene import PREDICTION, TRUTH
from brainflix.evaluate.score import Score
from brainflix.evaluate.temporal import Gate, temporal_consistency
from brainflix.progress import Silent
from brainflix.settings import Settings
from brainflix.store.schema import Predictions, Targets
from brainflix.store.store import Store
from brainflix.trained.files import load_result
from tests.evaluate.score_calls import request
from tests.parts_world import BOLD, TARGET, fill, fit_job, job

Floats = NDArray[np.float64]


def test_6_a_gate_in_some_rows_of_a_table_makes_equal_systems_differ() -> None:
    generator = np.random.default_rng(6)
    scene = generator.standard_normal((200, 1, 64))
    truth, a, b = (scene + 0.25 * generator.standard_normal((200, 5, 64)) for _ in range(3))
    second = generator.normal(0.6, 0.05, 200)
    gate = Gate(second)

    def released(embeddings: Floats, gated: bool) -> float:
        unit = embeddings / np.linalg.norm(embeddings, axis=2, keepdims=True)
        scores = (unit[:, :-1] * unit[:, 1:]).sum(axis=2).mean(axis=1)
        return float(np.where(second <= 0.6, 0.0, scores).mean() if gated else scores.mean())

    assert released(a, True) < 0.6 < 0.9 < released(b, False), "one table, two systems of one quality"
    one, two = (temporal_consistency(truth, each, gate=gate) for each in (a, b))
    assert one.gated is not None and two.gated is not None
    assert one.prediction.mean() == pytest.approx(released(a, False))
    assert one.gated.mean() == pytest.approx(released(a, True))
    assert abs(one.prediction.mean() - two.prediction.mean()) < 0.01
    assert abs(one.gated.mean() - two.gated.mean()) < 0.01
    assert temporal_consistency(truth, a).gated is None, "no gate unless it is asked for"


def test_15_a_checkpoint_chosen_on_test_clips_is_optimistic() -> None:
    generator = np.random.default_rng(15)
    # 300 trainings of 20 checkpoints of equal worth, each scored on 100 validation and on 100 test clips.
    worth, clips = 0.3, generator.normal(0.3, 1.0, (2, 300, 20, 100)).mean(axis=3)
    validation, test = clips
    released = test.max(axis=1)
    ours = np.take_along_axis(test, validation.argmax(axis=1)[:, None], axis=1)[:, 0]
    error = ours.std() / np.sqrt(300)
    assert abs(ours.mean() - worth) < 4 * error
    assert released.mean() > worth + 10 * error


MASKED = {"preset": "tiny", "epochs": 2, "width": 8, "depth": 1, "decoder_width": 8, "patch_size": 8}
MBM = job("train", "masked-brain-modelling", "model", MASKED, {"rows": tuple(BOLD)})
TUNED = {"preset": "tiny", "epochs": 4, "patience": 1, "batch_size": 30}
STARTED = {"rows": tuple(BOLD), "start": (MBM.ref,), "embeddings": (TARGET,)}
CONTRASTIVE = job("train", "clip-contrastive", "model", TUNED, STARTED)
REGRESSED = {"rows": tuple(BOLD), "test": (BOLD[0],), "target": (TARGET,)}
RIDGE, MLP = (job("regress", part, "predictions", {}, REGRESSED) for part in ("ridge", "mlp"))
NETWORK = fit_job(MLP, "rows", "target")
ASKED = replace(MLP, inputs={"test": REGRESSED["test"], "target": REGRESSED["target"], "fit": (NETWORK.ref,)})
REGRESSORS = (RIDGE, NETWORK, ASKED)


def _run(folder: Path, works: tuple[Job, ...], **spoiled: float) -> Store:
    store = Store(folder)
    fill(store, **spoiled)
    for work in works:
        run_job(work, store, make_tools(store, Settings(device="cpu"), Silent()))
    return store


def test_15_no_training_of_ours_can_see_a_test_clip(tmp_path: Path) -> None:
    works = (MBM, CONTRASTIVE)
    stores = [_run(tmp_path / "a", works), _run(tmp_path / "b", works, test_response=1e3, test_target=-1e3)]
    assert len({Targets.load(store.open(TARGET)).values.min().item() for store in stores}) == 2, "the worlds do differ"
    for work in works:
        one, other = (load_result(store.path(work.ref)) for store in stores)
        assert one.history == other.history, "scores that choose the epoch"
        assert all(torch.equal(one.state[name], other.state[name]) for name in one.state)
    # The regressors predict test rows, so only what is to be predicted may differ between the worlds.
    stores = [_run(tmp_path / "c", REGRESSORS), _run(tmp_path / "d", REGRESSORS, test_target=-1e3)]
    for work in (RIDGE, ASKED):
        values = [Predictions.load(store.open(work.ref)).values for store in stores]
        assert np.array_equal(*values)


def test_16_released_scores_change_with_seed_and_order_and_ours_with_nothing(tmp_path: Path) -> None:
    generator = np.random.default_rng(16)
    truth, prediction = generator.standard_normal((2, 40, 60))
    prediction += 0.5 * truth
    classes = nway.truth_classes(truth, 1)

    def released(seed: int, order: NDArray[np.int64]) -> float:
        draw, hits = np.random.default_rng(seed), []
        for clip in order:
            own = classes[clip, 0]
            pool = np.setdiff1d(np.arange(60), own)
            drawn = [prediction[clip, draw.choice(pool, 9, replace=False)].max() for _ in range(20)]
            hits.append(np.mean(prediction[clip, own] > np.array(drawn)))
        return float(np.mean(hits))

    forward, backward = np.arange(40), np.arange(40)[::-1]
    assert len({released(0, forward), released(1, forward), released(0, backward)}) == 3

    def exact(order: NDArray[np.int64], seed: int) -> Score:
        scores = {TRUTH: truth[order], PREDICTION: prediction[order]}
        design = apart(order, Chosen(seed=seed))
        return make_line(About(about="10-way accuracy"), accuracy(scores, 10, 1, design), design, "strict").score

    ours = [exact(forward, seed) for seed in (0, 1)]
    assert ours[0].value == ours[1].value and np.array_equal(ours[0].per_clip, ours[1].per_clip)
    turned = exact(backward, 0)
    assert np.array_equal(turned.per_clip[::-1], ours[0].per_clip)
    batches = [nway.accuracy(nway.count(prediction[i : i + 7], classes[i : i + 7]), 10) for i in range(0, 40, 7)]
    assert np.array_equal(np.concatenate(batches), ours[0].per_clip)

    for name, clips in (("t", smooth_clips(3, 2, 32, 0)), ("p", smooth_clips(3, 2, 32, 1))):
        np.save(tmp_path / f"{name}.npy", clips)
    found = [
        score_request(
            request(tmp_path / "p.npy", tmp_path / "t.npy", metrics=("psnr", "epe"), seed=seed, workers=workers)
        )
        for seed, workers in ((0, 1), (1, 2))
    ]
    for name, line in found[0]["scores"].items():
        assert line["per_clip"] == found[1]["scores"][name]["per_clip"], name
        assert line["value"] == found[1]["scores"][name]["value"], name
