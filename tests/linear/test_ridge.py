"""Ridge against scikit-learn, explicit k-fold loops and closed forms in scipy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import linalg
from sklearn.linear_model import Ridge, RidgeCV
from sklearn.metrics import r2_score

from brainflix.errors import DataError, UsageError
from brainflix.linear.folds import contiguous_folds
from brainflix.linear.ridge import RidgeFit, fit_ridge

ALPHAS = np.logspace(-2, 4, 7)
SHAPES = [(60, 150), (60, 60), (60, 59), (60, 20), (60, 1), (200, 20)]


def _data(n: int, p: int, t: int = 9, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, p)) * rng.uniform(0.2, 3, p) + rng.normal(size=p) * 5
    noise = np.linspace(0.1, 5, t) * rng.normal(size=(n, t))
    y = x @ rng.normal(size=(p, t)) / np.sqrt(p) + noise + 3
    return x, y, rng.integers(0, 5, n)


def _explicit(x: np.ndarray, y: np.ndarray, folds: np.ndarray, score: str = "r2") -> np.ndarray:
    """Scores by refitting scikit-learn's Ridge once per fold and penalty."""
    out = np.zeros((ALPHAS.size, y.shape[1]))
    for row, alpha in enumerate(ALPHAS):
        parts, held_out = [], np.empty_like(y)
        for fold in np.unique(folds):
            test = folds == fold
            prediction = Ridge(alpha=alpha).fit(x[~test], y[~test]).predict(x[test]).reshape(y[test].shape)
            held_out[test] = prediction
            if score == "r2":
                parts.append(r2_score(y[test], prediction, multioutput="raw_values"))
            else:
                parts.append([np.corrcoef(a, b)[0, 1] for a, b in zip(y[test].T, prediction.T, strict=True)])
        out[row] = r2_score(y, held_out, multioutput="raw_values") if score == "r2_pooled" else np.mean(parts, axis=0)
    return out


def _predict_sklearn(x: np.ndarray, y: np.ndarray, alpha: np.ndarray, new: np.ndarray) -> np.ndarray:
    return np.stack([Ridge(alpha=a).fit(x, y[:, j]).predict(new) for j, a in enumerate(alpha)], axis=1)


@pytest.mark.parametrize(("n", "p"), SHAPES)
@pytest.mark.parametrize("score", ["r2", "pearson", "r2_pooled"])
def test_scores_equal_refitting_every_fold(n: int, p: int, score: Any) -> None:
    x, y, folds = _data(n, p)
    fit = fit_ridge(x, y, ALPHAS, folds, score=score)
    np.testing.assert_allclose(fit.cv_scores, _explicit(x, y, folds, score), atol=2e-9, rtol=1e-9)
    np.testing.assert_array_equal(fit.alpha, ALPHAS[::-1][np.argmax(fit.cv_scores[::-1], axis=0)])


@pytest.mark.parametrize(("n", "p"), SHAPES)
@pytest.mark.parametrize("per_target", [True, False])
def test_predictions_and_weights_equal_sklearn(n: int, p: int, per_target: bool) -> None:
    x, y, folds = _data(n, p)
    fit = fit_ridge(x, y, ALPHAS, folds, per_target=per_target)
    assert (len(set(fit.alpha)) == 1) is not per_target or p == 1
    new = _data(13, p, seed=1)[0]
    np.testing.assert_allclose(fit.predict(new), _predict_sklearn(x, y, fit.alpha, new), atol=1e-9)
    weights = np.stack([Ridge(alpha=a).fit(x, y[:, j]).coef_ for j, a in enumerate(fit.alpha)], axis=1)
    np.testing.assert_allclose(fit.weights(), weights, atol=1e-9)


def test_the_global_penalty_is_that_of_the_mean_score_and_of_ridgecv() -> None:
    x, y, _ = _data(60, 30)
    loo = fit_ridge(x, y, ALPHAS, np.arange(60), per_target=False, score="r2_pooled")
    assert loo.alpha[0] == ALPHAS[np.argmax(loo.cv_scores.mean(axis=1))]
    for target in range(y.shape[1]):
        one = fit_ridge(x, y[:, [target]], ALPHAS, np.arange(60), score="r2_pooled")
        assert one.alpha[0] == RidgeCV(ALPHAS).fit(x, y[:, target]).alpha_


