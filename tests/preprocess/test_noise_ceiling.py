"""Noise ceilings against planted variances and what averaging repeats really reaches."""

from __future__ import annotations

import numpy as np
import pytest

from brainflix.errors import DataError
from brainflix.preprocess.noise_ceiling import ncsnr, noise_ceiling


def _responses(snr: np.ndarray, n_clips: int = 4000, n_repeats: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    signal = snr * rng.normal(size=(n_clips, snr.size))
    return signal[:, None] + rng.normal(size=(n_clips, n_repeats, snr.size)), signal


def test_planted_ratio_is_recovered() -> None:
    snr = np.array([0.0, 0.3, 1.0, 2.0])
    responses, _ = _responses(snr)
    np.testing.assert_allclose(ncsnr(responses), snr, atol=0.13)
    np.testing.assert_allclose(ncsnr(responses)[2:], snr[2:], rtol=0.04)


def test_equals_the_definition_written_out() -> None:
    responses, _ = _responses(np.array([0.8, 1.5]), n_clips=30)
    noise = responses.var(axis=1, ddof=1).mean(axis=0)
    total = responses.reshape(-1, 2).var(axis=0, ddof=1)
    np.testing.assert_allclose(ncsnr(responses), np.sqrt((total - noise) / noise), rtol=1e-12)


def test_the_true_signal_reaches_the_ceiling_and_no_more() -> None:
    snr = np.array([0.5, 1.0])
    responses, signal = _responses(snr, n_clips=6000)
    ceiling = noise_ceiling(ncsnr(responses), 3)
    average = responses.mean(axis=1)
    r = np.array([np.corrcoef(average[:, v], signal[:, v])[0, 1] for v in range(2)])
    np.testing.assert_allclose(np.sqrt(ceiling / 100), r, atol=0.02)
    np.testing.assert_allclose(ceiling, 100 * r**2, atol=2.5)


def test_missing_repeats_equal_a_shorter_computation() -> None:
    responses, _ = _responses(np.array([1.0, 2.0]), n_clips=50)
    responses[7, 2] = np.nan
    values = [responses[c][np.isfinite(responses[c, :, 0])] for c in range(50)]
    noise = np.mean([v.var(axis=0, ddof=1) for v in values], axis=0)
    total = np.concatenate(values).var(axis=0, ddof=1)
    np.testing.assert_allclose(ncsnr(responses), np.sqrt((total - noise) / noise), rtol=1e-12)
    counts = np.isfinite(responses[:, :, 0]).sum(axis=1)
    expected = 100 / (1 + np.mean(1 / counts))
    np.testing.assert_allclose(noise_ceiling(np.array([1.0]), counts), [expected])


def test_a_clip_seen_once_tells_nothing_about_noise() -> None:
    responses, _ = _responses(np.array([1.0]), n_clips=20)
    responses[3, 1:] = np.nan
    kept = np.delete(np.arange(20), 3)
    noise = responses[kept].var(axis=1, ddof=1).mean(axis=0)
    trials = responses[np.isfinite(responses)]
    np.testing.assert_allclose(ncsnr(responses), np.sqrt((trials.var(ddof=1) - noise) / noise))
    assert np.isnan(ncsnr(responses[:, :1])).all()


def test_degenerate_columns() -> None:
    responses = np.zeros((5, 3, 3))
    responses[..., 1] = np.arange(5)[:, None]
    responses[..., 2] = np.arange(3)
    out = ncsnr(responses)
    assert np.isnan(out[0])
    assert np.isposinf(out[1])
    assert out[2] == 0
    np.testing.assert_array_equal(noise_ceiling(out[1:], 3), [100.0, 0.0])


def test_ceiling_is_the_formula() -> None:
    np.testing.assert_allclose(noise_ceiling(np.array([1.0, 0.5]), 10), [100 / 1.1, 100 * 0.25 / 0.35])


def test_tile_size_changes_nothing_and_bad_input_is_refused() -> None:
    responses, _ = _responses(np.array([0.3, 1.0, 2.0]), n_clips=40)
    np.testing.assert_allclose(ncsnr(responses, column_tile=2), ncsnr(responses), rtol=1e-12)
    with pytest.raises(DataError, match="shape"):
        ncsnr(responses[0])
    responses[0, 0, 0] = np.inf
    with pytest.raises(DataError, match="infinite"):
        ncsnr(responses)
    with pytest.raises(DataError, match="repeat"):
        noise_ceiling(np.ones(2), np.array([3, 0]))
