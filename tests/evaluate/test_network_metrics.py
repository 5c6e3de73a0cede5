"""Scores of class scores, embeddings and deep features in `score`, against their definitions written out as loops."""

from __future__ import annotations

from itertools import combinations, pairwise
from math import comb

import numpy as np
import pytest
from scipy.spatial.distance import correlation, cosine

from brainflix.evaluate.design import Design, Settings, apart, by_blocks
from brainflix.evaluate.lines import make_line
from brainflix.evaluate.metric import Measured
from brainflix.evaluate.metric_params import About
from brainflix.evaluate.metrics import clip, cosines, deep, nway
from brainflix.evaluate.scorecard import Line

N, FRAMES, DIMS, CLASSES = 6, 3, 8, 12
METRIC = About(about="about")
ERROR = About(about="about", higher_is_better=False)


def design(n: int = N, block: int = 1) -> Design:
    return (
        by_blocks(n, Settings(block=block)) if block > 1 else apart(np.random.default_rng(9).permutation(n), Settings())
    )


def line_of(measured: Measured, about: About = METRIC, under: Design | None = None) -> Line:
    return make_line(about, measured, under or design(), "strict")


def systems(*shape: int, seed: int = 0) -> dict[str, np.ndarray]:
    truth, noise, other = np.random.default_rng(seed).standard_normal((3, *shape))
    return {"truth": truth, "prediction": 0.7 * truth + noise, "blurred": other}


def mismatched(matrix: np.ndarray) -> float:
    return float(matrix[~np.eye(len(matrix), dtype=bool)].mean())


def literal_accuracy(prediction: np.ndarray, truth: np.ndarray, n: int, g: int) -> float:
    """Try every draw of n - 1 distractors: a hit is any true class above all of them."""
    best = np.argsort(truth)[-g:]
    pool = [c for c in range(len(truth)) if c not in best]
    hits = [max(prediction[best]) > max(prediction[list(drawn)]) for drawn in combinations(pool, n - 1)]
    assert len(hits) == comb(len(pool), n - 1)
    return float(np.mean(hits))


@pytest.mark.parametrize("g", [1, 3])
@pytest.mark.parametrize("ways", [2, 4])
def test_nway_of_clips_is_that_of_every_draw(ways: int, g: int) -> None:
    scores = systems(N, CLASSES)
    line = line_of(nway.accuracy(scores, ways, g, design()))
    by_hand = np.array([[literal_accuracy(p, t, ways, g) for t in scores["truth"]] for p in scores["prediction"]])
    assert line.score.per_clip == pytest.approx(np.diagonal(by_hand))
    assert line.score.chance == line.score.baselines["mismatched"] == pytest.approx(mismatched(by_hand))
    assert line.score.chance_analytic == pytest.approx(g / (g + ways - 1))
    blurred = [literal_accuracy(p, t, ways, g) for p, t in zip(scores["blurred"], scores["truth"], strict=True)]
    assert line.score.baselines["blurred"] == pytest.approx(np.mean(blurred))
    assert line.about == "about; 0 clips with ties" and line.score.p < 0.05


def test_nway_of_frames_is_the_mean_over_frames_within_a_clip() -> None:
    scores = systems(N, FRAMES, CLASSES)
    line = line_of(nway.accuracy(scores, 2, 1, design()))
    matrix = np.mean(
        [
            [[literal_accuracy(p[f], t[f], 2, 1) for t in scores["truth"]] for p in scores["prediction"]]
            for f in range(FRAMES)
        ],
        axis=0,
    )
    assert line.score.per_clip == pytest.approx(np.diagonal(matrix))
    assert line.score.chance == pytest.approx(mismatched(matrix))
    assert "frames with ties" in line.about
    # Both sides played backwards: a mean over frames has no order.
    backwards = line_of(nway.accuracy({name: each[:, ::-1] for name, each in scores.items()}, 2, 1, design()))
    assert backwards.score.per_clip == pytest.approx(line.score.per_clip)
    assert (backwards.score.value, backwards.score.p) == pytest.approx((line.score.value, line.score.p))


