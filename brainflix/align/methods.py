"""The alignment methods: training rows of all subjects in, one map per subject into the group's space out.

The group's template starts from the mean over subjects, which share their columns here: nobody's place in the list
matters. On simulated groups of three subjects of unequal noise it is also the better start for ridge: after two rounds
columns of unseen rows agree at 0.63, against 0.56 to 0.60 from a single subject, where topographies are partly shared,
and at 0.58 against 0.54 to 0.58 where no column corresponds. Rotations end within 0.01 of each other from any start.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from brainflix.align.choose import Fit, Setting, choose
from brainflix.align.gcca import gcca_maps
from brainflix.align.maps import LinearMap
from brainflix.align.parts import (
    AlignParams,
    ChosenParams,
    GccaParams,
    PairwiseParams,
    ProcrustesParams,
    RidgeAlignParams,
    SrmParams,
)
from brainflix.align.procrustes import fit_procrustes
from brainflix.align.ridge_map import fit_ridge_map
from brainflix.align.srm import srm_maps
from brainflix.align.template import fit_template
from brainflix.errors import UsageError
from brainflix.linear.folds import contiguous_folds
from brainflix.linear.ridge import Device
from brainflix.progress import Track, untracked


def identity(
    sources: Sequence[np.ndarray],
    segments: np.ndarray,
    params: AlignParams,
    device: Device = "cpu",
    track: Track = untracked,
) -> tuple[LinearMap, ...]:
    """Leave every subject's rows as they are.

    Args:
        sources: per subject, training rows of the shared clips, (n_clips, n_columns).
        segments: stimulus segment of each shared clip, (n_clips,).
        params: the recipe's parameters.
        device: where large products run, if there are any.
        track: counts rounds or settings, if there are any.
    """
    return tuple(_unchanged(source.shape[1]) for source in sources)


def procrustes(
    sources: Sequence[np.ndarray],
    segments: np.ndarray,
    params: ProcrustesParams,
    device: Device = "cpu",
    track: Track = untracked,
) -> tuple[LinearMap, ...]:
    """Rotate each subject's rows (n_clips, n_columns) onto the group's iterated template; arguments as `identity`."""
    rotation = partial(fit_procrustes, anchor=params.anchor)
    return fit_template(sources, rotation, start="mean", n_iter=params.n_iterations, track=track).maps


def ridge(
    sources: Sequence[np.ndarray],
    segments: np.ndarray,
    params: RidgeAlignParams,
    device: Device = "cpu",
    track: Track = untracked,
) -> tuple[LinearMap, ...]:
    """Map each subject's rows (n_clips, n_columns) onto the group's iterated template by ridge.

    The penalty is cross-validated over segments; arguments as `identity`.
    """
    folds = contiguous_folds(segments, params.n_folds)
    alphas = params.alphas
    if params.choose_by == "agreement":
        weakest_first = [(alpha,) for alpha in sorted(alphas)]
        alphas = choose(
            lambda rows, one: _ridge_maps(rows, None, one, params, device),
            weakest_first,
            sources,
            folds,
            gap=params.gap,
            track=track,
        )
    return _ridge_maps(sources, folds, alphas, params, device, track)


def _ridge_maps(
    sources: Sequence[np.ndarray],
    folds: np.ndarray | None,
    alphas: tuple[float, ...],
    params: RidgeAlignParams,
    device: Device,
    track: Track = untracked,
) -> tuple[LinearMap, ...]:
    """Build the template by ridge; without folds there must be one penalty."""
    halves = np.arange(len(sources[0])) * 2 // len(sources[0])
    labels = halves if folds is None else folds
    template = fit_template(
        sources,
        lambda source, target: fit_ridge_map(source, target, labels, alphas=alphas, device=device),
        start="mean",
        n_iter=params.n_iterations,
        track=track,
    )
    return template.maps


def procrustes_pairwise(
    sources: Sequence[np.ndarray],
    segments: np.ndarray,
    params: PairwiseParams,
    device: Device = "cpu",
    track: Track = untracked,
) -> tuple[LinearMap, ...]:
    """Rotate each subject's rows (n_clips, n_columns) onto those of one, which stay; arguments as `identity`.

    Raises:
        UsageError: the group has no subject at this place.
    """
    if params.reference > len(sources):
        raise UsageError(f"align.reference is {params.reference}, and the group has {len(sources)} subjects")
    target = sources[params.reference - 1]
    return tuple(
        _unchanged(one.shape[1]) if one is target else fit_procrustes(one, target) for one in track(sources, "subjects")
    )


def srm(
    sources: Sequence[np.ndarray],
    segments: np.ndarray,
    params: SrmParams,
    device: Device = "cpu",
    track: Track = untracked,
) -> tuple[LinearMap, ...]:
    """Map each subject's rows (n_clips, n_columns) through shared features; arguments as `identity`.

    There are as many features as let held-out rows agree best.
    """

    def fit(rows: Sequence[np.ndarray], n: int) -> tuple[LinearMap, ...]:
        return srm_maps(rows, n, n_iterations=params.n_iterations)

    room = _fewest_rows(segments, params) - 1
    # More features are the weaker penalty, which stands first.
    numbers = sorted({min(n, room, sources[0].shape[1]) for n in params.n_features}, reverse=True)
    return fit(sources, _chosen(fit, numbers, sources, segments, params, track))


def gcca(
    sources: Sequence[np.ndarray],
    segments: np.ndarray,
    params: GccaParams,
    device: Device = "cpu",
    track: Track = untracked,
) -> tuple[LinearMap, ...]:
    """Map each subject's rows (n_clips, n_columns) through canonical time courses, chosen as in `srm`.

    Arguments as `identity`.
    """

    def fit(rows: Sequence[np.ndarray], setting: tuple[float, int]) -> tuple[LinearMap, ...]:
        return gcca_maps(rows, setting[1], setting[0])

    room = _fewest_rows(segments, params) - 1
    numbers = sorted({min(n, room) for n in params.n_components}, reverse=True)
    settings = [(penalty, n) for penalty in sorted(params.penalties) for n in numbers]
    return fit(sources, _chosen(fit, settings, sources, segments, params, track))


def _chosen(
    fit: Fit[Setting],
    settings: Sequence[Setting],
    sources: Sequence[np.ndarray],
    segments: np.ndarray,
    params: ChosenParams,
    track: Track,
) -> Setting:
    if len(settings) == 1:
        return settings[0]
    return choose(fit, settings, sources, contiguous_folds(segments, params.n_folds), gap=params.gap, track=track)


def _fewest_rows(segments: np.ndarray, params: ChosenParams) -> int:
    """Return how many rows are left for a fit at least, when the largest fold and its neighbourhood are held out."""
    if len(set(segments.tolist())) < params.n_folds:
        return len(segments)
    largest = int(np.bincount(contiguous_folds(segments, params.n_folds)).max())
    return max(2, len(segments) - largest - 2 * params.gap)


def _unchanged(n: int) -> LinearMap:
    """Return the map of `n` columns onto themselves, without a matrix."""
    nothing = np.zeros(n, np.float32)
    return LinearMap(np.zeros((n, 0), np.float32), np.zeros((0, n), np.float32), nothing, nothing, identity=1.0)
