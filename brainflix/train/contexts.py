"""What a generator reads: the context of windows of fMRI volumes (docs/methods/mindvideo.md, Context)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from brainflix.device import Compute
from brainflix.train.encoders import prepare_windows, rebuild_encoder
from brainflix.train.features import embed_prepared
from brainflix.train.loop import CPU, TrainResult


def context_of(
    result: TrainResult, rows: npt.NDArray[Any], compute: Compute = CPU, *, batch_size: int = 32
) -> npt.NDArray[np.float32]:
    """Return the context (n, n_tokens, context_width) of windows.

    Args:
        result: a tuned encoder, or a joint model that holds one.
        rows: windows of shape (n, W n_grayordinates), volumes side by side, scaled as the train rows were.
        compute: device and dtype.
        batch_size: windows at a time; the result does not depend on it.

    Raises:
        DataError: rows that the network was not made for.
        UsageError: a network that has no context.
    """
    model, preparation = rebuild_encoder(result)
    prepared = prepare_windows(preparation, rows, model.config.window)
    model.to(compute.device)
    with torch.no_grad(), torch.autocast(compute.device.type, compute.dtype, compute.dtype != torch.float32):
        return embed_prepared(model, model, prepared, batch_size)
