"""Generalised canonical correlation: time courses that a ridge of every subject predicts best.

The MAXVAR form (Kettenring 1971) with a ridge penalty: G maximises sum_i |P_i G|^2 for orthonormal G, where P_i is the
hat matrix of subject i's ridge. No maintained package of the project's dependencies has it for several subjects with a
penalty, and it is one eigenproblem; for two subjects and without penalty it is classical canonical correlation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from brainflix.align.maps import LinearMap
from brainflix.errors import DataError

Floats = NDArray[np.float64]


def fit_gcca(
    sources: Sequence[NDArray[Any]], n_components: int, penalty: float
) -> tuple[Floats, tuple[Floats, ...], Floats]:
    """Fit the shared time courses to training rows.

    Args:
        sources: per subject, rows (n, n_columns) with columns of its own, the same moments.
        n_components: shared time courses.
        penalty: of each subject's ridge, relative to the mean eigenvalue of its rows' Gram matrix.

    Returns:
        the time courses (n, n_components), each subject's weights (n_columns, n_components), and how much of each
        course the subjects predict on average, (n_components,), at most 1.

    Raises:
        DataError: rows differ, there are fewer of them than components, or the penalty is not positive.
    """
    n = len(sources[0])
    if any(len(source) != n for source in sources) or not 1 <= n_components < n:
        raise DataError(f"{n_components} components of rows {[source.shape for source in sources]}")
    if penalty <= 0:
        raise DataError(f"the penalty is {penalty}; more columns than rows need a positive one")
    centred = [np.asarray(source, np.float64) - np.asarray(source, np.float64).mean(axis=0) for source in sources]
    solvers = [_solver(x, penalty) for x in centred]
    hats = np.zeros((n, n))
    for inverse, gram, scale in solvers:
        hats += inverse @ gram / scale
    values, vectors = linalg.eigh((hats + hats.T) / 2, subset_by_index=(n - n_components, n - 1))
    courses = vectors[:, ::-1]
    courses = courses * np.sign(courses[np.abs(courses).argmax(axis=0), np.arange(n_components)])
    weights = tuple(x.T @ (inverse @ courses) / scale for x, (inverse, _, scale) in zip(centred, solvers, strict=True))
    return courses, weights, values[::-1] / len(sources)


def gcca_maps(sources: Sequence[NDArray[Any]], n_components: int, penalty: float) -> tuple[LinearMap, ...]:
    """Return one map for each subject, through the shared time courses back into the group's columns.

    What a course is in the columns is its regression on the mean of the subjects, so that aligned columns still lie in
    their areas; all `sources` are (n, n_columns) with the same columns. Arguments and errors as `fit_gcca`.

    Raises:
        DataError: as `fit_gcca`, or subjects have different columns.
    """
    if len({source.shape[1] for source in sources}) != 1:
        raise DataError("time courses can only be laid out on columns that all subjects have")
    courses, weights, _ = fit_gcca(sources, n_components, penalty)
    means = [np.asarray(source, np.float64).mean(axis=0) for source in sources]
    group = np.mean([source - mean for source, mean in zip(sources, means, strict=True)], axis=0)
    # The courses are orthonormal: their regression on the group is a product.
    back = (courses.T @ group).astype(np.float32)
    target = np.mean(means, axis=0).astype(np.float32)
    return tuple(
        LinearMap(each.astype(np.float32), back, mean.astype(np.float32), target)
        for each, mean in zip(weights, means, strict=True)
    )


def _solver(x: Floats, penalty: float) -> tuple[Floats, Floats, float]:
    """Return the penalised inverse of a subject's scaled Gram matrix, the Gram matrix, both (n, n), and the scale."""
    gram = x @ x.T
    scale = float(np.trace(gram)) / len(gram)
    if scale == 0:
        raise DataError("a subject's rows do not vary")
    inverse = linalg.inv(gram / scale + penalty * np.eye(len(gram)))
    return np.asarray(inverse, np.float64), gram, scale
