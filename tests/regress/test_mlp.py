"""The network regressors: counts, initial gate, dropout, and training that stops and repeats itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from brainflix.errors import DataError, UsageError
from brainflix.linear.standardise import Standardiser
from brainflix.models.regressors import RegressorConfig, SwiGLURegressor, build_regressor
from brainflix.regress.mlp import MLPOptions, fit_mlp, held_out_rows

OPTIONS = MLPOptions(hidden=32, batch_size=32, epochs=40, patience=5, dropout=0.1, val_fraction=0.2)


def _build(**changes: Any) -> Any:
    return build_regressor(
        RegressorConfig(**{"n_in": 12, "hidden": 5, "n_out": 7} | changes), torch.Generator().manual_seed(0)
    )


def _data(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(500, 10)).astype(np.float32) * 3 + 5
    y = np.tanh(x[:, :4] - 5) @ rng.normal(size=(4, 6)) * 50 + 1000 + rng.normal(size=(500, 6))
    return x[:400], y[:400].astype(np.float32), x[400:], y[400:]


@pytest.mark.parametrize(("kind", "count"), [("mlp", 117), ("swiglu", 182)])
def test_parameter_counts(kind: str, count: int) -> None:
    assert sum(p.numel() for p in _build(kind=kind).parameters()) == count


def test_counts_of_the_published_sizes() -> None:
    for kind, z_count in (("mlp", 321_597_244), ("swiglu", 375_488_316)):
        v, h, o = 13156, 4096, 65340
        ours = v * h + 3 * h + h * o + o if kind == "mlp" else 2 * (v * h + h) + 2 * h + h * o + o
        assert ours == z_count


def test_the_gate_starts_open_for_any_input() -> None:
    model = _build(kind="swiglu", n_in=300, hidden=40)
    assert isinstance(model, SwiGLURegressor)
    rows = torch.randn(64, 300, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        gate = model.gated(rows)
    assert (gate - 0.731059).abs().max() < 1e-4
    assert abs(float(gate.mean()) - 0.73106) < 3e-6


@pytest.mark.parametrize("kind", ["mlp", "swiglu"])
@pytest.mark.parametrize("p", [0.0, 0.3])
def test_output_dropout_is_off_unless_asked_for(p: float, kind: Any) -> None:
    model = _build(output_dropout=p, n_out=50, kind=kind).train()
    generator = torch.Generator().manual_seed(0)
    zeros = (model(torch.randn(200, 12, generator=generator), generator) == 0).float().mean()
    assert abs(float(zeros) - p) < 0.02
    assert (model.eval()(torch.randn(20, 12, generator=generator)) != 0).all()


def test_dropout_takes_its_mask_from_the_generator_and_keeps_the_mean() -> None:
    model = _build(dropout=0.3).train()
    rows = torch.ones(2000, 12)
    with pytest.raises(UsageError, match="generator"):
        model(rows)
    first, again = (model.dropout(rows, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, again)
    np.testing.assert_allclose(first.unique(), [0.0, 1 / 0.7], rtol=1e-6)
    assert float(first.mean()) == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("kind", ["mlp", "swiglu"])
def test_it_learns_a_nonlinear_map_in_the_original_scale(kind: Any) -> None:
    x, y, x_test, y_test = _data()
    fit = fit_mlp(x, y, MLPOptions(**{**OPTIONS.__dict__, "kind": kind}), seed=0)
    error = ((fit.predict(x_test) - y_test) ** 2).mean(axis=0)
    assert (error < 0.35 * y_test.var(axis=0)).all()
    assert fit.val_loss[fit.best_epoch] == min(fit.val_loss)


def test_the_same_seed_repeats_and_global_random_state_is_left_alone() -> None:
    x, y, x_test, _ = _data()
    options = MLPOptions(hidden=8, epochs=3)
    state = torch.get_rng_state()
    first = fit_mlp(x, y, options, seed=7).predict(x_test)
    torch.rand(5, generator=torch.Generator())
    second = fit_mlp(x, y, options, seed=7).predict(x_test)
    np.testing.assert_array_equal(first, second)
    assert torch.equal(torch.get_rng_state(), state)
    assert not np.allclose(first, fit_mlp(x, y, options, seed=8).predict(x_test))


def test_noise_stops_early_and_the_best_epoch_is_kept() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(200, 40)), rng.normal(size=(200, 3))
    fit = fit_mlp(x, y, MLPOptions(hidden=64, epochs=200, patience=4, batch_size=32, dropout=0.0), seed=0)
    assert len(fit.val_loss) == fit.best_epoch + 5 < 200
    held_out = held_out_rows(200, 0.1)
    scaled = (fit.predict(x[held_out]) - y[held_out]) / y[~held_out].std(axis=0)
    assert (scaled**2).mean() == pytest.approx(fit.val_loss[fit.best_epoch], rel=1e-4)


def test_statistics_come_from_the_rows_that_were_trained_on() -> None:
    x, y, _, _ = _data()
    fit = fit_mlp(x, y, MLPOptions(hidden=4, epochs=1, val_fraction=0.25), seed=0)
    assert fit.n_train == 300
    np.testing.assert_array_equal(fit.x_scale.mean, Standardiser.fit(x[:300]).mean)
    np.testing.assert_array_equal(fit.y_scale.std, Standardiser.fit(y[:300]).std)


def test_predictions_do_not_depend_on_the_batch() -> None:
    x, y, x_test, _ = _data()
    fit = fit_mlp(x, y, MLPOptions(hidden=8, epochs=2), seed=0)
    np.testing.assert_allclose(fit.predict(x_test, batch_size=7), fit.predict(x_test), rtol=1e-6)


def test_held_out_rows_are_the_last_whole_groups() -> None:
    np.testing.assert_array_equal(np.flatnonzero(held_out_rows(20, 0.1)), [18, 19])
    groups = np.tile([2, 0, 1], 4)  # repeats far apart; in order of appearance group 1 is the last
    np.testing.assert_array_equal(np.flatnonzero(held_out_rows(12, 0.1, groups)), [2, 5, 8, 11])
    np.testing.assert_array_equal(held_out_rows(12, 0.99, groups), groups != 2)
    with pytest.raises(DataError, match="two groups"):
        held_out_rows(12, 0.1, np.zeros(12))


def test_a_last_batch_of_one_row_is_no_problem() -> None:
    x, y, _, _ = _data()
    fit = fit_mlp(x[:43], y[:43], MLPOptions(hidden=4, epochs=2, batch_size=19), seed=0)
    assert fit.n_train == 38
    assert np.isfinite(fit_mlp(x[:44], y[:44], MLPOptions(hidden=4, epochs=2, batch_size=19), seed=0).train_loss).all()


def test_unusable_requests_are_refused() -> None:
    x, y, _, _ = _data()
    options: list[dict[str, Any]] = [{"loss": "huber"}, {"batch_size": 1}, {"val_fraction": 0.0}]
    for changes in options:
        with pytest.raises(UsageError):
            MLPOptions(**changes)
    for changes in ({"kind": "ridge"}, {"dropout": 1.0}, {"hidden": 0}):
        with pytest.raises(UsageError):
            _build(**changes)
    with pytest.raises(DataError, match="shapes"):
        fit_mlp(x[1:], y, OPTIONS, seed=0)
    x[0, 0] = np.nan
    with pytest.raises(DataError, match="finite"):
        fit_mlp(x, y, OPTIONS, seed=0)
