"""MinD-Video's encoder as artifacts hold it: alone, or under a prefix inside a model that was trained jointly."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from brainflix.errors import DataError, UsageError
from brainflix.methods.mindvideo.networks import MindVideoEncoder, MindVideoEncoderConfig
from brainflix.models.weights import load_strict
from brainflix.trained.files import TrainResult
from brainflix.trained.network import Network, Reading
from brainflix.trained.preparation import Preparation

ARCHITECTURE, JOINT = "mindvideo-encoder", "mindvideo-joint"
PREFIX = "encoder."
POOLS = ("mean", "first")


def encoder_only(result: TrainResult) -> TrainResult:
    """Return the encoder of a result, which may be a joint model with the encoder's weights under `encoder.`.

    Raises:
        UsageError: the config names another architecture.
    """
    config = result.config
    if config["architecture"] == ARCHITECTURE:
        return result
    if config["architecture"] != JOINT:
        raise UsageError(f"a {config['architecture']} has no context", next="train mindvideo-contrastive")
    state = {name.removeprefix(PREFIX): each for name, each in result.state.items() if name.startswith(PREFIX)}
    own = {
        "architecture": ARCHITECTURE,
        "network": dict(config["encoder"]),
        "pool": config.get("pool", POOLS[0]),
        "preparation": config["preparation"],
    }
    return TrainResult(state, own, result.history)


def rebuild_encoder(result: TrainResult) -> tuple[MindVideoEncoder, Preparation]:
    """Return the encoder of a result, on the CPU in eval mode, and the preparation of each volume.

    Raises:
        DataError: the weights do not fit the config.
        UsageError: the config names another architecture.
    """
    own = encoder_only(result)
    with torch.device("meta"):
        model = MindVideoEncoder(MindVideoEncoderConfig(**own.config["network"]))
    load_strict(model, own.state)
    return model.eval(), Preparation(**own.config["preparation"])


def pooled(context: Tensor, pool: str) -> Tensor:
    """Return one embedding (B, d) of a context (B, n_tokens, d): the mean of the tokens, or the first.

    Raises:
        UsageError: another pool.
    """
    if pool not in POOLS:
        raise UsageError(f"unknown pool {pool!r}", next=f"use one of {', '.join(POOLS)}")
    return context.mean(dim=1) if pool == "mean" else context[:, 0]


def as_volumes(rows: npt.NDArray[Any], window: int) -> npt.NDArray[Any]:
    """Cut windows (n, W n_grayordinates) into their volumes (n W, n_grayordinates), those of a window together.

    Raises:
        DataError: the columns are not `window` times anything.
    """
    if rows.ndim != 2 or rows.shape[1] % window:
        raise DataError(f"rows of shape {rows.shape} are no windows of {window} volumes side by side")
    return rows.reshape(len(rows) * window, -1)  # (n W, n_grayordinates)


def prepare_windows(preparation: Preparation, rows: npt.NDArray[Any], window: int) -> npt.NDArray[np.float32]:
    """Pad and scale each volume of windows (n, W n_grayordinates) to (n, W, L P) float32.

    Raises:
        DataError: rows that the network was not made for.
    """
    prepared = preparation.apply(as_volumes(rows, window))
    return cast("npt.NDArray[np.float32]", prepared.reshape(len(rows), window, -1))  # (n, W, L P)


def network(result: TrainResult) -> Network:
    """Return the encoder of a result of either phase, whose features are the mean of its trunk's tokens.

    Raises:
        DataError: the weights do not fit the config.
    """
    model, preparation = rebuild_encoder(result)
    pool = encoder_only(result).config["pool"]
    window = model.config.window
    return Network(
        model,
        lambda rows: prepare_windows(preparation, rows, window),
        lambda wanted: _trunk_mean(model, wanted),
        lambda windows: pooled(model(windows), pool),
        n_volumes=window,
    )


def _trunk_mean(model: MindVideoEncoder, pool: str) -> Reading:
    if pool != "mean":
        raise UsageError(f"MinD-Video's encoder has no pool {pool!r} of its trunk", next="use mean")
    return lambda windows: model.trunk(windows).mean(dim=1)
