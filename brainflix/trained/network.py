"""What a trained network of any architecture can do with rows; its `config.json` names the architecture.

What builds one again is a function `(result) -> Network`, named under `ARCHITECTURES` in a package's `parts.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from brainflix.errors import UsageError
from brainflix.parts.find import architectures
from brainflix.parts.lazy import load
from brainflix.trained.files import TrainResult

Reading = Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Network:
    """A network built again from its artifact, on the CPU in eval mode.

    Attributes:
        module: the network.
        prepare: maps rows (n, n_columns) to what the network reads, float32 of shape (n, ...).
        features: returns, for the name of a pool, what maps prepared rows to pooled features (n, width).
        embedding: maps prepared rows to embeddings (n, d) of any length; None if the network has none.
        n_volumes: volumes of a window that it reads, None if it reads a clip's row and whatever it is told to.
    """

    module: nn.Module
    prepare: Callable[[npt.NDArray[Any]], npt.NDArray[np.float32]]
    features: Callable[[str], Reading]
    embedding: Reading | None = None
    n_volumes: int | None = None


def rebuild(result: TrainResult) -> Network:
    """Build the network of a result again.

    Raises:
        DataError: the weights do not fit the config.
        UsageError: the config names an unknown architecture.
    """
    architecture = str(result.config["architecture"])
    known = architectures()
    if architecture not in known:
        raise UsageError(f"unknown architecture {architecture!r}", next=f"use {' or '.join(known)}")
    network: Network = load(known[architecture])(result)
    return network


def window_of(n_volumes: int | None, parameters: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the rows around a clip's own that a network reads.

    Args:
        n_volumes: of the network.
        parameters: those that it was made with; where their `window_tr` does not fit, a network of windows reads a
            clip's own row and those after it, any other network only the clip's own.
    """
    given = tuple(parameters.get("window_tr") or ())
    if n_volumes is None:
        return given or (0,)
    return given if len(given) == n_volumes else tuple(range(n_volumes))
