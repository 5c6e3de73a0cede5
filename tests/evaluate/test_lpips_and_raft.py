"""LPIPS and RAFT flow in `score`: definitions as loops, sampled permutations, and what stands still."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from brainflix.evaluate.design import Design, Settings, apart, by_blocks, by_film
from brainflix.evaluate.gathering import permuted
from brainflix.evaluate.lines import make_line
from brainflix.evaluate.metrics.lpips import perceptual
from brainflix.evaluate.metrics.raft import of_flows
from brainflix.evaluate.parts import LpipsParams, RaftParams
from brainflix.evaluate.scene import STILL
from brainflix.evaluate.scorecard import Line
from brainflix.evaluate.videos import VideoSet
from tests.evaluate.worlds import film

RAFT = tuple(RaftParams.LINES)
N, SHAPE = 5, (2, 8, 16, 2)


def design(n: int = N, block: int = 1, seed: int = 0) -> Design:
    settings = Settings(seed=seed, block=block)
    return by_blocks(n, settings) if block > 1 else apart(np.random.default_rng(9).permutation(n), settings)


def lines_of(flows: dict[str, np.ndarray], fps_hz: float | None) -> dict[str, Line]:
    found = of_flows(flows, fps_hz, design(), list(STILL))
    return {name: make_line(RaftParams.LINES[name], each, design(), "strict") for name, each in found.items()}


def flows() -> dict[str, np.ndarray]:
    truth, noise, other = np.random.default_rng(0).standard_normal((3, N, *SHAPE)).astype(np.float32)
    return {"truth": truth, "prediction": 0.8 * truth + 0.3 * noise, "blurred": 0.1 * other}


def error(f: np.ndarray, g: np.ndarray) -> float:
    """Mean distance of flow vectors in diagonals per second, at 4 frames per second."""
    return float(np.mean([np.hypot(*vector) for vector in (f - g).reshape(-1, 2).astype(float)]) * 4 / np.hypot(8, 16))


def test_flow_errors_are_those_of_the_definition() -> None:
    seen = flows()
    lines = lines_of(seen, 4.0)
    assert tuple(sorted(lines)) == tuple(sorted(RAFT))
    pairs = list(zip(seen["truth"], seen["prediction"], strict=True))
    speed = np.array([error(f, np.zeros_like(f)) for f in seen["truth"]])
    own = np.array([error(f, g) for f, g in pairs])
    assert lines["epe_raft"].score.per_clip == pytest.approx(own, rel=1e-5)
    assert lines["epe_raft_static"].score.per_clip == pytest.approx(speed, rel=1e-5)
    assert lines["skill_raft"].score.per_clip == pytest.approx(1 - own / speed, rel=1e-4)
    cosine = [float((f * g).sum() / np.sqrt((f * f).sum() * (g * g).sum())) for f, g in pairs]
    assert lines["flow_cosine_raft"].score.per_clip == pytest.approx(cosine, abs=1e-5)
    every = [error(f, g) for i, f in enumerate(seen["truth"]) for j, g in enumerate(seen["prediction"]) if i != j]
    assert lines["epe_raft"].score.chance == pytest.approx(np.mean(every), rel=1e-5)
    # Every other order of 5 clips is worse.
    assert lines["epe_raft"].score.p == lines["skill_raft"].score.p == 1 / 120
    assert lines["flow_cosine_raft"].score.p < 0.05


def test_still_baselines_score_what_a_still_clip_must() -> None:
    lines = lines_of(flows(), 4.0)
    for name in STILL:
        assert lines["epe_raft"].score.baselines[name] == pytest.approx(lines["epe_raft_static"].score.value)
        assert lines["skill_raft"].score.baselines[name] == lines["flow_cosine_raft"].score.baselines[name] == 0.0
    assert 0 != lines["skill_raft"].score.baselines["blurred"] < lines["skill_raft"].score.value


def test_skill_needs_no_frame_rate_and_a_still_truth_has_none() -> None:
    seen = flows()
    with_rate, without = (lines_of(seen, rate) for rate in (4.0, None))
    assert with_rate["skill_raft"].score.per_clip == pytest.approx(without["skill_raft"].score.per_clip)
    seen["truth"][3] = 0.0
    lines = lines_of(seen, None)
    for name in ("skill_raft", "flow_cosine_raft"):
        assert np.isnan(lines[name].score.per_clip[3])
        assert (lines[name].score.n, lines[name].score.n_nan) == (N - 1, 1) and np.isfinite(lines[name].score.chance)


def test_perceptual_distance_of_true_pairs_baselines_and_rotations() -> None:
    clips = np.random.default_rng(0).integers(0, 256, (3, 30, 2, 4, 4, 3), dtype=np.uint8)
    named = dict(zip(("truth", "prediction", "grey"), clips, strict=True))
    named["prediction"] = (named["truth"] // 2 + named["prediction"] // 2).astype(np.uint8)
    calls = []

    def distance(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
        calls.append(1)
        return np.abs(truth.astype(float) - prediction).mean(axis=(1, 2, 3))

    def getter(name: str) -> Callable[[int], np.ndarray]:
        return lambda row: named[name][row]

    sets = {name: VideoSet(30, getter(name)) for name in named}
    found = perceptual(sets, distance, design(30), lambda items, what: items)
    line = make_line(LpipsParams.LINES["lpips"], found, design(30), "strict")
    own = [np.abs(t.astype(float) - p).mean() for t, p in zip(named["truth"], named["prediction"], strict=True)]
    assert line.score.per_clip == pytest.approx(own)
    grey = [np.abs(t.astype(float) - p).mean() for t, p in zip(named["truth"], named["grey"], strict=True)]
    assert line.score.baselines["grey"] == pytest.approx(np.mean(grey))
    met = replace(design(30).exchanges, most=199).pairs(30)
    strangers = np.zeros((30, 30), bool)
    for clip in range(30):
        strangers[clip, design(30).strangers.few(clip, 20)] = True
    wanted = (met | strangers) & ~np.eye(30, dtype=bool)
    assert len(calls) == 30 * 2 + wanted.sum(), "no pairing is compared that neither p nor chance asks for"
    assert (line.score.p, line.score.p_min) == (1 / 200, 1 / 200)
    every = np.array([np.abs(t.astype(float) - named["prediction"]).mean(axis=(1, 2, 3, 4)) for t in named["truth"]])
    assert line.score.chance == pytest.approx(every.T[strangers].mean())


@pytest.mark.parametrize("sizes", [[30], [9, 9]])
def test_few_draws_of_pairings_give_the_p_of_the_whole_matrix(sizes: list[int]) -> None:
    """Pairings that no draw asks for are not compared, and the draws are the same as with all of them."""
    n = sum(sizes)
    frames = np.random.default_rng(1).integers(0, 256, (2, n, 1, 2, 2, 3), dtype=np.uint8)
    frames[1] = frames[0] // 8 + frames[1] // 8 * 7
    shared = by_film(*film(sizes), Settings(seed=5))

    def distance(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
        return np.abs(truth.astype(float) - prediction).mean(axis=(1, 2, 3))

    sets = {name: VideoSet(n, each.__getitem__) for name, each in zip(("truth", "prediction"), frames, strict=True)}
    found = perceptual(sets, distance, shared, lambda items, what: items).permuted
    whole = np.array([[distance(t, p)[0] for t in frames[0]] for p in frames[1]])
    few = replace(shared, exchanges=replace(shared.exchanges, most=199))
    expected = permuted(whole, few, higher_is_better=False)
    assert found is not None and 0 < found.p < 1
    assert (found.p, found.p_min, found.n_group) == (expected.p, expected.p_min, expected.n_group)