def test_dual_solution_equals_a_linear_solve() -> None:
    x, y, _ = _data(40, 90)
    fit = fit_ridge(x, y, [3.0])
    assert fit.dual_coef is not None
    assert fit.primal_coef is None
    centred = x - x.mean(axis=0)
    dual = linalg.solve(centred @ centred.T + 3.0 * np.eye(40), y - y.mean(axis=0), assume_a="pos")
    np.testing.assert_allclose(fit.dual_coef, dual, atol=1e-10)
    assert fit.x_train is x
    assert np.isnan(fit.cv_score).all()


@settings(max_examples=25, deadline=None)
@given(st.integers(3, 30), st.integers(1, 30), st.floats(1e-3, 1e5), st.integers(0, 10**6))
def test_both_forms_equal_sklearn_at_any_shape(n: int, p: int, alpha: float, seed: int) -> None:
    x, y, _ = _data(n, p, t=3, seed=seed)
    expected = Ridge(alpha=alpha, solver="svd").fit(x, y).predict(x)
    np.testing.assert_allclose(fit_ridge(x, y, [alpha]).predict(x), expected, atol=1e-7)


def test_padding_with_zero_columns_swaps_the_form_and_not_the_answer() -> None:
    x, y, folds = _data(60, 20)
    wide = np.pad(x, ((0, 0), (0, 80)))
    primal, dual = fit_ridge(x, y, ALPHAS, folds), fit_ridge(wide, y, ALPHAS, folds)
    assert primal.dual_coef is None
    assert dual.primal_coef is None
    np.testing.assert_allclose(dual.cv_scores, primal.cv_scores, atol=1e-10)
    np.testing.assert_allclose(dual.predict(wide), primal.predict(x), atol=1e-10)


def test_limits_of_the_penalty() -> None:
    x, y, _ = _data(60, 20)
    np.testing.assert_allclose(fit_ridge(x, y, [1e14]).predict(x), np.broadcast_to(y.mean(axis=0), y.shape), atol=1e-9)
    design = np.column_stack([np.ones(60), x])
    ols = design @ linalg.lstsq(design, y)[0]
    np.testing.assert_allclose(fit_ridge(x, y, [1e-9]).predict(x), ols, atol=1e-8)
    wide, targets, _ = _data(20, 60)
    np.testing.assert_allclose(fit_ridge(wide, targets, [1e-9]).predict(wide), targets, atol=1e-7)


def test_permuting_columns_permutes_weights() -> None:
    x, y, folds = _data(60, 150)
    order = np.random.default_rng(5).permutation(150)
    np.testing.assert_allclose(
        fit_ridge(x[:, order], y, ALPHAS, folds).weights(), fit_ridge(x, y, ALPHAS, folds).weights()[order], atol=1e-10
    )


def test_averaged_predictions_equal_the_prediction_of_the_average() -> None:
    x, y, folds = _data(60, 150)
    fit = fit_ridge(x, y, ALPHAS, folds)
    np.testing.assert_allclose(
        fit.predict(x.reshape(10, 6, 150).mean(axis=1)), fit.predict(x).reshape(10, 6, -1).mean(axis=1), atol=1e-10
    )


