"""Windows of volumes towards CLIP embeddings of images and texts (docs/methods/mindvideo.md, Contrastive tuning).

The paper's own code was never released. Known are the two losses and that voxels are dropped; how the context is pooled
and how it was optimised is not, and its augmentation of images (crops) and captions (synonyms) is not done here.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from brainflix.device import CPU, Compute
from brainflix.errors import DataError, UsageError
from brainflix.methods.mindvideo.encoder import ARCHITECTURE, PREFIX, as_volumes, pooled, prepare_windows
from brainflix.methods.mindvideo.networks import (
    MindVideoEncoder,
    MindVideoEncoderConfig,
    build_mindvideo_encoder,
    start_from_mbm,
)
from brainflix.models.contrastive import soft_clip_loss
from brainflix.models.weights import load_strict
from brainflix.train.data import RowSource, drop_vertices, fit_preparation
from brainflix.train.loop import Hooks, fit, loop_config
from brainflix.train.pairs import check_pairs, retrieval_evaluation
from brainflix.trained.files import TrainResult
from brainflix.trained.preparation import Preparation

if TYPE_CHECKING:
    from brainflix.methods.mindvideo.parts import MindVideoContrastiveParams


class PooledEncoder(nn.Module):
    """An encoder while it is tuned: windows to pooled contexts (B, d) and the logit scale."""

    def __init__(self, encoder: MindVideoEncoder, pool: str, max_scale: float) -> None:
        super().__init__()
        self.encoder, self.pool, self.max_scale = encoder, pool, max_scale
        # Nothing reads these two, and a weight without a gradient would stop training on several processes.
        for unused in (encoder.cls_token, encoder.mask_token):
            unused.requires_grad_(False)

    def embed(self, rows: Tensor) -> Tensor:
        """Return the pooled contexts, of shape (B, d), of windows of shape (B, W, L P)."""
        return pooled(self.encoder(rows), self.pool)

    def forward(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return pooled contexts (B, d) of windows (B, W, L P), and the scale of their similarities."""
        with torch.no_grad():
            # The parameter itself is bounded, as in `models.contrastive`.
            self.encoder.logit_scale.clamp_(max=math.log(self.max_scale))
        return self.embed(rows), self.encoder.logit_scale.exp()


def tune_mindvideo(
    rows: npt.NDArray[np.floating],
    clip_ids: npt.NDArray[np.integer],
    image: npt.NDArray[np.floating],
    text: npt.NDArray[np.floating],
    params: MindVideoContrastiveParams,
    *,
    start: TrainResult,
    held_out: npt.NDArray[np.integer],
    seed: int = 0,
    compute: Compute = CPU,
    hooks: Hooks | None = None,
) -> TrainResult:
    """Tune the encoder so that its pooled context points at the image and at the text embedding of the clip.

    Args:
        rows: windows of shape (n_rows, W n_grayordinates), volumes side by side as `store.windows` puts them.
        clip_ids: the clip of each row, shape (n_rows,), an index into `image` and `text`.
        image: embeddings of shape (n_clips, d), or token states (n_clips, n_tokens, d), which are averaged.
        text: as `image`.
        params: head and optimisation.
        start: a masked autoencoder, aligned or not, or an encoder of this kind.
        held_out: indices of rows kept for early stopping; their clips may not occur among the other rows.
        seed: seed of the new parts, order and noise.
        compute: device and dtype.
        hooks: checkpoints, progress, resuming.

    Returns:
        TrainResult of the best epoch; the history holds epoch, loss, image_loss, text_loss, lr and the held-out top1,
        identification and correlation, each the mean of the one for images and the one for texts.

    Raises:
        DataError: unusable rows, ids or embeddings, a held-out clip that is also trained on, a start of another size,
            a loss that is not finite.
        UsageError: a start that holds no trunk.
    """
    hooks = hooks or Hooks()
    goals = {"image": averaged_tokens(image, params, "image"), "text": averaged_tokens(text, params, "text")}
    for goal in goals.values():
        check_pairs(rows, clip_ids, goal, held_out)
    trained_on = np.setdiff1d(np.arange(len(rows)), held_out)
    encoder, preparation = start_encoder(start, rows[trained_on], params, seed)
    encoder.recompute = hooks.recompute
    model = PooledEncoder(encoder, params.pool, params.max_scale)
    window = encoder.config.window
    state = fit(
        model,
        _loss(params),
        _source(prepare_windows(preparation, rows[trained_on], window), clip_ids[trained_on], goals, params, seed),
        loop_config(params, params.monitor, params.patience),
        compute=compute,
        evaluate=_evaluation(prepare_windows(preparation, rows[held_out], window), clip_ids[held_out], goals),
        hooks=hooks,
    )
    own = {name.removeprefix(PREFIX): tensor for name, tensor in (state.best or state.model).items()}
    return TrainResult(own, mindvideo_config(encoder.config, params.pool, preparation), state.history)


