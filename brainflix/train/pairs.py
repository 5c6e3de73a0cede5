"""Rows and what their clips' embeddings should be: checked for leaks, and scored on clips nobody trains on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from brainflix.errors import DataError
from brainflix.trained.features import embed_prepared
from brainflix.trained.retrieval import retrieval_scores


def check_pairs(
    rows: npt.NDArray[Any], clip_ids: npt.NDArray[Any], embeddings: npt.NDArray[Any], held_out: npt.NDArray[Any]
) -> None:
    """Refuse ids (n_rows,) and embeddings (n_clips, d) that do not belong together, and a held-out slice that leaks.

    Raises:
        DataError: lengths, index ranges or values are wrong, or a clip is on both sides.
    """
    if clip_ids.shape != rows.shape[:1]:
        raise DataError(f"{len(rows)} rows need as many clip ids, not an array of shape {clip_ids.shape}")
    if embeddings.ndim != 2 or not np.isfinite(embeddings).all():
        raise DataError(f"embeddings must be a finite matrix (n_clips, d), not of shape {embeddings.shape}")
    if clip_ids.min(initial=0) < 0 or clip_ids.max(initial=0) >= len(embeddings):
        raise DataError(f"clip ids must lie in 0 to {len(embeddings) - 1}")
    if len(held_out) == 0 or held_out.min() < 0 or held_out.max() >= len(rows):
        raise DataError("held_out must hold indices of rows, at least one")
    is_held = np.zeros(len(rows), dtype=bool)
    is_held[held_out] = True
    if is_held.all():
        raise DataError("every row is held out", why="none is left to train on")
    shared = np.intersect1d(clip_ids[is_held], clip_ids[~is_held])
    if len(shared):
        raise DataError(f"clip {shared[0]} is both held out and trained on", next="hold out whole clips")


def retrieval_evaluation(
    rows: npt.NDArray[np.float32],
    clip_ids: npt.NDArray[Any],
    embeddings: npt.NDArray[Any],
    embed_of: Callable[[nn.Module], Callable[[Tensor], Tensor]],
    batch_size: int = 256,
) -> Callable[[nn.Module], dict[str, float]]:
    """Return what scores retrieval of the held-out rows' clips among the held-out clips, none of which is trained on.

    Args:
        rows: prepared held-out rows, the first axis counting them.
        clip_ids: the clip of each, an index into `embeddings`.
        embeddings: embeddings of shape (n_clips, d).
        embed_of: network -> its function from rows to embeddings of shape (B, d).
        batch_size: rows at a time; the scores do not depend on it.
    """
    clips, truth = np.unique(clip_ids, return_inverse=True)
    candidates = embeddings[clips].astype(np.float32)

    def evaluate(model: nn.Module) -> dict[str, float]:
        return retrieval_scores(embed_prepared(embed_of(model), model, rows, batch_size), candidates, truth)

    return evaluate
