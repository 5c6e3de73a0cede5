"""The denoising objective: predict the noise that was added to a clip's latents (epsilon prediction)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from diffusers import DDPMScheduler
from torch import Tensor, nn

from brainflix.errors import DataError

# Uniform numbers are multiples of 2^-24; 0 itself would become minus infinity.
_SMALLEST = 2.0**-25


def kept_signal(folder: Path) -> Tensor:
    """Return the cumulated alpha of each time, float32 of shape (n_times,), of a scheduler's folder.

    Raises:
        DataError: the schedule belongs to networks that do not predict the noise.
    """
    scheduler = DDPMScheduler.from_pretrained(folder)
    if scheduler.config.prediction_type != "epsilon":
        raise DataError(f"a denoiser that predicts {scheduler.config.prediction_type!r} is not trained here")
    kept: Tensor = scheduler.alphas_cumprod.float()
    return kept


def normal_noise(uniform: Tensor) -> Tensor:
    """Turn uniform numbers in [0, 1) into standard normal ones of the same shape."""
    return math.sqrt(2.0) * torch.erfinv(2.0 * uniform.clamp(min=_SMALLEST) - 1.0)


def noise_widths(latent_shape: tuple[int, ...]) -> dict[str, int]:
    """Return how many uniform numbers a clip needs in each step, by name, for `denoising_loss`."""
    return {"noise": math.prod(latent_shape), "time": 1, "dropped": 1}


def by_channel(latents: npt.NDArray[Any], n_channels: int) -> Tensor:
    """Return latents (clips, frames, channels, height, width) as (clips, channels, frames, height, width), float32.

    Raises:
        DataError: another number of axes or channels, or values that are not finite.
    """
    if latents.ndim != 5 or latents.shape[2] != n_channels:
        raise DataError(
            f"latents are of shape {latents.shape}",
            why=f"(clip, frame, channel, height, width) with {n_channels} channels is needed",
        )
    if not np.isfinite(latents).all():
        raise DataError("latents hold NaN or infinity")
    return torch.from_numpy(np.ascontiguousarray(latents.swapaxes(1, 2), dtype=np.float32))


def denoising_loss(
    latents: Tensor, kept: Tensor, condition: Callable[[Mapping[str, Tensor]], Tensor]
) -> Callable[[nn.Module, Mapping[str, Tensor]], dict[str, Tensor]]:
    """Return the loss of batches whose `clip` says which latents are theirs.

    Args:
        latents: (n_clips, channels, frames, height, width), once for each clip however often it is shown; on the CPU.
        kept: cumulated alpha by time, (n_times,).
        condition: batch -> what the network is given beside noised latents and time.

    Returns:
        (network, batch) -> the mean squared error of the noise as "loss"; the network is called as (noised latents,
        times, condition), and the batch holds the uniform numbers of `noise_widths`.
    """

    def loss(model: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        device = batch["noise"].device
        z = latents[batch["clip"].cpu()].to(device)
        noise = normal_noise(batch["noise"]).view(z.shape)
        times = (batch["time"][:, 0] * len(kept)).long().clamp(max=len(kept) - 1)
        share = kept.to(device)[times].view(-1, 1, 1, 1, 1)
        predicted = model(share.sqrt() * z + (1 - share).sqrt() * noise, times, condition(batch))
        return {"loss": (predicted.float() - noise).square().mean()}

    return loss


def drop_some(values: Tensor, mean: Tensor, uniform: Tensor, fraction: float) -> Tensor:
    """Put the mean in the place of those values (B, ...) whose uniform number (B, 1) is below the fraction."""
    dropped = (uniform[:, 0] < fraction).view(-1, *(1,) * (values.ndim - 1))
    return torch.where(dropped, mean.to(values), values)
