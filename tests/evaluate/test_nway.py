"""N-way accuracy against enumeration, simulation, exact fractions and the definition of permutation."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metric_clips import reference
from rankings import by_orders, random_orders

from brainflix.errors import DataError, UsageError
from brainflix.evaluate import nway


def _enumerate(scores: list[int], truth: tuple[int, ...], n: int, k: int, ties: str) -> Fraction:
    """Go through every draw of distractors and, for fair ties, every place among equals."""
    best = max(scores[c] for c in truth)
    pool = [c for c in range(len(scores)) if c not in truth]
    total, draws = Fraction(0), 0
    for drawn in combinations(pool, n - 1):
        above = sum(scores[c] > best for c in drawn)
        tied = sum(scores[c] == best for c in drawn)
        if ties == "lose":
            total += above + tied < k
        elif ties == "win":
            total += above < k
        else:
            total += Fraction(sum(above + place < k for place in range(tied + 1)), tied + 1)
        draws += 1
    return total / draws


@settings(max_examples=60, deadline=None)
@given(
    scores=st.lists(st.integers(0, 4), min_size=2, max_size=8),
    g=st.sampled_from([1, 2, 3]),
    data=st.data(),
)
def test_equals_enumeration_in_every_tie_rule(scores: list[int], g: int, data: st.DataObject) -> None:
    g = min(g, len(scores) - 1)
    truth = tuple(data.draw(st.permutations(range(len(scores))))[:g])
    counts = nway.count(np.array([scores]), np.array([truth]))
    for n in range(2, len(scores) - g + 2):
        for k in range(1, n + 1):
            for ties in nway.TIES:
                expected = float(_enumerate(scores, truth, n, k, ties))
                assert nway.accuracy(counts, n, k, ties)[0] == pytest.approx(expected, abs=1e-12)


def test_fair_ties_equal_the_vandermonde_form() -> None:
    pool, n = 60, 10
    for above, tied in [(0, 3), (5, 1), (20, 30), (0, 60), (59, 1)]:
        counts = nway.Counts(np.array([above]), np.array([tied]), pool)
        top = comb(pool - above + 1, n) - comb(pool - above - tied, n)
        exact = Fraction(top, (tied + 1) * comb(pool, n - 1))
        assert nway.accuracy(counts, n)[0] == pytest.approx(float(exact), abs=1e-13)


@pytest.mark.parametrize(
    ("n_classes", "g", "n", "k"), [(400, 3, 50, 1), (400, 3, 2, 1), (60, 1, 10, 3), (1000, 3, 50, 5)]
)
def test_agrees_with_a_literal_simulation(n_classes: int, g: int, n: int, k: int) -> None:
    generator = np.random.default_rng(5)
    logits, truth_logits = generator.standard_normal((2, n_classes))
    truth_logits = truth_logits + 0.8 * logits
    truth = nway.truth_classes(truth_logits, g)
    expected = float(nway.accuracy(nway.count(logits, truth), n, k))
    pool = np.setdiff1d(np.arange(n_classes), truth)
    draws = 20_000
    picks = np.argpartition(generator.random((draws, len(pool))), n - 1, axis=1)[:, : n - 1]
    drawn = logits[pool[picks]]
    hits = (np.count_nonzero(drawn[:, :, None] > logits[truth], axis=1) < k).any(axis=1)
    error = np.sqrt(max(expected * (1 - expected), 1e-4) / draws)
    assert abs(hits.mean() - expected) < 4 * error


def test_reference_fractions() -> None:
    scores = np.arange(1000) * 7919 % 1009 / 1009
    for entry in reference()["nway"]:
        truth, n, k = entry["gt"], entry["n"], entry["k"]
        value = float(nway.accuracy(nway.count(scores, np.array(truth)), n, k, "lose"))
        pool = np.delete(scores, truth)
        above = int((pool >= scores[truth].max()).sum())
        ways = sum(comb(above, j) * comb(len(pool) - above, n - 1 - j) for j in range(min(k, n)))
        assert value == pytest.approx(float(Fraction(ways, comb(len(pool), n - 1))), rel=1e-12, abs=0)
        assert value == pytest.approx(entry["value"], rel=1e-9, abs=0)


@pytest.mark.parametrize("ties", nway.TIES)
def test_every_rank_among_up_to_eight_classes_equals_enumeration(ties: nway.Ties) -> None:
    for n_classes in range(2, 9):
        for above in range(n_classes):
            for tied in range(n_classes - above):
                scores = [5, *[9] * above, *[5] * tied, *[1] * (n_classes - 1 - above - tied)]
                counts = nway.count(np.array(scores), np.array([0]))
                for n in range(2, n_classes + 1):
                    expected = float(_enumerate(scores, (0,), n, 1, ties))
                    assert float(nway.accuracy(counts, n, 1, ties)) == pytest.approx(expected, abs=1e-12)


def test_frame_based_accuracy_is_the_mean_over_frames_of_a_clip_and_then_over_clips() -> None:
    generator = np.random.default_rng(6)
    truth = generator.standard_normal((50, 4, 30))
    logits = truth + generator.standard_normal((50, 4, 30))
    classes = nway.truth_classes(truth, 1)
    matrix = nway.accuracy_matrix(logits, classes, 10)
    alone = [[float(nway.accuracy(nway.count(logits[i, j], classes[i, j]), 10)) for j in range(4)] for i in range(50)]
    assert np.diagonal(matrix) == pytest.approx(np.mean(alone, axis=1))
    assert np.trace(matrix) / 50 == pytest.approx(nway.accuracy(nway.count(logits, classes), 10).mean())
    with pytest.raises(DataError, match="do not go with"):
        nway.accuracy_matrix(logits, classes[:, :3], 10)
    with pytest.raises(DataError, match="do not go with"):
        nway.accuracy_matrix(logits, classes[:, 0], 10)


def test_re_paired_chance_of_frames_sees_the_classifiers_favourite_classes() -> None:
    generator = np.random.default_rng(7)
    # Half of the true clips and most predictions show one of few classes, as real films do.
    favourite = 2.0 * (np.arange(40) < 4)
    truth, logits = (favourite + generator.standard_normal((60, 3, 40)) for _ in range(2))
    matrix = nway.accuracy_matrix(logits, nway.truth_classes(truth, 1), 10)
    found = by_orders(matrix, random_orders(60, n_draws=999, seed=0))
    assert found.chance == pytest.approx(matrix.mean(), abs=0.01)
    assert found.chance > 2 * nway.chance(10), "scores that carry no information exceed the analytic level"
    assert abs(found.observed - found.chance) < 0.06
    assert 0.01 < found.p < 0.99


def test_chance_is_what_scores_without_information_get() -> None:
    assert nway.chance(2, 1, 3) == pytest.approx(3 / 4)
    assert nway.chance(50, 1, 3) == pytest.approx(3 / 52)
    assert nway.chance(50, 1, 1) == pytest.approx(1 / 50)
    assert nway.chance(5, 5, 1) == 1.0
    generator = np.random.default_rng(0)
    logits = generator.standard_normal((20_000, 30))
    for g, n, k in [(3, 2, 1), (3, 10, 2), (1, 10, 4)]:
        values = nway.accuracy(nway.count(logits, np.tile(np.arange(g), (20_000, 1))), n, k)
        assert abs(values.mean() - nway.chance(n, k, g)) < 4 * values.std() / np.sqrt(20_000)


def test_perfect_prediction_scores_one_and_top_class_is_first() -> None:
    logits = np.random.default_rng(1).standard_normal((7, 4, 50))
    classes = nway.truth_classes(logits, 3)
    assert np.array_equal(classes[..., 0], logits.argmax(axis=-1))
    assert np.array_equal(np.sort(classes), np.sort(np.argsort(logits, axis=-1)[..., -3:]))
    assert (nway.accuracy(nway.count(logits, classes[..., :1]), 50) == 1.0).all()


def test_two_way_is_the_normalised_rank() -> None:
    counts = nway.Counts(np.arange(400), np.zeros(400, np.int64), 399)
    assert nway.accuracy(counts, 2) == pytest.approx(1 - np.arange(400) / 399, abs=1e-13)


def test_constant_logits_get_chance_under_fair_ties_and_report_ties() -> None:
    counts = nway.count(np.zeros((3, 40)), np.array([[0], [5], [39]]))
    assert nway.accuracy(counts, 8) == pytest.approx(np.full(3, 1 / 8))
    assert (nway.accuracy(counts, 8, ties="lose") == 0).all()
    assert (nway.accuracy(counts, 8, ties="win") == 1).all()
    assert counts.n_items_with_ties == 3


@pytest.mark.parametrize("g", [1, 3])
@pytest.mark.parametrize("levels", [4, 1000])
def test_matrix_is_every_pair_judged_by_itself(g: int, levels: int) -> None:
    generator = np.random.default_rng(2)
    logits = generator.integers(0, levels, (9, 2, 20))
    classes = nway.truth_classes(generator.standard_normal((9, 2, 20)), g)
    for ties in nway.TIES:
        matrix = nway.accuracy_matrix(logits, classes, 6, 2, ties)
        for i in range(9):
            for j in range(9):
                alone = nway.accuracy(nway.count(logits[i], classes[j]), 6, 2, ties).mean()
                assert matrix[i, j] == pytest.approx(alone, abs=1e-12)


def test_items_do_not_influence_each_other() -> None:
    generator = np.random.default_rng(3)
    logits = generator.integers(0, 9, (30, 25))
    classes = nway.truth_classes(generator.standard_normal((30, 25)), 3)
    together = nway.accuracy(nway.count(logits, classes), 10, 2)
    order = generator.permutation(30)
    assert np.array_equal(nway.accuracy(nway.count(logits[order], classes[order]), 10, 2), together[order])
    apart = [nway.accuracy(nway.count(logits[i : i + 1], classes[i : i + 1]), 10, 2)[0] for i in range(30)]
    assert np.array_equal(apart, together)


def test_curve_falls_with_n_and_starts_at_two_way() -> None:
    generator = np.random.default_rng(4)
    logits = generator.standard_normal((50, 100))
    counts = nway.count(logits, nway.truth_classes(logits + generator.standard_normal((50, 100)), 1))
    curve = nway.curve(counts, range(2, 101))
    assert (np.diff(curve) <= 1e-15).all()
    assert curve[0] == nway.accuracy(counts, 2).mean()


def test_refuses_what_has_no_meaning() -> None:
    with pytest.raises(DataError, match="NaN"):
        nway.count(np.array([[np.nan, 1.0, 2.0]]), np.array([[0]]))
    with pytest.raises(DataError, match="twice"):
        nway.count(np.zeros((1, 5)), np.array([[2, 2]]))
    with pytest.raises(UsageError, match="distractors"):
        nway.accuracy(nway.count(np.zeros((1, 5)), np.array([[2]])), 6)
    with pytest.raises(UsageError, match="tie rule"):
        nway.accuracy(nway.count(np.zeros((1, 5)), np.array([[2]])), 2, ties="draw")  # type: ignore[arg-type]
