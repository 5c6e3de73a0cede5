"""The curve of accuracy over n and its area, against exact fractions and enumeration."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import combinations
from math import comb

import numpy as np
import pytest

from brainflix.errors import UsageError
from brainflix.evaluate import nway
from brainflix.evaluate.nway_curve import accuracy_curve


def _counts(above: list[int], tied: list[int], pool: int) -> nway.Counts:
    return nway.Counts(np.array(above), np.array(tied), pool)


@pytest.mark.parametrize("pool", [1, 2, 7, 40])
def test_area_of_the_best_place_is_exact_and_a_reciprocal_rank(pool: int) -> None:
    for b in range(pool + 1):
        exact = sum((Fraction(comb(pool - b, m), comb(pool, m)) for m in range(1, pool + 1)), Fraction(0)) / pool
        assert exact == Fraction(pool - b, pool * (b + 1))
        assert accuracy_curve(_counts([b], [0], pool), 1).area == pytest.approx(float(exact), abs=1e-12)


@pytest.mark.parametrize("k", [1, 2])
@pytest.mark.parametrize("ties", nway.TIES)
def test_every_point_and_the_area_equal_enumeration(k: int, ties: nway.Ties) -> None:
    pool, above, tied = 5, 2, 2
    # 1 above, 0 level, -1 below; of the level ones that are drawn each number in front is equally likely.
    scores = [1] * above + [0] * tied + [-1] * (pool - above - tied)
    expected = []
    for n in range(2, pool + 2):
        hits = []
        for drawn in combinations(scores, n - 1):
            front, level = drawn.count(1), drawn.count(0)
            places = {"win": [0], "lose": [level], "fair": list(range(level + 1))}[ties]
            hits.append(np.mean([front + place < k for place in places]))
        expected.append(np.mean(hits))
    found = accuracy_curve(_counts([above], [tied], pool), 1, k, ties)
    assert found.n.tolist() == [2, 3, 4, 5, 6]
    assert found.accuracy == pytest.approx(expected) and found.area == pytest.approx(np.mean(expected))


def test_scores_without_information_reach_the_area_of_chance() -> None:
    generator = np.random.default_rng(0)
    truth, logits = generator.standard_normal((2, 4000, 30))
    for g in (1, 3):
        counts = nway.count(logits, nway.truth_classes(truth, g))
        found = accuracy_curve(counts, g)
        per_item = np.array([accuracy_curve(_counts([b], [0], 30 - g), g).area for b in range(31 - g)])[counts.above]
        assert found.area == pytest.approx(per_item.mean())
        assert abs(found.area - found.area_chance) < 4 * per_item.std() / np.sqrt(4000)
        harmonic = sum(Fraction(g, g + m) for m in range(1, 31 - g)) / (30 - g)
        assert found.area_chance == pytest.approx(float(harmonic))


def test_a_document_holds_few_points_and_the_area_of_all() -> None:
    generator = np.random.default_rng(1)
    counts = _counts(generator.integers(0, 997, 50).tolist(), [0] * 50, 997)
    found = json.loads(json.dumps(accuracy_curve(counts, 3).to_dict()))
    assert list(found) == ["n", "accuracy", "chance", "area", "area_chance"]
    assert 40 <= len(found["n"]) <= 50 and (found["n"][0], found["n"][-1]) == (2, 998)
    assert np.diff(found["n"]).min() >= 1 and np.ptp(np.diff(np.log(found["n"][-20:]))) < 0.02
    assert found["accuracy"] == pytest.approx(nway.curve(counts, found["n"]))
    assert found["chance"] == pytest.approx([3 / (2 + n) for n in found["n"]])
    everything = nway.curve(counts, range(2, 999)).mean()
    assert found["area"] == pytest.approx(everything) and abs(np.mean(found["accuracy"]) - everything) > 0.01


def test_refuses_what_has_no_common_curve() -> None:
    with pytest.raises(UsageError, match="different numbers"):
        accuracy_curve(nway.Counts(np.array([0, 1]), np.array([0, 0]), np.array([3, 4])), 1)
    for counts, g in ((_counts([], [], 5), 1), (_counts([1], [0], 5), 0)):
        with pytest.raises(UsageError, match="no curve"):
            accuracy_curve(counts, g)