def averaged_tokens(
    values: npt.NDArray[np.floating], params: MindVideoContrastiveParams, name: str
) -> npt.NDArray[np.floating]:
    """Return embeddings (n_clips, d) as they are, and token states (n_clips, n_tokens, d) averaged over tokens.

    Raises:
        DataError: another number of axes, or another width than the context's.
    """
    if values.ndim not in (2, 3) or values.shape[-1] != params.context_width:
        raise DataError(
            f"{name} is of shape {values.shape}",
            why=f"one embedding or token states of {params.context_width} channels for each clip are needed",
            next=f"set context_width to {values.shape[-1]}, or give embeddings of that width",
        )
    return values if values.ndim == 2 else values.mean(axis=1)


def start_encoder(
    start: TrainResult, rows: npt.NDArray[np.floating], params: MindVideoContrastiveParams, seed: int
) -> tuple[MindVideoEncoder, Preparation]:
    """Return an encoder with the trunk of `start`, or with all of it, and the preparation measured on `rows`.

    Args:
        start: as for `tune_mindvideo`.
        rows: train windows of shape (n_rows, W n_grayordinates).
        params: head; not read where `start` has one.
        seed: seed of what `start` does not have.

    Raises:
        DataError: rows that are no windows, or weights that do not fit.
        UsageError: a start that holds no trunk.
    """
    architecture, length = start.config["architecture"], len(params.window_tr)
    if architecture not in (ARCHITECTURE, "mbm", "mbm-contrastive"):
        raise UsageError(f"a {architecture} holds no trunk to start from", next="start from a masked autoencoder")
    network, is_encoder = dict(start.config["network"]), architecture == ARCHITECTURE
    if is_encoder and network["window"] != length:
        raise DataError(f"the start reads windows of {network['window']} volumes, not of {length}")
    volumes = as_volumes(rows, length)
    trunk = network.get("mbm", network)
    preparation = fit_preparation(volumes, trunk["patch_size"], bool(start.config["preparation"]["legacy_pad"]))
    sizes = network if is_encoder else _with_head(trunk, params, preparation.apply(volumes[:1]).shape[1])
    generator = torch.Generator().manual_seed(seed)
    quiet = params.compat != "mindvideo"
    model = build_mindvideo_encoder(MindVideoEncoderConfig(**sizes), generator, quiet_temporal=quiet)
    if is_encoder:
        load_strict(model, start.state)
    else:
        start_from_mbm(model, {name.removeprefix(PREFIX): tensor for name, tensor in start.state.items()})
    return model, preparation


def mindvideo_config(config: MindVideoEncoderConfig, pool: str, preparation: Preparation) -> dict[str, Any]:
    """Return the config.json of a tuned encoder."""
    return {
        "architecture": ARCHITECTURE,
        "network": dataclasses.asdict(config),
        "pool": pool,
        "preparation": preparation.as_dict(),
    }


def _with_head(trunk: Mapping[str, Any], params: MindVideoContrastiveParams, n_columns: int) -> dict[str, Any]:
    """Return the encoder's sizes: the trunk's, and the head's for windows of volumes of `n_columns`."""
    shared = {name: trunk[name] for name in ("patch_size", "width", "depth", "heads", "mlp_ratio")}
    head = ("n_tokens", "context_width", "final_norm", "temporal", "logit_scale_init")
    chosen = {name: getattr(params, name) for name in head}
    return {**shared, **chosen, "n_grayordinates": n_columns, "window": len(params.window_tr)}


def _source(
    windows: npt.NDArray[np.float32],
    clip_ids: npt.NDArray[Any],
    goals: Mapping[str, npt.NDArray[Any]],
    params: MindVideoContrastiveParams,
    seed: int,
) -> RowSource:
    tensors = {
        "rows": torch.from_numpy(windows),
        "clip_ids": torch.from_numpy(clip_ids.astype(np.int64)),
        **{name: torch.from_numpy(goal[clip_ids].astype(np.float32)) for name, goal in goals.items()},
    }
    return RowSource(tensors, seed, {"drop_noise": windows.shape[2]} if params.vertex_dropout else {})


def _loss(
    params: MindVideoContrastiveParams,
) -> Callable[[nn.Module, Mapping[str, Tensor]], dict[str, Tensor]]:
    def loss(model: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        noise = batch.get("drop_noise")
        # One draw for a window: a vertex that is hidden in one volume but not in the next would hardly be hidden.
        seen = drop_vertices(batch["rows"], None if noise is None else noise[:, None], params.vertex_dropout)
        embedding, scale = model(seen)
        image, text = (soft_clip_loss(embedding, batch[name], batch["clip_ids"], scale) for name in ("image", "text"))
        both = (1 - params.text_weight) * image + params.text_weight * text
        return {"loss": both, "image_loss": image, "text_loss": text}

    return loss


def _evaluation(
    windows: npt.NDArray[np.float32], clip_ids: npt.NDArray[Any], goals: Mapping[str, npt.NDArray[Any]]
) -> Callable[[nn.Module], dict[str, float]]:
    """Score retrieval by images and by texts; each plain name is the mean of the two."""
    each = [
        retrieval_evaluation(windows, clip_ids, goal, lambda m: cast(PooledEncoder, m).embed, batch_size=32)
        for goal in goals.values()
    ]

    def evaluate(model: nn.Module) -> dict[str, float]:
        scores = [score(model) for score in each]
        return {name: float(np.mean([score[name] for score in scores])) for name in scores[0]}

    return evaluate
