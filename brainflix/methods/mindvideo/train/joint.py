"""The fMRI encoder and some layers of the video denoiser, trained together (docs/methods/mindvideo.md, Co-training)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from brainflix.device import CPU, Compute
from brainflix.errors import DataError
from brainflix.methods.mindvideo.encoder import JOINT, prepare_windows
from brainflix.methods.mindvideo.networks import MindVideoEncoder
from brainflix.methods.mindvideo.train.video import unet_settings
from brainflix.models.inflated_unet import InflatedUNet
from brainflix.train.data import RowSource, drop_vertices
from brainflix.train.denoising import by_channel, denoising_loss, drop_some, noise_widths
from brainflix.train.frozen import chosen_layers, train_only, whole_state
from brainflix.train.loop import Hooks, fit, loop_config
from brainflix.trained.files import TrainResult
from brainflix.trained.preparation import Preparation

if TYPE_CHECKING:
    from brainflix.methods.mindvideo.parts import MindVideoJointParams

# Weights of the encoder that its context does not depend on.
_UNREAD = ("encoder.cls_token", "encoder.mask_token", "encoder.logit_scale")


class BrainDenoiser(nn.Module):
    """A denoiser whose context is what the encoder makes of windows of volumes."""

    def __init__(self, encoder: MindVideoEncoder, unet: InflatedUNet) -> None:
        super().__init__()
        self.encoder, self.unet = encoder, unet
        if encoder.config.context_width != unet.config.cross_attention_dim:
            raise DataError(
                f"the encoder's context has {encoder.config.context_width} channels",
                why=f"the denoiser reads {unet.config.cross_attention_dim}",
            )

    def forward(self, x: Tensor, t: Tensor, rows: Tensor) -> Tensor:
        """Predict the noise in latents x (B, channels, frames, h, w) at times t (B,) from windows (B, W, L P)."""
        return cast(Tensor, self.unet(x, t, self.encoder(rows)))


def tune_joint(
    rows: npt.NDArray[np.floating],
    clip: npt.NDArray[np.integer],
    latents: npt.NDArray[np.floating],
    params: MindVideoJointParams,
    *,
    encoder: MindVideoEncoder,
    preparation: Preparation,
    pool: str,
    unet: InflatedUNet,
    kept: Tensor,
    seed: int = 0,
    compute: Compute = CPU,
    hooks: Hooks | None = None,
) -> TrainResult:
    """Train an encoder and the chosen layers of a denoiser so that brains say which noise was added to latents.

    A share of the rows is replaced by the mean train row, in each volume: what the network says then is the branch that
    guidance leads away from.

    Args:
        rows: train windows of shape (n_rows, W n_grayordinates), volumes side by side.
        clip: the clip of each row, (n_rows,), an index into `latents`.
        latents: scaled latents, (n_clips, n_frames, channels, height, width).
        params: layers and optimisation.
        encoder: the tuned encoder; it is trained in place, as the denoiser is.
        preparation: how the encoder's rows are scaled.
        pool: how the encoder's context was pooled before, for its config.
        unet: the denoiser in float32 on the CPU.
        kept: cumulated alpha by time, (n_times,).
        seed: seed of order, noise and times.
        compute: device and dtype.
        hooks: checkpoints, progress, resuming.

    Returns:
        TrainResult with both whole networks under `encoder.` and `unet.`; its history holds epoch, loss and lr.

    Raises:
        DataError: rows, latents or networks that do not fit each other, or a loss that is not finite.
    """
    hooks = hooks or Hooks()
    z = by_channel(latents, int(unet.config.in_channels))
    if clip.shape != rows.shape[:1] or clip.min(initial=0) < 0 or clip.max(initial=0) >= len(z):
        raise DataError(f"each of the {len(rows)} rows needs the number of one of {len(z)} clips")
    windows = torch.from_numpy(prepare_windows(preparation, rows, encoder.config.window))
    model = joint_model(encoder, unet, params.train_layers, recompute=hooks.recompute)
    noise = noise_widths(z.shape[1:]) | ({"drop_noise": windows.shape[2]} if params.vertex_dropout else {})
    # Every volume of it is the mean one, as where contexts for guidance are made.
    mean = windows.mean((0, 1))

    def condition(batch: Mapping[str, Tensor]) -> Tensor:
        hidden = batch.get("drop_noise")
        seen = drop_vertices(batch["rows"], None if hidden is None else hidden[:, None], params.vertex_dropout)
        return drop_some(seen, mean, batch["dropped"], params.drop_context)

    state = fit(
        model,
        denoising_loss(z, kept, condition),
        RowSource({"rows": windows, "clip": torch.from_numpy(clip.astype(np.int64))}, seed, noise),
        loop_config(params),
        compute=compute,
        hooks=hooks,
    )
    return TrainResult(whole_state(model), joint_config(model, preparation, pool, z), state.history)


def joint_model(
    encoder: MindVideoEncoder, unet: InflatedUNet, layers: tuple[str, ...], *, recompute: bool
) -> BrainDenoiser:
    """Return both networks as one, in which the encoder and the chosen layers of the denoiser are trained."""
    model = BrainDenoiser(encoder, unet)
    encoder.recompute = recompute
    if recompute:
        unet.enable_gradient_checkpointing()
    of_unet = chosen_layers(layers)

    def is_chosen(name: str) -> bool:
        return of_unet(name) if name.startswith("unet.") else name not in _UNREAD

    train_only(model, is_chosen)
    return model


def joint_config(model: BrainDenoiser, preparation: Preparation, pool: str, latents: Tensor) -> dict[str, Any]:
    """Return the config.json of the two networks, trained on latents (..., height, width)."""
    return {
        "architecture": JOINT,
        "encoder": dataclasses.asdict(model.encoder.config),
        "unet": unet_settings(model.unet, latents),
        "pool": pool,
        "preparation": preparation.as_dict(),
    }
