"""The alignment methods as parts: training rows of all subjects in, one map per subject into the group's space out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from brainflix.align.maps import LinearMap
from brainflix.align.params import AlignParams, RidgeAlignParams
from brainflix.align.procrustes import fit_procrustes
from brainflix.align.ridge_map import fit_ridge_map
from brainflix.align.template import fit_template
from brainflix.regress.folds import contiguous_folds


def identity(sources: Sequence[np.ndarray], segments: np.ndarray, params: AlignParams) -> tuple[LinearMap, ...]:
    """Leave every subject's rows as they are.

    Args:
        sources: per subject, training rows of the shared clips, (n_clips, n_columns).
        segments: stimulus segment of each shared clip, (n_clips,).
        params: the recipe's parameters.
    """
    return tuple(_unchanged(source.shape[1]) for source in sources)


def procrustes(sources: Sequence[np.ndarray], segments: np.ndarray, params: AlignParams) -> tuple[LinearMap, ...]:
    """Rotate each subject onto the group's iterated template; arguments as `identity`."""
    return fit_template(sources, fit_procrustes, n_iter=params.n_iterations).maps


def ridge(sources: Sequence[np.ndarray], segments: np.ndarray, params: RidgeAlignParams) -> tuple[LinearMap, ...]:
    """Map each subject onto the group's iterated template by ridge; the penalty is cross-validated over segments."""
    folds = contiguous_folds(segments, params.n_folds)
    template = fit_template(
        sources,
        lambda source, target: fit_ridge_map(source, target, folds, alphas=params.alphas),
        n_iter=params.n_iterations,
    )
    return template.maps


def _unchanged(n: int) -> LinearMap:
    """Return the map of `n` columns onto themselves, without a matrix."""
    nothing = np.zeros(n, np.float32)
    return LinearMap(np.zeros((n, 0), np.float32), np.zeros((0, n), np.float32), nothing, nothing, identity=1.0)
