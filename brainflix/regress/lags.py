"""Ridge that chooses its lags: which rows after a moment tell of it is found on training runs, like the penalty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from brainflix.linear.folds import contiguous_folds
from brainflix.linear.ridge import fit_ridge
from brainflix.parts.contract import Inputs
from brainflix.parts.work import Work
from brainflix.regress.parts import LaggedRidgeParams
from brainflix.regress.problem import Problem, gather
from brainflix.store.schema import Predictions


@dataclass(frozen=True, eq=False)
class _Tried:
    """One window: its problem, the cross-validated score of each target, (n_dims,), and what it predicts."""

    problem: Problem
    score: np.ndarray
    alpha: np.ndarray
    values: np.ndarray


def ridge_lags(params: LaggedRidgeParams, inputs: Inputs, work: Work) -> Predictions:
    """Predict each target dimension by the window and the penalty that explain held-out training runs best.

    Raises:
        UsageError, DataError: as ridge.
    """
    tried = [_try(params, window, inputs, work) for window in work.progress.track(params.windows, "windows")]
    scores = np.stack([each.score for each in tried])  # (n_windows, n_dims)
    # Targets without a score, which do not vary, take the window that is best for the others.
    known = np.where(np.isnan(scores), -np.inf, scores)
    best = known.argmax(axis=0)
    best[np.isneginf(known.max(axis=0))] = int(np.nanmean(scores, axis=1).argmax()) if not np.isnan(scores).all() else 0
    dims = np.arange(scores.shape[1])
    values = np.stack([each.values for each in tried])[best, :, dims].T  # (n_test_rows, n_dims)
    alphas = np.stack([each.alpha for each in tried])[best, dims]
    attrs: dict[str, Any] = {
        "alpha": float(np.median(alphas)),
        "cv_r2": _mean(scores[best, dims]),
        "n_rows": len(tried[0].problem.x),
        "windows": [list(params.windows[each]) for each in best.tolist()],
        "alphas": [float(each) for each in alphas],
    }
    return tried[0].problem.predictions(values, params, attrs)


def _try(params: LaggedRidgeParams, window: tuple[int, ...], inputs: Inputs, work: Work) -> _Tried:
    problem = gather(inputs, params.model_copy(update={"window_tr": window}), work)
    alphas = np.array(params.alphas) * problem.x.shape[1]
    folds = contiguous_folds(problem.groups, params.n_folds)
    device = work.compute().algebra
    # Targets of unequal units: the mean over dimensions, which constant ones take, counts them alike.
    fit = fit_ridge(problem.x, problem.y[problem.of], alphas, folds, per_target=True, device=device)
    return _Tried(problem, fit.cv_score, fit.alpha, fit.predict(problem.x_test, device=device))


def _mean(values: np.ndarray) -> float | None:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if defined.size else None
