"""A trained network in memory: weights, config and history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class TrainResult:
    """A trained network: weights on the CPU, its config as JSON values, one record of losses and scores per epoch."""

    state: dict[str, Tensor]
    config: dict[str, Any]
    history: tuple[dict[str, float], ...]
