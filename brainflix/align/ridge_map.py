"""Ridge from one subject's columns to the template's columns, the penalty by cross-validation on training rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.align.maps import LinearMap, check_pair
from brainflix.linear.ridge import Device, fit_ridge

#: Penalties relative to the mean squared length of a centred training row.
RELATIVE_ALPHAS: tuple[float, ...] = tuple(float(a) for a in np.logspace(-3, 3, 13))


def fit_ridge_map(
    source: NDArray[Any],
    template: NDArray[Any],
    folds: NDArray[Any],
    *,
    alphas: tuple[float, ...] = RELATIVE_ALPHAS,
    device: Device = "cpu",
) -> LinearMap:
    """Fit the ridge that predicts the template from the subject, with one penalty for all columns of the template.

    Args:
        source: array of shape (n, n_source), training rows of one subject.
        template: array of shape (n, n_target), the same clips.
        folds: fold label of each row, array of shape (n,), such as the run.
        alphas: penalties relative to the mean squared length of a centred row of `source`, so that one grid serves
            any number and scale of grayordinates.
        device: where the products run.

    Raises:
        DataError: if shapes do not match or values are not finite.
        UsageError: if alphas or folds are unusable.
    """
    check_pair(source, template)
    scale = float(np.asarray(source, np.float64).var(axis=0).sum()) or 1.0
    grid = [alpha * scale for alpha in alphas]
    fit = fit_ridge(source, template, grid, folds, per_target=False, device=device)
    if fit.primal_coef is not None:
        left, right = fit.primal_coef, None
    else:
        right = fit.dual_coef
        left = (np.asarray(source, np.float64) - fit.x_mean).T
        left = left if right is None else left.astype(right.dtype)
    return LinearMap(left, right, fit.x_mean.astype(left.dtype), fit.y_mean.astype(left.dtype))
