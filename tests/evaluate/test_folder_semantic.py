"""Scores of class scores, embeddings and deep features in `score`, against their definitions written out as loops."""

from __future__ import annotations

from itertools import combinations, pairwise
from math import comb

import numpy as np
import pytest
from scipy.spatial.distance import correlation, cosine

from brainflix.evaluate.folders import semantic
from brainflix.evaluate.folders.catalogue import ModelMetric
from brainflix.evaluate.lines import Table, make_table
from brainflix.evaluate.folders.scoring import Plan

N, FRAMES, DIMS, CLASSES = 6, 3, 8, 12
METRIC = ModelMetric("m", "about", ("key",))
ERROR = ModelMetric("m", "about", ("key",), higher_is_better=False)


def table(n: int = N, block: int = 1) -> Table:
    return make_table(np.random.default_rng(9).permutation(n), Plan("strict", (), block=block))


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
    line = semantic.score_logits(scores, ways, g, METRIC, table())
    by_hand = np.array([[literal_accuracy(p, t, ways, g) for t in scores["truth"]] for p in scores["prediction"]])
    assert line.score.per_clip == pytest.approx(np.diagonal(by_hand))
    assert line.score.chance == line.score.baselines["mismatched"] == pytest.approx(mismatched(by_hand))
    assert line.score.chance_analytic == pytest.approx(g / (g + ways - 1))
    blurred = [literal_accuracy(p, t, ways, g) for p, t in zip(scores["blurred"], scores["truth"], strict=True)]
    assert line.score.baselines["blurred"] == pytest.approx(np.mean(blurred))
    assert line.about == "about; 0 clips with ties" and line.score.p < 0.05


def test_nway_of_frames_is_the_mean_over_frames_within_a_clip() -> None:
    scores = systems(N, FRAMES, CLASSES)
    line = semantic.score_logits(scores, 2, 1, METRIC, table())
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
    backwards = semantic.score_logits({name: each[:, ::-1] for name, each in scores.items()}, 2, 1, METRIC, table())
    assert backwards.score.per_clip == pytest.approx(line.score.per_clip)
    assert (backwards.score.value, backwards.score.p) == pytest.approx((line.score.value, line.score.p))


def test_constant_class_scores_are_at_chance_by_fair_ties() -> None:
    scores = systems(N, CLASSES)
    scores["grey"] = np.zeros((N, CLASSES))
    line = semantic.score_logits(scores, 2, 1, METRIC, table())
    assert line.score.baselines["grey"] == pytest.approx(0.5)


def test_frame_cosine_and_its_floor() -> None:
    seen = systems(N, FRAMES, DIMS)
    line = semantic.score_frame_cosine(seen, METRIC, table())
    matrix = np.array(
        [[np.mean([1 - cosine(p[f], t[f]) for f in range(FRAMES)]) for t in seen["truth"]] for p in seen["prediction"]]
    )
    assert line.score.per_clip == pytest.approx(np.diagonal(matrix))
    assert line.score.chance == pytest.approx(mismatched(matrix))
    own = [1 - cosine(seen["blurred"][i, f], seen["truth"][i, f]) for i in range(N) for f in range(FRAMES)]
    assert line.score.baselines["blurred"] == pytest.approx(np.mean(own))


def test_pooled_cosine_is_that_of_means_over_frames() -> None:
    seen = systems(N, FRAMES, DIMS)
    line = semantic.score_pooled_cosine(seen, METRIC, table())
    pairs = zip(seen["prediction"], seen["truth"], strict=True)
    assert line.score.per_clip == pytest.approx([1 - cosine(p.mean(axis=0), t.mean(axis=0)) for p, t in pairs])


def test_a_frame_without_direction_is_counted_and_left_out() -> None:
    seen = systems(N, FRAMES, DIMS)
    seen["prediction"][2, 1] = 0.0
    line = semantic.score_frame_cosine(seen, METRIC, table())
    own = [1 - cosine(seen["prediction"][2, f], seen["truth"][2, f]) for f in (0, 2)]
    assert line.score.per_clip[2] == pytest.approx(np.mean(own))
    assert (line.score.n_nan, line.score.n) == (1, N)
    seen["prediction"][2] = 0.0
    line = semantic.score_frame_cosine(seen, METRIC, table())
    assert np.isnan(line.score.per_clip[2]) and (line.score.n_nan, line.score.n) == (FRAMES, N - 1)


def test_consistency_stands_beside_the_truths_and_its_difference_is_re_paired() -> None:
    seen = systems(N, FRAMES, DIMS)
    metrics = {"own": METRIC, "truth": METRIC, "difference": ERROR}
    lines = semantic.score_consistency(seen, "all", metrics, table())

    def own(clip: np.ndarray) -> float:
        return float(np.mean([1 - cosine(a, b) for a, b in combinations(clip, 2)]))

    values = {name: np.array([own(clip) for clip in clips]) for name, clips in seen.items()}
    assert lines["own"].score.per_clip == pytest.approx(values["prediction"])
    assert lines["truth"].score.per_clip == pytest.approx(values["truth"])
    matrix = np.abs(values["prediction"][:, None] - values["truth"])
    assert lines["difference"].score.per_clip == pytest.approx(np.diagonal(matrix))
    assert lines["difference"].score.chance == pytest.approx(mismatched(matrix))
    assert lines["own"].score.baselines == pytest.approx({"blurred": values["blurred"].mean()})
    assert np.isnan(lines["own"].score.p) and np.isnan(lines["truth"].score.chance)
    adjacent = semantic.score_consistency(seen, "adjacent", {"own": METRIC}, table())
    expected = [np.mean([1 - cosine(a, b) for a, b in pairwise(clip)]) for clip in seen["prediction"]]
    assert list(adjacent) == ["own"] and adjacent["own"].score.per_clip == pytest.approx(expected)


def test_the_gate_is_the_pooled_cosine_of_the_other_network() -> None:
    seen, gates = systems(N, FRAMES, DIMS), systems(N, FRAMES, DIMS, seed=3)
    line = semantic.score_gated(seen, gates, METRIC, table())
    free = semantic.score_consistency(seen, "adjacent", {"own": METRIC}, table())["own"].score.per_clip
    opens = semantic.score_pooled_cosine(gates, METRIC, table()).score.per_clip > 0.6
    assert 0 < opens.sum() < N
    assert line.score.per_clip == pytest.approx(np.where(opens, free, 0.0))


def test_identification_and_its_floor() -> None:
    seen = systems(N, FRAMES, DIMS)
    line = semantic.score_identification(seen, METRIC, table())

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
    line = semantic.score_across_blocks(seen, METRIC, table(block=2))
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
    line = semantic.score_identification(seen, METRIC, table())
    assert np.isnan(line.score.per_clip[4]) and line.score.n == N - 1
    assert line.score.n_nan == FRAMES + 1 and np.isfinite(line.score.chance)


def test_correlation_distance_and_its_floor() -> None:
    seen = systems(N, FRAMES, DIMS)
    line = semantic.score_distance(seen, ERROR, table())
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
    plan = Plan("strict", (), block=block)
    seen = systems(N, FRAMES, DIMS)
    moved = {name: values[order] for name, values in seen.items()}
    for score in (semantic.score_frame_cosine, semantic.score_pooled_cosine, semantic.score_identification):
        before = score(seen, METRIC, make_table(rank, plan)).score
        after = score(moved, METRIC, make_table(rank[order], plan)).score
        assert after.per_clip == pytest.approx(before.per_clip[order])
        assert (after.value, after.chance, after.p) == pytest.approx((before.value, before.chance, before.p))