def test_constant_class_scores_are_at_chance_by_fair_ties() -> None:
    scores = systems(N, CLASSES)
    scores["grey"] = np.zeros((N, CLASSES))
    line = line_of(nway.accuracy(scores, 2, 1, design()))
    assert line.score.baselines["grey"] == pytest.approx(0.5)


def test_frame_cosine_and_its_floor() -> None:
    seen = systems(N, FRAMES, DIMS)
    line = line_of(cosines.frame_cosine(seen, design()))
    matrix = np.array(
        [[np.mean([1 - cosine(p[f], t[f]) for f in range(FRAMES)]) for t in seen["truth"]] for p in seen["prediction"]]
    )
    assert line.score.per_clip == pytest.approx(np.diagonal(matrix))
    assert line.score.chance == pytest.approx(mismatched(matrix))
    own = [1 - cosine(seen["blurred"][i, f], seen["truth"][i, f]) for i in range(N) for f in range(FRAMES)]
    assert line.score.baselines["blurred"] == pytest.approx(np.mean(own))


def test_pooled_cosine_is_that_of_means_over_frames() -> None:
    seen = systems(N, FRAMES, DIMS)
    line = line_of(cosines.pooled_cosine(seen, design()))
    pairs = zip(seen["prediction"], seen["truth"], strict=True)
    assert line.score.per_clip == pytest.approx([1 - cosine(p.mean(axis=0), t.mean(axis=0)) for p, t in pairs])


def test_a_frame_without_direction_is_counted_and_left_out() -> None:
    seen = systems(N, FRAMES, DIMS)
    seen["prediction"][2, 1] = 0.0
    line = line_of(cosines.frame_cosine(seen, design()))
    own = [1 - cosine(seen["prediction"][2, f], seen["truth"][2, f]) for f in (0, 2)]
    assert line.score.per_clip[2] == pytest.approx(np.mean(own))
    assert (line.score.n_nan, line.score.n) == (1, N)
    seen["prediction"][2] = 0.0
    line = line_of(cosines.frame_cosine(seen, design()))
    assert np.isnan(line.score.per_clip[2]) and (line.score.n_nan, line.score.n) == (FRAMES, N - 1)


def test_consistency_stands_beside_the_truths_and_its_difference_is_re_paired() -> None:
    seen = systems(N, FRAMES, DIMS)
    parts = {"own": "", "truth": "_truth", "difference": "_difference"}
    found = clip.consistency(seen, "all", design())
    lines = {name: line_of(found[part]) for name, part in parts.items()}

    def own(frames: np.ndarray) -> float:
        return float(np.mean([1 - cosine(a, b) for a, b in combinations(frames, 2)]))

    values = {name: np.array([own(each) for each in clips]) for name, clips in seen.items()}
    assert lines["own"].score.per_clip == pytest.approx(values["prediction"])
    assert lines["truth"].score.per_clip == pytest.approx(values["truth"])
    matrix = np.abs(values["prediction"][:, None] - values["truth"])
    assert lines["difference"].score.per_clip == pytest.approx(np.diagonal(matrix))
    assert lines["difference"].score.chance == pytest.approx(mismatched(matrix))
    assert lines["own"].score.baselines == pytest.approx({"blurred": values["blurred"].mean()})
    assert np.isnan(lines["own"].score.p) and np.isnan(lines["truth"].score.chance)
    adjacent = line_of(clip.consistency(seen, "adjacent", design())[""])
    expected = [np.mean([1 - cosine(a, b) for a, b in pairwise(each)]) for each in seen["prediction"]]
    assert adjacent.score.per_clip == pytest.approx(expected)


