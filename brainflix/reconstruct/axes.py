"""Which axis of predicted latents is which (docs/methods/brain-netflix.md, Axes of latents)."""

from __future__ import annotations

import numpy as np

from brainflix.errors import DataError

_AXES = "(clip, frame, channel, height, width)"


def frames_first(latents: np.ndarray, n_frames: int, n_channels: int) -> np.ndarray:
    """Return latents as (clip, frame, channel, height, width), from that order or from (clip, channel, frame, ...).

    Releases of diffusers have asked for both orders, so that stored files have both. Where frames and channels are as
    many, the order cannot be seen and the first one is meant. Nothing is ever rescaled or cut to fit.

    Args:
        latents: array of shape (n_clips, n_frames, n_channels, height, width), or with the middle two swapped.
        n_frames: frames of a clip.
        n_channels: channels of the autoencoder's latents.

    Raises:
        DataError: another number of axes, or axes of other lengths.
    """
    if latents.ndim == 5 and min(latents.shape) > 0:
        if latents.shape[1:3] == (n_frames, n_channels):
            return latents
        if latents.shape[1:3] == (n_channels, n_frames):
            return np.swapaxes(latents, 1, 2)
    raise DataError(
        f"latents have the shape {latents.shape}, the generator takes {_AXES}",
        why=f"a clip has {n_frames} frames, a frame's latents have {n_channels} channels",
        next="predict the targets of a vae-latents step of these clips",
    )
