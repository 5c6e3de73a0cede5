"""The shared response model: a few time courses that all subjects share, and where each subject keeps them.

Chen et al. 2015, in the deterministic form: X_i = S W_i^T with orthonormal W_i, which minimises sum_i |X_i - S W_i^T|^2
by turns. The start is the principal time courses of all subjects side by side, so that nothing is random.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from brainflix.align.maps import LinearMap
from brainflix.align.procrustes import polar
from brainflix.errors import DataError

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SharedResponse:
    """A fitted model.

    Attributes:
        shared: time courses, (n, n_features).
        bases: of each subject, orthonormal columns, (n_columns, n_features).
        errors: sum of squares that is left after each round; it never grows.
    """

    shared: Floats
    bases: tuple[Floats, ...]
    errors: tuple[float, ...]


def fit_srm(sources: Sequence[NDArray[Any]], n_features: int, *, n_iterations: int = 20) -> SharedResponse:
    """Fit the model to training rows.

    Args:
        sources: per subject, rows (n, n_columns) with columns of its own, the same moments.
        n_features: shared time courses.
        n_iterations: rounds.

    Raises:
        DataError: rows differ, or there are fewer of them, or of columns, than features.
    """
    if len({len(source) for source in sources}) != 1:
        raise DataError(f"subjects must share their rows: {[source.shape for source in sources]}")
    most = min(len(sources[0]) - 1, *(source.shape[1] for source in sources))
    if not 1 <= n_features <= most:
        raise DataError(f"{n_features} shared features of {len(sources[0])} rows, at most {most}")
    centred = [np.asarray(source, np.float64) - np.asarray(source, np.float64).mean(axis=0) for source in sources]
    shared = _principal(centred, n_features)
    total = sum(float((x**2).sum()) for x in centred)
    bases: list[Floats] = []
    errors = []
    for _ in range(n_iterations):
        bases = [polar(x.T @ shared) for x in centred]
        shared = np.mean([x @ basis for x, basis in zip(centred, bases, strict=True)], axis=0)
        # With orthonormal bases what the model explains is the shared courses' own power in every subject.
        errors.append(total - len(centred) * float((shared**2).sum()))
    return SharedResponse(shared, tuple(bases), tuple(errors))


def srm_maps(sources: Sequence[NDArray[Any]], n_features: int, *, n_iterations: int = 20) -> tuple[LinearMap, ...]:
    """Return one map for each subject, through the shared features back into the group's columns.

    Features are no places of the brain, and everything after alignment speaks of areas. So they are laid out again on
    the columns, by the mean of the subjects' bases; all `sources` are (n, n_columns) with the same columns. Arguments
    as `fit_srm`.

    Raises:
        DataError: as `fit_srm`, or subjects have different columns.
    """
    if len({source.shape[1] for source in sources}) != 1:
        raise DataError("features can only be laid out on columns that all subjects have")
    model = fit_srm(sources, n_features, n_iterations=n_iterations)
    back = np.mean(model.bases, axis=0).T.astype(np.float32)
    means = [np.asarray(source, np.float64).mean(axis=0).astype(np.float32) for source in sources]
    target = np.mean(means, axis=0)
    return tuple(
        LinearMap(basis.astype(np.float32), back, mean, target) for basis, mean in zip(model.bases, means, strict=True)
    )


def _principal(centred: Sequence[Floats], n_features: int) -> Floats:
    """Return the principal time courses of all subjects side by side, (n, n_features)."""
    gram = np.zeros((len(centred[0]), len(centred[0])))
    for x in centred:
        gram += x @ x.T
    values, vectors = linalg.eigh(gram, subset_by_index=(len(gram) - n_features, len(gram) - 1))
    courses = vectors[:, ::-1] * np.sqrt(np.maximum(values[::-1], 0))
    # A vector's sign is the library's whim; it must not depend on it.
    return np.asarray(courses * np.sign(courses[np.abs(courses).argmax(axis=0), np.arange(n_features)]), np.float64)