def test_the_gate_is_the_pooled_cosine_of_the_other_network() -> None:
    seen, gates = systems(N, FRAMES, DIMS), systems(N, FRAMES, DIMS, seed=3)
    line = line_of(clip.gated(seen, gates))
    free = line_of(clip.consistency(seen, "adjacent", design())[""]).score.per_clip
    opens = line_of(cosines.pooled_cosine(gates, design())).score.per_clip > 0.6
    assert 0 < opens.sum() < N
    assert line.score.per_clip == pytest.approx(np.where(opens, free, 0.0))


def test_identification_and_its_floor() -> None:
    seen = systems(N, FRAMES, DIMS)
    line = line_of(deep.identification(seen, design()))

    def beaten(prediction: np.ndarray, own: int, frame: int) -> float:
        r = [np.corrcoef(prediction, truth[frame])[0, 1] for truth in seen["truth"]]
        return float(np.mean([r[i] < r[own] for i in range(N) if i != own]))

    matrix = np.array(
        [[np.mean([beaten(p[f], j, f) for f in range(FRAMES)]) for j in range(N)] for p in seen["prediction"]]
    )
    assert line.score.per_clip == pytest.approx(np.diagonal(matrix))
    assert line.score.chance == pytest.approx(mismatched(matrix)) and line.score.chance_analytic == 0.5
    assert line.score.p < 0.05


def test_clips_of_the_same_block_are_no_distractors_across_blocks() -> None:
    seen = systems(N, FRAMES, DIMS)
    line = line_of(deep.across_blocks(seen, design(block=2)), under=design(block=2))
    expected = []
    for j, prediction in enumerate(seen["prediction"]):
        others = [i for i in range(N) if i // 2 != j // 2]
        r = [[np.corrcoef(prediction[f], truth[f])[0, 1] for truth in seen["truth"]] for f in range(FRAMES)]
        expected.append(np.mean([np.mean([each[i] < each[j] for i in others]) for each in r]))
    assert line.score.per_clip == pytest.approx(expected)
    assert line.score.chance_analytic == 0.5 and "other blocks" in line.about


def test_constant_features_identify_nothing_and_are_counted() -> None:
    seen = systems(N, FRAMES, DIMS)
    seen["truth"][4] = 1.0
    seen["prediction"][1, 0] = 2.0
    line = line_of(deep.identification(seen, design()))
    assert np.isnan(line.score.per_clip[4]) and line.score.n == N - 1
    assert line.score.n_nan == FRAMES + 1 and np.isfinite(line.score.chance)


def test_correlation_distance_and_its_floor() -> None:
    seen = systems(N, FRAMES, DIMS)
    line = line_of(deep.distance(seen, design()), ERROR)
    matrix = np.array(
        [[np.mean([correlation(p[f], t[f]) for f in range(FRAMES)]) for t in seen["truth"]] for p in seen["prediction"]]
    )
    assert line.score.per_clip == pytest.approx(np.diagonal(matrix))
    assert line.score.chance == pytest.approx(mismatched(matrix))
    assert line.score.p < 0.05 and not line.higher_is_better


@pytest.mark.parametrize("block", [1, 2])
def test_clips_in_another_order_change_no_number(block: int) -> None:
    order = np.array([2, 3, 4, 5, 0, 1]) if block == 2 else np.array([4, 0, 5, 2, 1, 3])
    rank = np.random.default_rng(9).permutation(N)

    def under(place: np.ndarray) -> Design:
        return by_blocks(N, Settings(block=block)) if block > 1 else apart(place, Settings())

    seen = systems(N, FRAMES, DIMS)
    moved = {name: values[order] for name, values in seen.items()}
    for score in (cosines.frame_cosine, cosines.pooled_cosine, deep.identification):
        before, after = (
            line_of(score(sets, each), under=each).score
            for sets, each in ((seen, under(rank)), (moved, under(rank[order])))
        )
        assert after.per_clip == pytest.approx(before.per_clip[order])
        assert (after.value, after.chance, after.p) == pytest.approx((before.value, before.chance, before.p))
