"""Phase two: align the brain encoder with CLIP-like embeddings of the clips (Brain Netflix stage 1, second half)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from brainflix.device import CPU, Compute
from brainflix.models.contrastive import ContrastiveConfig, ContrastiveModel, build_contrastive, soft_clip_loss
from brainflix.models.mbm import BrainEncoder, MBMConfig
from brainflix.models.weights import load_strict
from brainflix.train.data import RowSource, drop_vertices, fit_preparation
from brainflix.train.loop import Hooks, fit, loop_config
from brainflix.train.pairs import check_pairs, retrieval_evaluation
from brainflix.trained.files import TrainResult
from brainflix.trained.preparation import Preparation

if TYPE_CHECKING:
    from brainflix.train.parts import ContrastiveParams

ARCHITECTURE = "mbm-contrastive"


def tune_contrastive(
    rows: npt.NDArray[np.floating],
    clip_ids: npt.NDArray[np.integer],
    embeddings: npt.NDArray[np.floating],
    params: ContrastiveParams,
    *,
    start: TrainResult,
    held_out: npt.NDArray[np.integer],
    seed: int = 0,
    compute: Compute = CPU,
    hooks: Hooks | None = None,
) -> TrainResult:
    """Tune a masked autoencoder's encoder and a new head so that rows of a clip point at the clip's embedding.

    Negatives come from the rows that share a step on one process.

    Args:
        rows: train rows of shape (n_rows, n_grayordinates), repeats and subjects as rows of their own.
        clip_ids: the clip of each row, shape (n_rows,), an index into `embeddings`.
        embeddings: CLIP-like embeddings of shape (n_clips, d), any length.
        params: head and optimisation.
        start: the masked autoencoder.
        held_out: indices of train rows kept for early stopping; their clips may not occur among the other rows.
        seed: seed of the head, order and noise.
        compute: device and dtype.
        hooks: checkpoints, progress, resuming.

    Returns:
        TrainResult of the best epoch; the history holds epoch, loss, lr and the held-out top1, identification and
        correlation of each epoch.

    Raises:
        DataError: unusable rows, ids or embeddings, a held-out clip that is also trained on, a loss that is not finite.
    """
    hooks = hooks or Hooks()
    check_pairs(rows, clip_ids, embeddings, held_out)
    legacy_pad = bool(start.config["preparation"]["legacy_pad"])
    size = MBMConfig(**start.config["network"])
    trained_on = np.setdiff1d(np.arange(len(rows)), held_out)
    preparation = fit_preparation(rows[trained_on], size.patch_size, legacy_pad)
    model = start_model(start, size, params, embeddings.shape[1], seed)
    model.encoder.recompute = hooks.recompute
    state = fit(
        model,
        _loss(params),
        _source(preparation.apply(rows[trained_on]), clip_ids[trained_on], embeddings, params, size, seed),
        loop_config(params, params.monitor, params.patience),
        compute=compute,
        evaluate=retrieval_evaluation(
            preparation.apply(rows[held_out]), clip_ids[held_out], embeddings, lambda m: cast(ContrastiveModel, m).embed
        ),
        hooks=hooks,
    )
    return TrainResult(state.best or state.model, contrastive_config(model.config, preparation), state.history)


def start_model(
    start: TrainResult, size: MBMConfig, params: ContrastiveParams, embedding_width: int, seed: int
) -> ContrastiveModel:
    """Return the network with the encoder of `start` and a fresh head."""
    config = ContrastiveConfig(
        mbm=size,
        embedding_width=embedding_width,
        pool=params.pool,
        with_decoder=params.masked_weight > 0,
        first_scale=params.first_scale,
        max_scale=params.max_scale,
    )
    model = build_contrastive(config, torch.Generator().manual_seed(seed))
    wanted: Mapping[str, Tensor] = start.state
    if not config.with_decoder:
        with torch.device("meta"):
            names = set(BrainEncoder(size).state_dict())
        wanted = {name: tensor for name, tensor in start.state.items() if name in names}
    load_strict(model.encoder, wanted)
    return model


def contrastive_config(config: ContrastiveConfig, preparation: Preparation) -> dict[str, Any]:
    """Return the config.json of an aligned network."""
    return {
        "architecture": ARCHITECTURE,
        "network": dataclasses.asdict(config),
        "preparation": preparation.as_dict(),
    }


def _source(
    rows: npt.NDArray[np.float32],
    clip_ids: npt.NDArray[Any],
    embeddings: npt.NDArray[Any],
    params: ContrastiveParams,
    size: MBMConfig,
    seed: int,
) -> RowSource:
    noise = {"drop_noise": rows.shape[1]} if params.vertex_dropout else {}
    if params.masked_weight:
        noise["mask_noise"] = size.n_patches
    tensors = {
        "rows": torch.from_numpy(rows),
        "clip_ids": torch.from_numpy(clip_ids.astype(np.int64)),
        "goal": torch.from_numpy(embeddings[clip_ids].astype(np.float32)),
    }
    return RowSource(tensors, seed, noise)


def _loss(params: ContrastiveParams) -> Callable[[nn.Module, Mapping[str, Tensor]], dict[str, Tensor]]:
    def loss(model: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        rows = batch["rows"]
        seen = drop_vertices(rows, batch.get("drop_noise"), params.vertex_dropout)
        out = model(seen, batch.get("mask_noise"), rows)
        contrastive = soft_clip_loss(out.embedding, batch["goal"], batch["clip_ids"], out.scale)
        if not params.masked_weight:
            return {"loss": contrastive}
        return {
            "loss": contrastive + params.masked_weight * out.masked_loss,
            "contrastive_loss": contrastive,
            "masked_loss": out.masked_loss,
        }

    return loss