@pytest.mark.parametrize(("n", "p"), [(60, 150), (60, 40)])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_duplicate_columns_and_repeated_rows_are_safe(n: int, p: int, dtype: Any) -> None:
    x, y, _ = _data(n, p)
    x = np.repeat(x[: n // 2], 2, axis=0)
    x[:, p // 2 :] = x[:, : p - p // 2]
    folds = np.repeat(np.arange(n // 2) % 5, 2)
    fit = fit_ridge(x.astype(dtype), y.astype(dtype), ALPHAS, folds)
    # Equal rows leave (1 - H) with eigenvalues of alpha / w beside 1: float32 keeps few digits of them at alpha = 0.01.
    tolerance = 1e-8 if dtype == np.float64 else 2e-2
    np.testing.assert_allclose(fit.cv_scores, _explicit(x, y, folds), rtol=tolerance, atol=tolerance)
    # A direction without data must not be fitted, however small the penalty.
    tiny = fit_ridge(x.astype(dtype), y.astype(dtype), [1e-30], folds)
    assert np.isfinite(tiny.cv_scores).all()
    assert np.abs(tiny.weights()).max() < 100


def test_a_column_that_only_one_fold_has_is_safe_at_any_penalty() -> None:
    x, y, _ = _data(30, 5)
    folds = np.repeat(np.arange(3), 10)
    x = np.column_stack([x, folds == 1, np.zeros(30)])
    for dtype in (np.float64, np.float32):
        fit = fit_ridge(x.astype(dtype), y.astype(dtype), [1e-25, 1e-3], folds)
        assert np.isfinite(fit.cv_scores).all()


def test_x_without_any_variance_predicts_the_mean() -> None:
    _, y, folds = _data(60, 3)
    for p in (3, 80):
        fit = fit_ridge(np.full((60, p), 0.1), y, ALPHAS, folds)
        np.testing.assert_allclose(fit.predict(np.full((2, p), 7.0)), np.stack([y.mean(axis=0)] * 2))
        assert (fit.alpha == ALPHAS[-1]).all()  # all penalties tie: the largest


def test_constant_targets_have_no_score_and_take_the_global_penalty() -> None:
    x, y, folds = _data(60, 150)
    y[:, 4] = 0.1
    fit = fit_ridge(x, y, ALPHAS, folds)
    assert np.isnan(fit.cv_scores[:, 4]).all()
    assert np.isfinite(np.delete(fit.cv_scores, 4, axis=1)).all()
    alone = fit_ridge(x, np.delete(y, 4, axis=1), ALPHAS, folds, per_target=False)
    assert fit.alpha[4] == alone.alpha[0]
    np.testing.assert_allclose(fit.predict(x)[:, 4], 0.1, rtol=1e-15)
    assert fit_ridge(x, np.ones((60, 2)), ALPHAS, folds).alpha[0] == ALPHAS[-1]


def test_a_target_that_is_constant_in_one_fold_is_scored_on_the_others() -> None:
    x, y, _ = _data(60, 20)
    folds = np.repeat(np.arange(4), 15)
    y[:15, 0] = 1.0
    scores = fit_ridge(x, y[:, :1], ALPHAS, folds).cv_scores
    expected = np.zeros(ALPHAS.size)
    for row, alpha in enumerate(ALPHAS):
        for fold in (1, 2, 3):
            test = folds == fold
            expected[row] += r2_score(y[test, 0], Ridge(alpha=alpha).fit(x[~test], y[~test, 0]).predict(x[test])) / 3
    np.testing.assert_allclose(scores[:, 0], expected, atol=1e-10)


@pytest.mark.parametrize(("n", "p"), [(90, 300), (90, 30)])
def test_float32_agrees_with_float64_on_a_large_mean(n: int, p: int) -> None:
    x, y, folds = _data(n, p, t=40)
    x += 1000
    single = fit_ridge(x.astype(np.float32), y.astype(np.float32), ALPHAS, folds)
    double = fit_ridge(x.astype(np.float32).astype(np.float64), y.astype(np.float32).astype(np.float64), ALPHAS, folds)
    assert single.predict(x).dtype == np.float32
    np.testing.assert_allclose(single.cv_scores, double.cv_scores, atol=2e-4, rtol=2e-4)
    assert (single.alpha == double.alpha).mean() >= 0.97
    same = single.alpha == double.alpha
    np.testing.assert_allclose(single.predict(x)[:, same], double.predict(x)[:, same], atol=5e-3)


@pytest.mark.parametrize(("n", "p"), [(60, 150), (60, 20)])
def test_tiles_and_the_order_of_rows_change_nothing(n: int, p: int) -> None:
    x, y, folds = _data(n, p)
    whole = fit_ridge(x, y, ALPHAS, folds)
    for tile in (1, 4, 9, 100):
        tiled = fit_ridge(x, y, ALPHAS, folds, target_tile=tile)
        np.testing.assert_allclose(tiled.cv_scores, whole.cv_scores, atol=1e-12)
        np.testing.assert_allclose(tiled.predict(x, target_tile=tile), whole.predict(x), atol=1e-12)
    order = np.random.default_rng(2).permutation(n)
    shuffled = fit_ridge(x[order], y[order], ALPHAS, folds[order] * 10 - 7)
    np.testing.assert_allclose(shuffled.cv_scores, whole.cv_scores, atol=1e-10)
    np.testing.assert_allclose(shuffled.predict(x), whole.predict(x), atol=1e-10)


def test_chunks_of_x_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    fits: list[RidgeFit] = []
    for numbers in (1 << 20, 130):
        monkeypatch.setattr("brainflix.linear.spectrum._CHUNK_NUMBERS", numbers)
        for p in (150, 20):
            x, y, folds = _data(60, p)
            fits.append(fit_ridge(x, y, ALPHAS, folds))
            expected = _predict_sklearn(x, y, fits[-1].alpha, x[:7])
            np.testing.assert_allclose(fits[-1].predict(x[:7]), expected, atol=1e-9)
    for a, b in zip(fits[:2], fits[2:], strict=True):
        np.testing.assert_allclose(a.cv_scores, b.cv_scores, atol=1e-11)
        np.testing.assert_allclose(a.weights(), b.weights(), atol=1e-11)


def test_targets_are_read_by_columns_only() -> None:
    x, y, folds = _data(60, 150)

    class Columns:
        """Anything that can be sliced by columns, such as a zarr array."""

        shape, dtype, widest = y.shape, y.dtype, 0

        def __getitem__(self, key: tuple[slice, slice]) -> np.ndarray:
            assert key[0] == slice(None)
            part: np.ndarray = y[key]
            Columns.widest = max(Columns.widest, part.shape[1])
            return part

    fit = fit_ridge(x, Columns(), ALPHAS, folds, target_tile=4)
    assert Columns.widest == 4
    np.testing.assert_allclose(fit.predict(x), fit_ridge(x, y, ALPHAS, folds).predict(x), atol=1e-10)


def test_leave_one_run_out_uses_the_runs() -> None:
    x, y, _ = _data(60, 150)
    runs = np.repeat(np.arange(6), 10)
    np.testing.assert_array_equal(contiguous_folds(runs, 6), runs)
    np.testing.assert_allclose(fit_ridge(x, y, ALPHAS, runs).cv_scores, _explicit(x, y, runs), atol=1e-9)


def test_fitting_leaves_inputs_and_global_random_state_alone() -> None:
    x, y, folds = _data(60, 150)
    x_before, y_before = x.copy(), y.copy()
    for array in (x, y, folds):
        array.flags.writeable = False
    first, second = (fit_ridge(x, y, ALPHAS, folds) for _ in range(2))
    np.testing.assert_array_equal(x, x_before)
    np.testing.assert_array_equal(y, y_before)
    np.testing.assert_array_equal(first.weights(), second.weights())


def test_unusable_input_is_refused() -> None:
    x, y, folds = _data(60, 20)
    bad_x, bad_y = x.copy(), y.copy()
    bad_x[3, 3], bad_y[5, 5] = np.inf, np.nan
    for rows, targets, labels in ((x[:-1], y, folds), (x, y, folds[:-1]), (bad_x, y, folds), (x, bad_y, folds)):
        with pytest.raises(DataError):
            fit_ridge(rows, targets, ALPHAS, labels)
    for alphas in ([], [0.0], [-1.0, 1.0], [np.nan]):
        with pytest.raises(UsageError, match="positive"):
            fit_ridge(x, y, alphas, folds)
    with pytest.raises(UsageError, match="folds"):
        fit_ridge(x, y, ALPHAS)
    with pytest.raises(UsageError, match="two folds"):
        fit_ridge(x, y, ALPHAS, np.zeros(60))
    with pytest.raises(UsageError, match="r2_pooled"):
        fit_ridge(x, y, ALPHAS, np.arange(60))
    with pytest.raises(UsageError, match="unknown score"):
        fit_ridge(x, y, ALPHAS, folds, score="r3")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="tile"):
        fit_ridge(x, y, ALPHAS, folds, target_tile=0)
    with pytest.raises(DataError, match="rows to predict"):
        fit_ridge(x, y, [1.0]).predict(x[:, 1:])
