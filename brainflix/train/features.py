"""What a trained network gives back: features and embeddings of rows, and how well embeddings find their clip."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from brainflix.device import Compute
from brainflix.errors import UsageError
from brainflix.models.contrastive import ContrastiveConfig, ContrastiveModel
from brainflix.models.mbm import MaskedBrainModel, MBMConfig
from brainflix.models.mindvideo_encoder import MindVideoEncoder
from brainflix.models.weights import load_strict
from brainflix.train.data import Preparation, row_correlation
from brainflix.train.encoders import ARCHITECTURE, JOINT, encoder_only, pooled, prepare_windows, rebuild_encoder
from brainflix.train.loop import CPU, TrainResult

Wanted = Literal["features", "embedding"]
Network = MaskedBrainModel | ContrastiveModel | MindVideoEncoder


def rebuild(result: TrainResult) -> tuple[Network, Preparation]:
    """Return the network of a result, on the CPU in eval mode, and the preparation of its rows.

    Raises:
        DataError: the weights do not fit the config.
        UsageError: the config names another architecture.
    """
    architecture = result.config["architecture"]
    if architecture in (ARCHITECTURE, JOINT):
        return rebuild_encoder(result)
    sizes = dict(result.config["network"])
    model: MaskedBrainModel | ContrastiveModel
    with torch.device("meta"):
        if architecture == "mbm":
            model = MaskedBrainModel(MBMConfig(**sizes))
        elif architecture == "mbm-contrastive":
            model = ContrastiveModel(ContrastiveConfig(**{**sizes, "mbm": MBMConfig(**sizes["mbm"])}))
        else:
            known = f"mbm, mbm-contrastive, {ARCHITECTURE} or {JOINT}"
            raise UsageError(f"unknown architecture {architecture!r}", next=f"use {known}")
    load_strict(model, result.state)
    return model.eval(), Preparation(**result.config["preparation"])


def extract(
    result: TrainResult,
    rows: npt.NDArray[Any],
    *,
    what: Wanted = "features",
    pool: str = "mean",
    compute: Compute = CPU,
    batch_size: int = 256,
) -> npt.NDArray[np.float32]:
    """Return one vector per row: pooled encoder features (n, width), or unit-length embeddings (n, d).

    Args:
        result: a trained network of any phase.
        rows: rows of shape (n, n_grayordinates), scaled as the train rows were before training; windows of shape
            (n, W n_grayordinates) for MinD-Video's encoder.
        what: "features", or "embedding" (aligned networks only).
        pool: "mean" of the patch tokens, "cls", or all "tokens" side by side; features only.
        compute: device and dtype.
        batch_size: rows at a time; the result does not depend on it.

    Raises:
        DataError: rows that the network was not made for.
        UsageError: an embedding asked of a network that has none.
    """
    model, preparation = rebuild(result)
    prepared = (
        prepare_windows(preparation, rows, model.config.window)
        if isinstance(model, MindVideoEncoder)
        else preparation.apply(rows)
    )
    function = _features(model, pool) if what == "features" else _embedding(model, result)
    model.to(compute.device)
    with torch.no_grad(), torch.autocast(compute.device.type, compute.dtype, compute.dtype != torch.float32):
        found = embed_prepared(function, model, prepared, batch_size)
    if what == "features":
        return found
    unit: npt.NDArray[np.float32] = found / np.linalg.norm(found, axis=1, keepdims=True)
    return unit


def _features(model: Network, pool: str) -> Callable[[Tensor], Tensor]:
    """Return the function from rows to pooled tokens of the trunk."""
    if not isinstance(model, MindVideoEncoder):
        encoder = model.encoder if isinstance(model, ContrastiveModel) else model
        return lambda x: encoder.features(x, pool)
    if pool != "mean":
        raise UsageError(f"MinD-Video's encoder has no pool {pool!r} of its trunk", next="use mean")
    return lambda x: model.trunk(x).mean(dim=1)


def _embedding(model: Network, result: TrainResult) -> Callable[[Tensor], Tensor]:
    """Return the function from rows to embeddings."""
    if isinstance(model, ContrastiveModel):
        return model.embed
    if isinstance(model, MindVideoEncoder):
        pool = encoder_only(result).config["pool"]
        return lambda x: pooled(model(x), pool)
    raise UsageError("a masked autoencoder has no embedding", next="train the contrastive phase, or use features")


def embed_prepared(
    function: Callable[[Tensor], Tensor], model: nn.Module, prepared: npt.NDArray[np.float32], batch_size: int = 256
) -> npt.NDArray[np.float32]:
    """Apply a function of the network to prepared rows, `batch_size` at a time, on the network's device."""
    device = next(model.parameters()).device
    parts = [
        function(torch.from_numpy(prepared[i : i + batch_size]).to(device)).float().cpu().numpy()
        for i in range(0, len(prepared), batch_size)
    ]
    return np.concatenate(parts)


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
