"""Ridge that chooses its lags: which rows after a moment tell of it is found on training runs, like the penalty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from brainflix.parts.contract import Inputs
from brainflix.parts.work import Work
from brainflix.regress.parts import LaggedRidgeParams
from brainflix.regress.problem import Problem, gather
from brainflix.regress.regressors import fit_problem
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
    scored = ~np.isnan(scores).any(axis=0)
    best = np.full(len(scored), scores[:, scored].mean(axis=1).argmax() if scored.any() else 0)
    best[scored] = scores[:, scored].argmax(axis=0)
    dims = np.arange(scores.shape[1])
    values = np.stack([each.values for each in tried])[best, :, dims].T  # (n_test_rows, n_dims)
    alphas = np.stack([each.alpha for each in tried])[best, dims]
    attrs: dict[str, Any] = {
        "alpha": float(np.median(alphas)),
        "cv_r2": float(scores[best, dims][scored].mean()) if scored.any() else None,
        "n_rows": len(tried[0].problem.x),
        "windows": [list(params.windows[each]) for each in best.tolist()],
        "alphas": [float(each) for each in alphas],
    }
    return tried[0].problem.predictions(values, params, attrs)


def _try(params: LaggedRidgeParams, window: tuple[int, ...], inputs: Inputs, work: Work) -> _Tried:
    problem = gather(inputs, params.model_copy(update={"window_tr": window}), work)
    fit = fit_problem(problem, params, work)
    return _Tried(problem, fit.cv_score, fit.alpha, fit.predict(problem.x_test, device=work.compute().algebra))
