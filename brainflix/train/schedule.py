"""Learning rate and parameter groups: pure functions of the epoch and of the shapes."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from torch import nn


def lr_at(epoch: float, lr: float, warmup_epochs: float, epochs: float) -> float:
    """Return the learning rate at a fractional epoch: linear warm-up, then half a cosine down to 0.

    Args:
        epoch: epochs done, fractional within an epoch.
        lr: peak, reached when the warm-up ends.
        warmup_epochs: length of the warm-up; 0 for none.
        epochs: length of the whole training.
    """
    if epoch < warmup_epochs:
        return lr * epoch / warmup_epochs
    if epochs <= warmup_epochs:
        return lr
    return 0.5 * lr * (1 + math.cos(math.pi * (epoch - warmup_epochs) / (epochs - warmup_epochs)))


def decay_groups(named: Iterable[tuple[str, nn.Parameter]], weight_decay: float) -> list[dict[str, Any]]:
    """Split trainable parameters into those that decay and those of at most one dimension, which do not."""
    trainable = [parameter for _, parameter in named if parameter.requires_grad]
    return [
        {"params": [p for p in trainable if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in trainable if p.ndim <= 1], "weight_decay": 0.0},
    ]
