"""Copies and empty runs are named and do not count; what only looks like one still does."""

from __future__ import annotations

import numpy as np
import pytest

from brainflix.errors import IntegrityError
from brainflix.preprocess.assemble import Run, gather
from brainflix.preprocess.betas import by_ceiling, ceilings, filled, repeat_runs
from brainflix.preprocess.noise_ceiling import noise_ceiling, repeats_of
from brainflix.preprocess.presentations import Presentations, counted

CLIPS = np.arange(6)


def noise(seed: int, n_columns: int = 9) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((6, n_columns)).astype(np.float32)


def passed(*runs: Run, **options: bool) -> tuple[list[Run], Presentations]:
    seen = Presentations(**options)
    return list(counted(runs, seen)), seen


def test_runs_of_their_own_all_count():
    left, seen = passed(*(Run(f"a_{n}", noise(n), CLIPS, n) for n in (1, 2, 3)))
    assert [run.name for run in left] == ["a_1", "a_2", "a_3"] and seen.notes() == {}
    assert all((run.clip == CLIPS).all() for run in left)


@pytest.mark.parametrize("n_columns", [1, 9])
def test_a_copied_run_is_left_out_and_named(n_columns):
    left, seen = passed(Run("a_1", noise(1, n_columns), CLIPS), Run("a_2", noise(1, n_columns), CLIPS))
    assert [run.name for run in left] == ["a_1"] and seen.notes() == {"copied_repeats": ["a_2 is a copy of a_1"]}


def test_equal_values_are_a_copy_whatever_the_sign_of_zero_and_where_values_are_missing():
    one, other = noise(1), noise(1)
    one[2, 3], other[2, 3], one[1, 1], other[1, 1] = 0.0, -0.0, np.nan, np.nan
    _, seen = passed(Run("a_1", one, CLIPS), Run("a_2", other, CLIPS))
    assert seen.copied == ["a_2 is a copy of a_1"]


def test_a_copy_of_another_films_run_is_refused_and_both_are_named():
    with pytest.raises(IntegrityError, match="b_1 is a copy of a_1, which shows other clips") as caught:
        passed(Run("a_1", noise(1), CLIPS), Run("b_1", noise(1), CLIPS + 6))
    assert caught.value.exit_code == 4


def test_single_copied_rows_do_not_count_and_the_others_do():
    second = noise(2)
    second[[1, 4]] = noise(1)[[1, 4]]
    left, seen = passed(Run("a_1", noise(1), CLIPS), Run("a_2", second, CLIPS))
    assert left[1].clip.tolist() == [0, -1, 2, 3, -1, 5]
    assert seen.copied == ["2 of 6 rows of a_2 equal rows of a_1"]


def test_extremes_that_are_equal_by_chance_are_no_copies():
    """One column that is scaled to 0 to 1 has its extremes in every repeat."""
    one, other = np.array([[0], [0.2], [1]], np.float32), np.array([[0], [0.7], [1]], np.float32)
    left, seen = passed(Run("a_1", one, CLIPS[:3]), Run("a_2", other, CLIPS[:3]))
    assert len(left) == 2 and (left[1].clip == CLIPS[:3]).all() and not seen.notes()


def test_constant_runs_are_no_copies_of_each_other_and_hold_nothing():
    flat = np.tile(np.arange(9, dtype=np.float32), (6, 1))
    runs = (Run("a_1", noise(1), CLIPS), Run("a_2", np.zeros((6, 9), np.float32), CLIPS), Run("a_3", flat, CLIPS))
    left, seen = passed(*runs, Run("a_4", flat * 0, CLIPS))
    assert [run.name for run in left] == ["a_1"] and seen.notes() == {"constant_runs": ["a_2", "a_3", "a_4"]}
    with pytest.raises(IntegrityError, match="nothing that was measured remains"):
        passed(Run("a_1", flat, CLIPS), Run("a_2", flat, CLIPS))


def test_volumes_that_answer_no_clip_may_be_equal():
    clip = np.array([-1, -1, 2, 3, 4, 5])
    one = noise(1)
    one[1] = one[0]
    (left,), seen = passed(Run("a_1", one, clip))
    assert (left.clip == clip).all() and not seen.notes()


def test_kept_copies_are_named_all_the_same():
    left, seen = passed(Run("a_1", noise(1), CLIPS), Run("a_2", noise(1), CLIPS), keep_copies=True)
    assert len(left) == 2 and seen.copied


