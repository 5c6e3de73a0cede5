"""Scaling that knows training trials alone, groups that no split separates, ceilings of estimates."""

from __future__ import annotations

import numpy as np
import pytest

from brainflix.errors import DataError
from brainflix.preprocess.betas import ceilings, repeat_runs, standard_columns, top
from brainflix.preprocess.duplicates import hold_together
from brainflix.preprocess.presentations import Presentations
from brainflix.preprocess.rescale import rescale_groups, zscore_by
from brainflix.preprocess.sessions import zscore_sessions
from brainflix.scratch import give_back, scratch_rows
from brainflix.store.clips import groups_of

RNG = np.random.default_rng(0)


def test_sessions_are_scaled_by_their_training_trials_alone():
    rows = RNG.standard_normal((60, 4)) * [1, 2, 3, 0] + [5, 6, 7, 8]
    session, train = np.repeat([1, 2, 3], 20), np.arange(60) % 4 != 0
    scaled = zscore_sessions(rows, session, train)
    for each in (1, 2, 3):
        known = scaled[(session == each) & train]
        assert np.allclose(known.mean(axis=0), 0, atol=1e-6)
        assert np.allclose(known[:, :3].std(axis=0, ddof=1), 1, atol=1e-6) and (known[:, 3] == 0).all()
        own = rows[(session == each) & train]
        expected = (rows[(session == each) & ~train] - own.mean(axis=0))[:, :3] / own[:, :3].std(axis=0, ddof=1)
        assert np.allclose(scaled[(session == each) & ~train][:, :3], expected, atol=1e-6)
    changed = rows.copy()
    changed[~train] += 100
    other = zscore_sessions(changed, session, train)
    assert np.array_equal(other[train], scaled[train]) and not np.array_equal(other[~train], scaled[~train])


def test_a_session_without_training_trials_is_refused():
    with pytest.raises(DataError, match="session 2 has 0 training trials"):
        zscore_sessions(np.ones((4, 2)), np.array([1, 1, 2, 2]), np.array([True, True, False, False]))


def test_groups_go_where_their_strongest_member_goes():
    group = groups_of(["a", "b", "a", "c", "b", "d"])
    assert group.tolist() == [0, 1, 0, 3, 1, 5]
    split = hold_together(np.array([0, 1, 2, 0, 0, 2]), group, stronger=(2, 1, 0))
    assert split.tolist() == [2, 1, 2, 0, 1, 2]
    assert hold_together(np.zeros(0, int), np.zeros(0, int), stronger=(2, 1, 0)).size == 0


@pytest.mark.parametrize("on_disk", [False, True])
def test_scaling_of_all_rows_in_blocks(tmp_path, monkeypatch, on_disk):
    monkeypatch.setattr("brainflix.preprocess.rescale._BLOCK_BYTES", 7 * 5 * 4)
    values = (RNG.standard_normal((50, 5)) * [1, 2, 3, 4, 0] + 9).astype(np.float32)
    train = np.arange(50) < 30
    rows = scratch_rows(values.shape, tmp_path) if on_disk else np.empty_like(values)
    rows[:] = values
    zscore_by(rows, train, ddof=1)
    expected = (values - values[train].mean()) / values[train].std(ddof=1)
    assert np.allclose(rows, expected, atol=1e-4)
    rows[:] = values
    rescale_groups(rows, ~train)
    for members in (train, ~train):
        part = values[members].astype(np.float64)
        spread = part.std(axis=0)
        wanted = np.where(spread > 0, (part - part.mean(axis=0)) / np.where(spread > 0, spread, 1), 0)
        assert np.allclose(rows[members], wanted, atol=1e-4)
    assert not list(tmp_path.iterdir())


def test_giving_back_changes_no_value(tmp_path):
    rows = scratch_rows((300, 40), tmp_path)
    rows[:] = 7
    give_back(rows)
    give_back(rows[10:20])
    give_back(np.ones(3))
    assert (rows == 7).all()


def test_estimates_of_another_shape_are_refused():
    with pytest.raises(DataError, match="for 3 films"):
        repeat_runs("train", np.zeros((2, 3, 4)), np.arange(3), np.arange(4), Presentations())
    with pytest.raises(DataError, match="neither all 91282"):
        standard_columns(None, 1000)


def test_the_best_columns_by_ceiling():
    values = np.array([0.1, np.nan, 0.5, 0.5, 0.3])
    assert top(values, None).all()
    assert np.flatnonzero(top(values, 2)).tolist() == [2, 3]
    assert np.flatnonzero(top(values, 3)).tolist() == [2, 3, 4]
    with pytest.raises(DataError, match="4 have a noise ceiling"):
        top(values, 5)


def test_ceilings_of_planted_signal():
    signal = RNG.standard_normal((4000, 1, 3)) * [0.0, 1.0, 2.0]
    values = signal + RNG.standard_normal((4000, 3, 3))
    runs = repeat_runs("x", values, np.arange(4000), np.arange(3), Presentations())
    found = ceilings(runs, "train")
    assert set(found) == {"ncsnr_train", "nc_train_n1", "nc_train_n3"}
    assert np.allclose(found["ncsnr_train"], [0, 1, 2], atol=0.1)
    assert np.allclose(found["nc_train_n3"][1:], [100 / (1 + 1 / 3), 100 * 4 / (4 + 1 / 3)], atol=2)
    assert ceilings(runs[:1], "train") == {}


def test_ceilings_follow_the_formula_of_bold_moments_to_the_last_digit():
    """Noise by ddof 1 over repeats, total by ddof 0 over all trials, written down with numpy."""
    values = (RNG.standard_normal((12, 1, 5)) + RNG.standard_normal((12, 10, 5))).astype(np.float32)
    runs = repeat_runs("x", values, np.arange(12), np.arange(5), Presentations())
    noise = values.astype(np.float64).var(axis=1, ddof=1).mean(axis=0)
    signal = np.maximum(0, values.astype(np.float64).reshape(120, 5).var(axis=0) - noise)
    snr = np.sqrt(signal / noise)
    found = ceilings(runs, "test")
    assert np.allclose(found["ncsnr_test"], snr, rtol=1e-9)
    assert np.allclose(found["nc_test_n10"], 100 * snr**2 / (snr**2 + 1 / 10), rtol=1e-9)
