"""A template of a group: align all to it, average, repeat. From a mean start no single subject dictates it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from brainflix.align.maps import LinearMap
from brainflix.errors import DataError, UsageError
from brainflix.progress import Track, untracked

Aligner = Callable[[NDArray[Any], NDArray[Any]], LinearMap]
Start = Literal["first", "mean"]


@dataclass(frozen=True, eq=False)
class Template:
    """A common space and the map of each subject into it.

    Attributes:
        values: template on the training rows, array of shape (n, n_target).
        maps: one per subject, in the order given.
        distances: mean squared distance of aligned subjects from the template after each round, relative to the
            template's mean square.
    """

    values: NDArray[np.float64]
    maps: tuple[LinearMap, ...]
    distances: tuple[float, ...]


def fit_template(
    subjects: Sequence[NDArray[Any]],
    aligner: Aligner,
    *,
    start: Start = "first",
    n_iter: int = 5,
    track: Track = untracked,
) -> Template:
    """Build a template from training rows and map every subject into it (generalised Procrustes; hyperalignment).

    Each round aligns all subjects to the template and takes the mean of the aligned responses as the next one. The
    template is brought back to the mean size of the subjects each round: averaging, and ridge more so, would shrink
    it towards nothing. No step is random.

    Args:
        subjects: arrays of shape (n, n_grayordinates), each with its own columns, the same clips in the same order.
        aligner: fits a map from (source, template), such as `fit_procrustes`.
        start: "mean" takes the mean over subjects as the first template, which needs equal columns and makes the
            result independent of their order; "first" the first subject, whose columns the common space then has.
        n_iter: rounds of averaging.
        track: counts rounds, and the subjects of each.

    Raises:
        DataError: if the rows differ, or columns do with start "mean".
        UsageError: if start is unknown or n_iter is below 1.
    """
    if start not in ("first", "mean") or n_iter < 1:
        raise UsageError(f"cannot build a template from start {start!r} in {n_iter} rounds")
    if not subjects or len({len(s) for s in subjects}) != 1:
        raise DataError(f"subjects must share their rows: {[s.shape for s in subjects]}")
    if start == "mean" and len({s.shape[1] for s in subjects}) != 1:
        raise DataError("a mean start needs equal columns", next="use the start 'first'")
    size = float(np.mean([_size(_centred(s)) for s in subjects]))
    template = _centred(subjects[0] if start == "first" else np.mean([_centred(s) for s in subjects], axis=0))
    template = _resized(template, size)
    distances = []
    for _ in track(range(n_iter), "rounds"):
        aligned = [_centred(aligner(s, template).apply(s)) for s in track(subjects, "subjects")]
        mean = np.mean(aligned, axis=0)
        distances.append(float(np.mean([((a - mean) ** 2).mean() for a in aligned]) / max((mean**2).mean(), 1e-300)))
        template = _resized(mean, size)
    return Template(template, tuple(aligner(s, template) for s in track(subjects, "subjects")), tuple(distances))


def _centred(x: NDArray[Any]) -> NDArray[np.float64]:
    x = np.asarray(x, np.float64)
    return np.asarray(x - x.mean(axis=0), np.float64)


def _size(x: NDArray[np.float64]) -> float:
    return float(np.sqrt((x**2).sum()))


def _resized(x: NDArray[np.float64], size: float) -> NDArray[np.float64]:
    own = _size(x)
    return x * (size / own) if own > 0 else x