def test_gathered_rows_end_with_the_last_run_that_counts():
    seen = Presentations()
    runs = [Run("a_1", noise(1), CLIPS), Run("a_2", noise(1), CLIPS), Run("a_3", noise(3), CLIPS, 3)]
    fields = gather(counted(runs, seen), np.full((18, 9), 7, np.float32))
    assert fields["run_names"] == ("a_1", "a_3") and fields["run"].tolist() == [0] * 6 + [1] * 6
    assert np.array_equal(fields["response"], np.concatenate([noise(1), noise(3)]))


# --- estimates ---


def expected_ceiling(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ratio and ceiling in percent of (n_films, n_repeats, n_columns) with gaps, by loops over single columns."""
    ratios, percents = [], []
    for column in np.moveaxis(np.asarray(values, np.float64), 2, 0):
        films = [film[~np.isnan(film)] for film in column]
        spread = np.mean([film.var(ddof=1) for film in films if len(film) > 1])
        total = np.concatenate(films).var()
        ratio = np.sqrt(max(0.0, total - spread) / spread)
        inverse = np.mean([1 / len(film) for film in films if len(film)])
        ratios.append(ratio)
        percents.append(100 * ratio**2 / (ratio**2 + inverse))
    return np.array(ratios), np.array(percents)


def test_estimates_that_are_not_finite_are_missing_repeats_of_the_ceiling():
    rng = np.random.default_rng(5)
    values = (rng.standard_normal((40, 1, 12)) + rng.standard_normal((40, 5, 12)) + 3).astype(np.float32)
    gaps = rng.random(values.shape) < 0.2
    given = values.copy()
    given[gaps] = np.where(rng.random(int(gaps.sum())) < 0.5, np.nan, np.inf)
    runs = repeat_runs("train", given, np.arange(40), np.arange(12), Presentations())
    found = ceilings(runs, "train")
    ratio, percent = expected_ceiling(np.where(gaps, np.nan, values))
    assert np.allclose(found["ncsnr_train"], ratio, rtol=1e-6) and np.allclose(found["nc_train_n5"], percent, rtol=1e-6)
    rows, n_bad = filled(runs)
    assert n_bad == gaps.sum() and all((run.rows[gaps[:, n]] == 0).all() for n, run in enumerate(rows))
    # Whole estimates give what they always gave.
    whole = ceilings(repeat_runs("train", values, np.arange(40), np.arange(12), Presentations()), "train")
    assert np.allclose(whole["nc_train_n5"], expected_ceiling(values)[1], rtol=1e-6)


def test_copied_estimates_do_not_count_by_repeat_or_by_film():
    rng = np.random.default_rng(6)
    values = (rng.standard_normal((30, 1, 12)) + rng.standard_normal((30, 4, 12))).astype(np.float32)
    spoilt = values.copy()
    spoilt[:, 3] = spoilt[:, 1]
    spoilt[[4, 9], 2] = spoilt[[4, 9], 0]
    spoilt[11, 0] = 0
    seen = Presentations()
    runs = repeat_runs("train", spoilt, np.arange(30), np.arange(12), seen)
    assert seen.notes() == {
        "copied_repeats": ["2 of 30 rows of train-3 equal rows of train-1", "train-4 is a copy of train-2"],
        "constant_runs": ["1 of 30 rows of train-1"],
    }
    honest = values[:, :3].copy()
    honest[[4, 9], 2] = np.nan
    honest[11, 0] = np.nan
    ratio, percent = expected_ceiling(honest)
    found = ceilings(runs, "train")
    assert np.allclose(found["ncsnr_train"], ratio, rtol=1e-6) and np.allclose(found["nc_train_n3"], percent, rtol=1e-6)


def test_where_all_repeats_are_one_nothing_can_be_ranked():
    values = np.repeat(noise(1)[:, None], 3, axis=1)
    stats = ceilings(repeat_runs("train", values, CLIPS, np.arange(9), Presentations()), "train")
    with pytest.raises(IntegrityError, match="no noise ceiling to select columns by"):
        by_ceiling(stats, 4, 9)
    assert by_ceiling(stats, None, 9).all()


def test_unequal_repeats_take_the_mean_of_one_over_n():
    cube = np.ones((2, 4, 2))
    cube[0, 1:, 0] = np.nan
    cube[1, :, 1] = np.nan
    counts = repeats_of(cube)
    assert counts.tolist() == [[1, 4], [4, 0]]
    # s = 1: 100 / (1 + (1 + 1/4) / 2), and of the second column, whose second clip has no repeat, 100 / (1 + 1/4).
    assert np.allclose(noise_ceiling(np.ones(2), counts), [100 / 1.625, 80])
