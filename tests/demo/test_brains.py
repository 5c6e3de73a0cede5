"""The simulated brains: where signal sits, how delays and noise behave."""

from __future__ import annotations

import numpy as np
import pytest

from brainflix.demo.brains import AR1, drive, grayordinates, make_brain, noise, respond
from brainflix.demo.features import clip_features
from brainflix.demo.grammar import draw_film

AREAS = [g.area for g in grayordinates()]


def test_the_table_is_a_cut_of_the_real_axis() -> None:
    table = grayordinates()
    index = [g.index for g in table]
    assert index == sorted(set(index)) and index[-1] < 91282
    cortical = [g for g in table if g.vertex is not None]
    assert len(cortical) >= 1500
    assert all(g.structure.startswith("CIFTI_STRUCTURE_CORTEX") for g in cortical)
    assert all(0 <= g.vertex < 32492 for g in cortical)
    assert all(g.voxel is not None for g in table if g.vertex is None)


def test_most_grayordinates_are_silent_and_silent_areas_stay_so() -> None:
    brain = make_brain(0, 1, AREAS)
    assert 0.2 < (brain.strength > 0).mean() < 0.5
    silent = np.isin(AREAS, ["1", "2", "3b", "4", "A1", "thalamus"])
    assert not brain.strength[silent].any()


def test_subjects_differ_and_seeds_repeat() -> None:
    one, again, other = make_brain(0, 1, AREAS), make_brain(0, 1, AREAS), make_brain(0, 2, AREAS)
    assert np.array_equal(one.weights["early"], again.weights["early"])
    shared = (one.strength > 0) & (other.strength > 0)
    r = [
        np.corrcoef(one.weights["early"][:, g], other.weights["early"][:, g])[0, 1] for g in np.flatnonzero(shared)[:80]
    ]
    assert np.nanmean(np.abs(r)) < 0.3


def test_response_to_one_clip_peaks_at_the_delay() -> None:
    brain = make_brain(0, 1, AREAS)
    impulse = np.zeros((20, len(AREAS)))
    impulse[5] = 1.0
    times = np.arange(20) * 2.0
    response = respond(brain, impulse, times)
    # The clip spans 10 to 12 s, so the response peaks delay seconds after its centre at 11 s; volumes are 2 s wide.
    peak_s = times[response.argmax(axis=0)] + 1.0
    assert np.abs(peak_s - (11.0 + brain.delay_s)).max() <= 2.0
    assert response[:5].max() == pytest.approx(0.0, abs=1e-9)


def test_noise_has_unit_variance_the_planted_autocorrelation_and_drift() -> None:
    rng = np.random.default_rng(0)
    x = noise(rng, 400, 300)
    basis = np.vander(np.linspace(-1, 1, 400), 4)
    residual = x - basis @ np.linalg.lstsq(basis, x, rcond=None)[0]
    lag1 = (residual[1:] * residual[:-1]).mean() / (residual**2).mean()
    assert lag1 == pytest.approx(AR1, abs=0.03)
    assert residual.var() == pytest.approx(1.0, abs=0.05)
    assert x.var() > 1.5 * residual.var()


def test_drive_has_the_planted_strength() -> None:
    brain = make_brain(0, 1, AREAS)
    films = [clip_features(draw_film(seed, 30, allow_held_out=True)) for seed in (1, 2)]
    pooled = np.concatenate(drive(brain, films))
    assert np.allclose(pooled.std(axis=0), brain.strength, atol=1e-6)
