"""The alignment methods as parts: training rows of all subjects in, one subject's aligned rows out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from brainflix.align.params import AlignParams, RidgeAlignParams
from brainflix.align.procrustes import fit_procrustes
from brainflix.align.ridge_map import fit_ridge_map
from brainflix.align.template import fit_template
from brainflix.regress.folds import contiguous_folds


def identity(
    sources: Sequence[np.ndarray], own: int, rows: np.ndarray, segments: np.ndarray, params: AlignParams
) -> np.ndarray:
    """Return the rows as they are.

    Args:
        sources: per subject, training rows of the shared clips, (n_clips, n_columns).
        own: which of them is this subject.
        rows: all rows of this subject, (n_rows, n_columns).
        segments: stimulus segment of each shared clip, (n_clips,).
        params: the recipe's parameters.
    """
    return rows


def procrustes(
    sources: Sequence[np.ndarray], own: int, rows: np.ndarray, segments: np.ndarray, params: AlignParams
) -> np.ndarray:
    """Rotate the rows onto the group's iterated template; arguments as `identity`."""
    template = fit_template(sources, fit_procrustes, n_iter=params.n_iterations)
    return template.maps[own].apply(rows)


def ridge(
    sources: Sequence[np.ndarray], own: int, rows: np.ndarray, segments: np.ndarray, params: RidgeAlignParams
) -> np.ndarray:
    """Map the rows onto the group's iterated template by ridge; the penalty is cross-validated over segments."""
    folds = contiguous_folds(segments, params.n_folds)
    template = fit_template(
        sources,
        lambda source, target: fit_ridge_map(source, target, folds, alphas=params.alphas),
        n_iter=params.n_iterations,
    )
    return template.maps[own].apply(rows)
