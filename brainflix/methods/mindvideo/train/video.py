"""An inflated image network, tuned on clips and texts before brains (docs/methods/mindvideo.md, Tuning on videos)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from brainflix.device import CPU, Compute
from brainflix.errors import DataError
from brainflix.models.inflated_unet import InflatedUNet
from brainflix.train.data import RowSource
from brainflix.train.denoising import by_channel, denoising_loss, drop_some, noise_widths
from brainflix.train.frozen import chosen_layers, train_only, whole_state
from brainflix.train.loop import Hooks, fit, loop_config
from brainflix.trained.files import TrainResult

if TYPE_CHECKING:
    from brainflix.methods.mindvideo.parts import MindVideoVideoParams

ARCHITECTURE = "mindvideo-video"


def tune_video(
    latents: npt.NDArray[np.floating],
    text: npt.NDArray[np.floating],
    params: MindVideoVideoParams,
    *,
    start: InflatedUNet,
    kept: Tensor,
    seed: int = 0,
    compute: Compute = CPU,
    hooks: Hooks | None = None,
) -> TrainResult:
    """Tune some layers of a denoiser on train clips under their texts; a share of them sees the mean text instead.

    Args:
        latents: scaled latents of the train clips, (n_clips, n_frames, channels, height, width).
        text: token states of the clips' texts, (n_clips, n_tokens, width).
        params: layers and optimisation.
        start: the denoiser, in float32 on the CPU; it is trained in place.
        kept: cumulated alpha by time, (n_times,).
        seed: seed of order, noise and times.
        compute: device and dtype.
        hooks: checkpoints, progress, resuming.

    Returns:
        TrainResult with the whole network, whose history holds epoch, loss and lr of each epoch.

    Raises:
        DataError: latents or texts that do not fit each other or the network, or a loss that is not finite.
    """
    hooks = hooks or Hooks()
    contexts = check_context(text, start, len(latents))
    mean = contexts.mean(0)
    train_only(start, chosen_layers(params.train_layers))
    if hooks.recompute:
        start.enable_gradient_checkpointing()

    def condition(batch: Mapping[str, Tensor]) -> Tensor:
        seen = contexts[batch["clip"].cpu()].to(batch["dropped"].device)
        return drop_some(seen, mean, batch["dropped"], params.drop_context)

    z = by_channel(latents, int(start.config.in_channels))
    state = fit(
        start,
        denoising_loss(z, kept, condition),
        RowSource({"clip": torch.arange(len(z))}, seed, noise_widths(z.shape[1:])),
        loop_config(params),
        compute=compute,
        hooks=hooks,
    )
    return TrainResult(whole_state(start), video_config(start, z), state.history)


def check_context(text: npt.NDArray[np.floating], unet: InflatedUNet, n_clips: int) -> Tensor:
    """Return contexts (n_clips, n_tokens, width) as float32.

    Raises:
        DataError: another number of axes, clips or channels than the denoiser and the latents have.
    """
    width = int(unet.config.cross_attention_dim)
    if text.ndim != 3 or text.shape[2] != width or len(text) != n_clips:
        raise DataError(
            f"contexts are of shape {text.shape}",
            why=f"the denoiser reads (clip, token, {width}) of the {n_clips} clips that have latents",
        )
    return torch.from_numpy(np.array(text, np.float32))


def video_config(unet: InflatedUNet, latents: Tensor) -> dict[str, Any]:
    """Return the config.json of a denoiser that was tuned on latents (..., height, width)."""
    return {"architecture": ARCHITECTURE, "unet": unet_settings(unet, latents)}


def unet_settings(unet: InflatedUNet, latents: Tensor | None = None) -> dict[str, Any]:
    """Return a denoiser's settings as JSON values; latents (..., height, width) that it was trained on set its size."""
    kept = {name: value for name, value in unet.config.items() if not name.startswith("_")}
    if latents is not None:
        height, width = latents.shape[-2:]
        kept["sample_size"] = height if height == width else (height, width)
    return {name: list(value) if isinstance(value, tuple) else value for name, value in kept.items()}
