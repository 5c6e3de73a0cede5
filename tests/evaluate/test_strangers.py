"""Which clips chance is made of: far ones of a segment, or those of other segments; unbiased without signal."""

from __future__ import annotations

import numpy as np
import pytest

from brainflix.evaluate.design import Settings, apart, by_blocks, by_film
from brainflix.evaluate.gathering import permuted
from tests.evaluate.worlds import design, film, matrix


def test_strangers_of_a_long_segment_lie_far_on_its_circle() -> None:
    found = design([60, 41]).strangers.of(np.arange(101))
    for i, j in np.ndindex(101, 101):
        size, first = (60, 0) if i < 60 else (41, 60)
        gap = abs(i - j)
        far = first <= j < first + size and min(gap, size - gap) >= 10
        assert found[i, j] == far


def test_short_segments_and_single_clips_have_those_of_all_other_segments() -> None:
    found = design([19, 30, 1]).strangers.of(np.arange(50))
    assert not found[:19, :19].any() and found[:19, 19:].all(), "38 s are shorter than two times 20 s"
    assert found[49, :49].all() and not found[49, 49]
    assert found[19, 29:40].all() and found[19].sum() == 11, "30 clips: 10 to 20 clips away"
    exact = design([20]).strangers.of(np.arange(20))
    assert (exact.sum(axis=1) == 1).all(), "40 s: the clip opposite"
    assert not design([15]).has_chance and design([15]).permutes


def test_distances_are_seconds_and_not_clips() -> None:
    onset = np.arange(48) * 1.0
    dense = by_film(["a"] * 48, onset, Settings()).strangers.of(np.arange(48))
    assert (dense.sum(axis=1) == 9).all(), "20 to 28 clips away"
    sparse = by_film(["a"] * 12, np.arange(12) * 8.0, Settings()).strangers.of(np.arange(12))
    # 16 s are too near, though 20 s are nearer to two steps of 8 s than to three.
    assert (sparse.sum(axis=1) == 7).all()


def test_order_of_the_array_does_not_matter() -> None:
    segment, onset = film([30, 25])
    order = np.random.default_rng(0).permutation(55)
    scores = np.random.default_rng(1).standard_normal((55, 55))
    names = np.array(segment)[order]
    turned = by_film(names, onset[order], Settings())
    found, expected = permuted(scores[np.ix_(order, order)], turned), permuted(scores, design([30, 25]))
    assert (found.p, found.chance) == pytest.approx((expected.p, expected.chance))


def test_chance_is_the_mean_over_strangers_of_each_clip() -> None:
    scores = np.random.default_rng(2).random((50, 50))
    scores[:, 3] = np.nan
    shared = design([30, 20])
    mask = shared.strangers.of(np.arange(50)) & ~np.isnan(scores)
    rows = [scores[i][mask[i]].mean() for i in range(50)]
    assert permuted(scores, shared).chance == pytest.approx(np.mean(rows))


def test_chance_without_signal_is_unbiased_where_neighbours_are_alike() -> None:
    generator, shared = np.random.default_rng(3), design([60, 60])
    found = [permuted(matrix(generator, [60, 60], 0.8), shared).chance for _ in range(60)]
    assert abs(np.mean(found)) < 4 * np.std(found) / np.sqrt(60)


def test_few_strangers_are_strangers_and_every_truth_is_met_as_often() -> None:
    for shared in (
        design([60, 60]),
        apart(np.random.default_rng(4).permutation(50), Settings()),
        by_blocks(40, Settings(block=5)),
    ):
        every = shared.strangers.of(np.arange(shared.n_clips))
        few = np.array([shared.strangers.few(clip, 4) for clip in range(shared.n_clips)])
        assert few.shape[1] == 4 and every[np.arange(shared.n_clips)[:, None], few].all()
        assert (np.bincount(few.ravel(), minlength=shared.n_clips) == 4).all()
    assert len(design([20]).strangers.few(0, 4)) == 1
