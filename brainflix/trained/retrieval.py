"""How well embeddings find their own clip."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor


def row_correlation(a: Tensor, b: Tensor) -> Tensor:
    """Return the Pearson correlation of each row of `a` with the same row of `b`, shape (n,); 0 for constant rows."""
    a, b = (x.float() - x.float().mean(dim=1, keepdim=True) for x in (a, b))
    lengths: Tensor = a.square().sum(dim=1).sqrt() * b.square().sum(dim=1).sqrt()
    return (a * b).sum(dim=1) / lengths.clamp(min=1e-12)


def retrieval_scores(
    predicted: npt.NDArray[np.float32], candidates: npt.NDArray[np.float32], truth: npt.NDArray[np.integer]
) -> dict[str, float]:
    """Score how well embeddings find their own clip by cosine similarity; ties count as a fair guess.

    Args:
        predicted: array of shape (n, d).
        candidates: one embedding per clip, shape (n_candidates, d).
        truth: the right candidate of each prediction, shape (n,).

    Returns:
        top1: share found first (chance 1 / n_candidates); identification: mean share of the other clips that are less
        similar (chance 0.5); correlation: mean Pearson r of a prediction with its clip's embedding.
    """
    unit_predicted = predicted / np.maximum(np.linalg.norm(predicted, axis=1, keepdims=True), 1e-12)
    unit_candidates = candidates / np.maximum(np.linalg.norm(candidates, axis=1, keepdims=True), 1e-12)
    similarity = unit_predicted @ unit_candidates.T
    own = np.take_along_axis(similarity, truth[:, None], axis=1)
    closer = (similarity > own).sum(axis=1)
    tied = (similarity == own).sum(axis=1) - 1
    others = max(len(candidates) - 1, 1)
    correlation = row_correlation(torch.from_numpy(predicted), torch.from_numpy(candidates[truth]))
    return {
        "top1": float(np.where(closer == 0, 1 / (1 + tied), 0).mean()),
        "identification": float(1 - ((closer + tied / 2) / others).mean()),
        "correlation": float(correlation.mean()),
    }
