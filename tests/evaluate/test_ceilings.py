"""Ceilings against simulations whose truth is known, and against scipy's analysis of variance."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from brainflix.errors import DataError
from brainflix.evaluate.ceilings import sampling_spread, target_ceiling
from brainflix.evaluate.targets_metrics import profile_correlation


def test_the_target_ceiling_is_what_a_perfect_target_reaches() -> None:
    generator = np.random.default_rng(0)
    n_clips, noise = 4000, np.array([0.3, 1.0, 3.0])
    # What the brain keeps of a clip, and ten repeats of it; the decoder is linear, so halves average to the whole.
    kept = generator.standard_normal((n_clips, 3))
    repeats = kept + noise * generator.standard_normal((10, n_clips, 3))
    found = target_ceiling(repeats[:5].mean(axis=0), repeats[5:].mean(axis=0))
    true = 1.0 / np.sqrt(1.0 + noise**2 / 10)
    assert found.ceiling == pytest.approx(true, abs=0.02)
    assert found.ceiling == pytest.approx(profile_correlation(kept, repeats.mean(axis=0)), abs=0.02)
    halves = profile_correlation(repeats[:5].mean(axis=0), repeats[5:].mean(axis=0))
    assert (found.ceiling > np.sqrt(halves)).all(), "half the repeats would have a lower ceiling"
    assert (found.n_negative, found.n_undefined) == (0, 0)


def test_a_decoder_of_noise_has_a_ceiling_near_0_and_its_signs_are_counted() -> None:
    first, second = np.random.default_rng(1).standard_normal((2, 500, 400))
    found = target_ceiling(first, second)
    assert found.reliability.mean() == pytest.approx(0.0, abs=0.02)
    assert found.n_negative == np.count_nonzero(found.reliability < 0) and 150 < found.n_negative < 250
    assert (found.ceiling[found.reliability < 0] == 0).all() and found.ceiling.max() < 0.6


def test_undefined_dims_are_counted_and_nan() -> None:
    first = np.random.default_rng(2).standard_normal((50, 4))
    second = first.copy()
    second[:, 1], second[:, 2], second[3, 3] = 7.0, -first[:, 2], np.nan
    found = target_ceiling(first, second)
    assert found.ceiling[0] == pytest.approx(1.0) and found.ceiling[0] <= 1.0
    assert np.isnan(found.ceiling[[1, 3]]).all() and np.isnan(found.reliability[[1, 3]]).all()
    assert not found.ceiling[2] > 0, "opposed halves have nothing in common"
    assert found.n_undefined + found.n_negative == 3
    with pytest.raises(DataError, match="n_clips, n_dims"):
        target_ceiling(first, first[:40])


@pytest.mark.parametrize("n_seeds", [2, 3, 8])
def test_the_spread_over_seeds_is_recovered(n_seeds: int) -> None:
    generator = np.random.default_rng(n_seeds)
    clips = 0.4 + 0.2 * generator.standard_normal((3000, 1))
    found = sampling_spread(clips + 0.1 * generator.standard_normal((3000, n_seeds)))
    assert found.sd == pytest.approx(0.1, rel=0.05)
    assert found.share == pytest.approx(0.01 / 0.05, abs=0.02)
    assert (found.n_clips, found.n_left_out) == (3000, 0)


def test_variances_are_those_of_scipys_analysis_with_missing_scores_too() -> None:
    generator = np.random.default_rng(4)
    scores = 0.5 + 0.3 * generator.standard_normal((12, 1)) + 0.2 * generator.standard_normal((12, 5))
    scores[0, 1:], scores[1], scores[2, :2], scores[5, 4] = np.nan, np.nan, np.nan, np.nan
    found = sampling_spread(scores)
    groups = [row[~np.isnan(row)] for row in scores[2:]]
    assert found.sd_per_clip[2:] == pytest.approx([np.std(each, ddof=1) for each in groups])
    assert np.isnan(found.sd_per_clip[:2]).all() and (found.n_clips, found.n_left_out) == (10, 2)
    within = sum(((each - each.mean()) ** 2).sum() for each in groups) / sum(len(each) - 1 for each in groups)
    sizes = np.array([len(each) for each in groups])
    effective = (sizes.sum() - (sizes**2).sum() / sizes.sum()) / 9
    f = stats.f_oneway(*groups).statistic
    assert found.sd == pytest.approx(np.sqrt(within))
    assert found.share == pytest.approx(1 / (1 + max(0.0, f - 1) / effective))


def test_extremes_of_the_share() -> None:
    clips = np.arange(6.0)[:, None]
    assert sampling_spread(np.tile(clips, 3)).share == 0.0, "the seed changes nothing"
    assert sampling_spread(np.tile([0.0, 1.0, 2.0], (6, 1))).share == 1.0, "nothing but the seed does"
    assert np.isnan(sampling_spread(np.full((6, 3), 0.7)).share)
    one = sampling_spread(np.array([[0.1, 0.3], [0.2, np.nan]]))
    assert one.sd == pytest.approx(np.sqrt(0.02)) and np.isnan(one.share) and one.n_left_out == 1
    none = sampling_spread(np.full((4, 2), np.nan))
    assert np.isnan(none.sd) and none.n_clips == 0 and none.n_left_out == 4


def test_refuses_one_seed_and_infinities() -> None:
    with pytest.raises(DataError, match="n_seeds >= 2"):
        sampling_spread(np.zeros((5, 1)))
    with pytest.raises(DataError, match="infinite"):
        sampling_spread(np.array([[0.0, np.inf]]))
