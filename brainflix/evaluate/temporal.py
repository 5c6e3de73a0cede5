"""Temporal consistency of frame embeddings, never without the truth's own (docs/scoring.md, Temporal consistency).

The published "CLIP-pcc" is no correlation and looks at the prediction alone, so a static video gets the best score.
Five versions of it are in use, which differ in the pairs of frames and in a gate; both are named options here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError, UsageError
from brainflix.evaluate.pixels import clip_means

Floats = NDArray[np.float64]
Pairs = Literal["adjacent", "all"]


@dataclass(frozen=True, eq=False)
class Gate:
    """The published gate: a clip whose second score (its VIFI-CLIP there) is no more than `threshold` scores 0.

    Gated scores are 0 or near 0.95, so their mean is mostly the share of clips that pass; they compare with no other.

    Attributes:
        score: array of shape (n_clips,), the second score of each clip.
        threshold: the largest second score that is set to 0.
    """

    score: Floats
    threshold: float = 0.6


@dataclass(frozen=True, eq=False)
class Consistency:
    """Consistency per clip, arrays of shape (n_clips,), NaN where no pair of frames is defined.

    Attributes:
        prediction: mean cosine over the pairs of predicted frames, without any gate.
        truth: the same of the true clip.
        difference: |prediction - truth|; 0 is best, and a static prediction does not get it for a moving truth.
        gated: `prediction` with the gate's zeros, NaN where the second score is; None if no gate was asked for.
        n_undefined: pairs of frames left out because an embedding is zero or not finite, both videos together.
    """

    prediction: Floats
    truth: Floats
    difference: Floats
    gated: Floats | None
    n_undefined: int


def temporal_consistency(
    truth: NDArray[Any], prediction: NDArray[Any], pairs: Pairs = "adjacent", gate: Gate | None = None
) -> Consistency:
    """Return the mean cosine between embeddings of frames of one clip, for predictions and true clips.

    Args:
        truth: array of shape (n_clips, n_frames, n_dims), embeddings of the true frames.
        prediction: array of shape (n_clips, n_frames, n_dims); its number of frames may differ.
        pairs: "adjacent" frames, or "all" pairs of different frames.
        gate: the published gate; None leaves it out.

    Raises:
        DataError: the shapes do not match, or a video has fewer than two frames.
        UsageError: no such pairs.
    """
    if truth.ndim != 3 or prediction.ndim != 3 or len(truth) != len(prediction):
        raise DataError(
            f"embeddings of shape {truth.shape} and {prediction.shape} are not both (n_clips, n_frames, n_dims)"
        )
    if gate is not None and gate.score.shape != (len(prediction),):
        raise DataError(f"the gate's scores of shape {gate.score.shape} do not go with {len(prediction)} clips")
    predicted, n_predicted = _mean_cosine(prediction, pairs)
    own, n_own = _mean_cosine(truth, pairs)
    gated = None if gate is None else _gated(predicted, gate)
    return Consistency(predicted, own, np.abs(predicted - own), gated, n_predicted + n_own)


def _gated(values: Floats, gate: Gate) -> Floats:
    passed: Floats = np.where(gate.score > gate.threshold, values, 0.0)
    passed[np.isnan(gate.score) | np.isnan(values)] = np.nan
    return passed


def _mean_cosine(embeddings: NDArray[Any], pairs: Pairs) -> tuple[Floats, int]:
    """Return the mean cosine of each clip's pairs, (n_clips,), and how many pairs are undefined."""
    n_frames = embeddings.shape[1]
    if n_frames < 2:
        raise DataError(f"{n_frames} frame has no consistency", why="it takes at least two frames of a clip")
    if pairs == "adjacent":
        first, second = np.arange(n_frames - 1), np.arange(1, n_frames)
    elif pairs == "all":
        first, second = np.triu_indices(n_frames, 1)
    else:
        raise UsageError(f"unknown pairs of frames {pairs!r}", next="use adjacent or all")
    wide = np.asarray(embeddings, np.float64)
    norm = np.linalg.norm(wide, axis=2, keepdims=True)
    directed = np.isfinite(norm) & (norm > 0)
    unit = np.divide(wide, norm, out=np.full_like(wide, np.nan), where=np.broadcast_to(directed, wide.shape))
    # All cosines of a clip at once: n_frames is small, and pairs would copy every embedding n_frames times.
    return clip_means(np.matmul(unit, unit.transpose(0, 2, 1))[:, first, second])
