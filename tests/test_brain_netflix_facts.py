"""Facts of docs/methods/brain-netflix.md that no test beside their code states."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from brainflix.evaluate import nway, ssim
from brainflix.evaluate.clock import match_linspace, regular
from brainflix.io.clip_folder import ClipFolder, open_clips
from brainflix.linear.ridge import fit_ridge
from brainflix.models.regressors import MLPRegressor, RegressorConfig, SwiGLURegressor


def folder_of(path: Path, *names: str) -> ClipFolder:
    path.mkdir()
    for number, name in enumerate(names):
        np.save(path / f"{name}.npy", np.full((2, 8, 8, 3), number, np.uint8))
    return open_clips(path)


def test_6_numbers_pair_whatever_zeros_stand_before_them(tmp_path: Path) -> None:
    short = folder_of(tmp_path / "a", "seg1_begin-2_end-4", "seg1_begin-10_end-12")
    long = ("seg1_begin-002_end-004", "seg1_begin-010_end-012")
    renamed = short.named_as(long)
    assert renamed.ids == long
    assert renamed.named_as(long).ids == long
    assert [renamed.read(name).frames[0, 0, 0, 0] for name in long] == [0, 1]
    twice = folder_of(tmp_path / "b", "clip2", "clip02")
    assert twice.named_as(["clip002"]).ids == twice.ids


@pytest.mark.parametrize(
    ("kind", "n_out", "published"),
    [
        ("mlp", 226 * 768, 765_007_360),
        ("mlp", 15 * 4 * 33 * 33, 321_597_244),
        ("mlp", 77 * 1024, 376_939_520),
        ("swiglu", 226 * 768, 818_898_432),
        ("swiglu", 15 * 4 * 33 * 33, 375_488_316),
        ("swiglu", 77 * 1024, 430_830_592),
    ],
)
def test_25_regressors_have_the_published_sizes(kind: str, n_out: int, published: int) -> None:
    with torch.device("meta"):
        model = {"mlp": MLPRegressor, "swiglu": SwiGLURegressor}[kind](
            RegressorConfig(13156, 4096, n_out, kind)  # type: ignore[arg-type]
        )
    assert sum(p.numel() for p in model.parameters()) == published


def test_28_a_huge_penalty_predicts_the_mean() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 6)), rng.normal(size=(40, 3)) + 5
    folds = np.repeat(np.arange(4), 10)
    fit = fit_ridge(x, y, np.array([1e14]), folds)
    np.testing.assert_allclose(fit.predict(rng.normal(size=(5, 6))), np.tile(y.mean(0), (5, 1)), atol=1e-9)


def test_29_the_mean_has_no_r2_and_yet_a_high_pooled_correlation() -> None:
    from brainflix.evaluate.targets_metrics import r2_per_dim

    rng = np.random.default_rng(0)
    means = 10 * rng.normal(size=200)
    train, test = (means + rng.normal(size=(n, 200)) for n in (300, 50))
    predicted = np.tile(train.mean(0), (len(test), 1))
    assert np.corrcoef(predicted.ravel(), test.ravel())[0, 1] > 0.99
    assert -0.1 < r2_per_dim(test, predicted).mean() <= 0


@pytest.mark.parametrize(
    ("g", "n", "expected"),
    [(3, 2, 0.75), (3, 50, 3 / 52), (3, 100, 3 / 102), (1, 2, 0.5), (1, 50, 0.02)],
)
def test_39_chance_of_scores_that_say_nothing(g: int, n: int, expected: float) -> None:
    assert nway.chance(n, g=g) == pytest.approx(expected)
    logits = np.random.default_rng(0).normal(size=(4000, 120))
    truth = np.random.default_rng(1).normal(size=(4000, 120))
    counts = nway.count(logits, nway.truth_classes(truth, g))
    values = nway.accuracy(counts, n)
    assert abs(values.mean() - expected) < 4 * values.std() / np.sqrt(len(values))
    perfect = nway.accuracy(nway.count(truth, nway.truth_classes(truth, g)), n)
    assert perfect.mean() == 1 and perfect.std() == 0
    scaled = nway.accuracy(nway.count(np.exp(logits / 3), nway.truth_classes(truth, g)), n)
    np.testing.assert_array_equal(scaled, values)


def test_40_the_example_of_the_closed_form() -> None:
    scores = np.arange(400.0)[::-1][None]
    counts = nway.count(scores, np.array([[7]]))
    assert counts.above.tolist() == [7]
    assert float(nway.accuracy(counts, 50)[0]) == pytest.approx(0.39667, abs=5e-6)


def test_41_ssim_of_black_and_white_and_of_noise() -> None:
    black, white = (np.full((1, 256, 256, 3), value, np.uint8) for value in (0, 255))
    noise = np.random.default_rng(0).integers(0, 256, (1, 256, 256, 3), dtype=np.uint8)
    grey = np.full_like(noise, 128)

    def value(a: np.ndarray, b: np.ndarray) -> float:
        return float(ssim.compare(*(ssim.prepare(each, ssim.RGB_U7) for each in (a, b)))[0])

    assert value(noise, noise) == pytest.approx(1)
    assert value(black, white) == pytest.approx(9.999e-5, abs=1e-8)
    assert value(noise, grey) == pytest.approx(0.011, abs=0.002)
    assert value(noise, grey) == pytest.approx(value(grey, noise))


def test_43_the_released_vector_metrics_of_a_toy() -> None:
    from brainflix.evaluate.targets_metrics import mean_errors, r2_per_dim

    truth = np.array([[1, 2, 3, 1], [4, 5, 6, 1], [2, 4, 1, 2]], float)
    predicted = np.array([[1.2, 2.5, 3, 1], [4, 5, 6, 1.7], [2, 4, 1, 2.5]])
    assert mean_errors(truth, predicted) == pytest.approx((0.0858333, 0.1583333), abs=1e-7)
    assert r2_per_dim(truth, predicted).mean() == pytest.approx(0.7069643, abs=1e-7)
    # The fourth, the correlation of all numbers together, is left out on purpose; this is what it says.
    assert np.corrcoef(truth.ravel(), predicted.ravel())[0, 1] == pytest.approx(0.9898763, abs=1e-7)


def test_44_truth_with_as_many_frames_as_the_prediction_or_fewer_is_matched() -> None:
    truth, prediction = match_linspace(regular(15, 5.0), regular(15, 5.0))
    assert truth.tolist() == prediction.tolist() == list(range(15))
    truth, prediction = match_linspace(regular(10, 5.0), regular(15, 5.0))
    assert truth.tolist() == [0, 0, 1, 1, 2, 3, 3, 4, 5, 5, 6, 7, 7, 8, 9]
    assert prediction.tolist() == list(range(15))
