"""What a trained network says of rows: features, and embeddings of unit length."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from brainflix.device import CPU, Compute
from brainflix.errors import UsageError
from brainflix.progress import Track, untracked
from brainflix.trained.network import Network

Wanted = Literal["features", "embedding"]


def extract(
    network: Network,
    rows: npt.NDArray[Any],
    *,
    what: Wanted = "features",
    pool: str = "mean",
    compute: Compute = CPU,
    batch_size: int = 256,
    track: Track = untracked,
) -> npt.NDArray[np.float32]:
    """Return one vector per row: pooled encoder features (n, width), or unit-length embeddings (n, d).

    Args:
        network: a trained network of any phase.
        rows: rows of shape (n, n_grayordinates), scaled as the train rows were before training; windows of shape
            (n, W n_grayordinates) for a network of windows of W volumes.
        what: "features", or "embedding" (aligned networks only).
        pool: "mean" of the patch tokens, "cls", or all "tokens" side by side; features only.
        compute: device and dtype.
        batch_size: rows at a time; the result does not depend on it.
        track: counts batches of rows.

    Raises:
        DataError: rows that the network was not made for.
        UsageError: an embedding asked of a network that has none, or a pool that it has not.
    """
    reading = network.features(pool) if what == "features" else network.embedding
    if reading is None:
        raise UsageError("a masked autoencoder has no embedding", next="train the contrastive phase, or use features")
    prepared = network.prepare(rows)
    network.module.to(compute.device)
    with torch.no_grad(), torch.autocast(compute.device.type, compute.dtype, compute.dtype != torch.float32):
        found = embed_prepared(reading, network.module, prepared, batch_size, track)
    if what == "features":
        return found
    unit: npt.NDArray[np.float32] = found / np.linalg.norm(found, axis=1, keepdims=True)
    return unit


def embed_prepared(
    function: Callable[[Tensor], Tensor],
    model: nn.Module,
    prepared: npt.NDArray[np.float32],
    batch_size: int = 256,
    track: Track = untracked,
) -> npt.NDArray[np.float32]:
    """Apply a function of the network to prepared rows (n, ...), `batch_size` at a time, on the network's device."""
    device = next(model.parameters()).device
    parts = [
        function(torch.from_numpy(prepared[i : i + batch_size]).to(device)).float().cpu().numpy()
        for i in track(range(0, len(prepared), batch_size), "batches of rows")
    ]
    return np.concatenate(parts)
