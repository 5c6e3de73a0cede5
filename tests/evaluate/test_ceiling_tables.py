"""What limits a score: the seed's luck and what repeats allow, as `strict` prints them."""

from __future__ import annotations

import numpy as np
import pytest

from brainflix.errors import DataError
from brainflix.evaluate.ceiling_tables import ceiling_row, spread_rows

SETS = ("prediction", "sample 1", "sample 2", "sample 3")


def values_of(*samples: np.ndarray) -> dict[str, dict[str, np.ndarray]]:
    return {"fake": dict(zip(SETS, samples, strict=False))}


def test_spread_is_the_planted_luck_of_the_seed():
    rng = np.random.default_rng(0)
    clips = rng.normal(0.5, 0.3, 4000)
    values = values_of(*(clips + rng.normal(0, 0.1, 4000) for _ in range(4)))
    (row,) = spread_rows(values, SETS)
    assert row["metric"] == "fake" and row["n_seeds"] == 4 and row["n_clips"] == 4000
    assert row["sd_within_clip"] == pytest.approx(0.1, abs=0.003)
    assert row["share_of_variance"] == pytest.approx(0.1**2 / (0.1**2 + 0.3**2), abs=0.01)
    assert row["mean"] == pytest.approx(0.5, abs=0.02) and row["sd_of_means"] < 0.01


def test_equal_samples_have_no_spread():
    values = values_of(*[np.array([0.1, 0.5])] * 3)
    (row,) = spread_rows(values, SETS[:3])
    assert row["sd_within_clip"] == 0 and row["share_of_variance"] == 0


def test_the_ceiling_of_targets_is_reached_only_by_a_decoder_without_bias():
    """Halves with planted noise: reliability by Spearman-Brown, the correlation of the whole below its root."""
    rng = np.random.default_rng(1)
    truth = rng.standard_normal((3000, 4))
    first, second = (truth + rng.standard_normal((3000, 4)) for _ in range(2))
    whole = (first + second) / 2
    row = ceiling_row("clip", whole, (first, second), truth)
    # Signal 1 and noise 1 in a half: r = 1/2, both together 2/3.
    assert row["reliability"] == pytest.approx(2 / 3, abs=0.02)
    assert row["ceiling"] == pytest.approx(np.sqrt(2 / 3), abs=0.02)
    assert row["profile_correlation"] == pytest.approx(np.sqrt(2 / 3), abs=0.02) and row["n_dims"] == 4


def test_noise_alone_has_no_ceiling_to_speak_of():
    rng = np.random.default_rng(2)
    noise = [rng.standard_normal((500, 30)) for _ in range(3)]
    row = ceiling_row("clip", noise[0], (noise[1], noise[2]), rng.standard_normal((500, 30)))
    assert row["ceiling"] < 0.3 and row["n_negative"] > 5 and row["n_dims"] == 30


def test_constant_dimensions_are_counted_and_other_shapes_refused():
    values = np.random.default_rng(3).standard_normal((20, 3))
    values[:, 1] = 2.0
    row = ceiling_row("clip", values, (values, values), values)
    assert row["n_undefined"] == 1 and row["n_dims"] == 2 and row["ceiling"] == 1.0
    with pytest.raises(DataError, match="other clips or targets"):
        ceiling_row("clip", values, (values[:5], values), values)


def test_samples_are_compared_on_the_clips_that_all_have():
    values = np.array([[0.1, 0.2, np.nan], [np.nan, 0.2, 0.9]])
    (row,) = spread_rows(values_of(*values), SETS[:2])
    assert row["sd_of_means"] == 0 and row["n_clips"] == 1
    (row,) = spread_rows(values_of(np.array([np.nan, 1.0]), np.array([1.0, np.nan])), SETS[:2])
    assert row["mean"] is None and row["sd_of_means"] is None and row["n_clips"] == 0
