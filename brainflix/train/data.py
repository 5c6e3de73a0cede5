"""Rows in memory, and what happens to them before and during training.

The order of rows and every random number are pure functions of (seed, epoch, step): a resumed run, or one on another
number of processes, sees exactly the batches of an uninterrupted one.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from brainflix.errors import DataError
from brainflix.models.patches import pad_to_patches
from brainflix.trained.preparation import Preparation, check_rows

Array = npt.NDArray[Any]


def fit_preparation(rows: Array, patch_size: int, legacy_pad: bool = False) -> Preparation:
    """Measure the scalar mean and standard deviation of the padded train rows (n_rows, n_columns).

    Raises:
        DataError: rows are not a finite matrix, or all one value.
    """
    check_rows(rows)
    padded = pad_to_patches(rows, patch_size, legacy_pad)
    mean, std = float(padded.mean(dtype=np.float64)), float(padded.std(dtype=np.float64))
    if std == 0:
        raise DataError("rows are all one value", why="there is nothing to learn from them")
    return Preparation(rows.shape[1], patch_size, legacy_pad, mean, std)


def midpoint_augment(rows: Array, factor: int, rng: np.random.Generator) -> Array:
    """Append (factor - 1) n midpoints of two random rows to rows (n, n_columns); factor 1 appends none."""
    n = (factor - 1) * len(rows)
    if n == 0:
        return rows
    first, second = rng.integers(len(rows), size=(2, n))
    return np.concatenate([rows, (rows[first] + rows[second]) / 2])


@lru_cache(maxsize=2)
def epoch_order(n_rows: int, seed: int, epoch: int) -> npt.NDArray[np.int64]:
    """Return the order in which an epoch visits the rows, (n_rows,), read-only."""
    order = np.random.default_rng([seed, epoch]).permutation(n_rows)
    order.setflags(write=False)
    return order


def step_noise(seed: int, epoch: int, step: int, name: str, shape: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Return the uniform numbers in [0, 1), (B, width), that belong to one step under one name."""
    rng = np.random.default_rng([seed, epoch, step, zlib.crc32(name.encode())])
    return rng.random(shape, dtype=np.float32)


@dataclass(frozen=True)
class RowSource:
    """Tensors that share their first axis, in memory, served in batches with fresh noise.

    Attributes:
        tensors: name -> tensor of shape (n_rows, ...).
        seed: seed of order and noise.
        noise: name -> width; each batch gets uniform numbers of shape (B, width) under that name.
    """

    tensors: Mapping[str, Tensor]
    seed: int
    noise: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse tensors of different lengths."""
        lengths = {name: len(tensor) for name, tensor in self.tensors.items()}
        if len(set(lengths.values())) != 1 or 0 in lengths.values():
            raise DataError(f"tensors must share a first axis that is not empty, not {lengths}")

    @property
    def n_rows(self) -> int:
        """Rows of each tensor."""
        return len(next(iter(self.tensors.values())))

    def n_steps(self, batch_size: int) -> int:
        """Return the batches of an epoch; the last one may be short."""
        return math.ceil(self.n_rows / batch_size)

    def batch(
        self, batch_size: int, epoch: int, step: int, process: int = 0, n_processes: int = 1
    ) -> tuple[dict[str, Tensor], float]:
        """Return one process's share of a batch, tensors (n, ...), and its share of the rows.

        Noise is drawn for the whole batch and then shared out, so it does not depend on the number of processes. A
        process that gets no row of a short batch gets the first one, with share 0.
        """
        indices = epoch_order(self.n_rows, self.seed, epoch)[step * batch_size : (step + 1) * batch_size]
        mine = np.arange(process, len(indices), n_processes)
        share = len(mine) / len(indices)
        mine = mine if len(mine) else np.zeros(1, dtype=np.int64)
        rows = torch.from_numpy(indices[mine])
        batch = {name: tensor.index_select(0, rows) for name, tensor in self.tensors.items()}
        for name, width in self.noise.items():
            drawn = step_noise(self.seed, epoch, step, name, (len(indices), width))
            batch[name] = torch.from_numpy(drawn[mine])
        return batch, share


def drop_vertices(rows: Tensor, noise: Tensor | None, fraction: float) -> Tensor:
    """Set columns of rows (..., L P) whose noise is below `fraction` to 0, the mean of z-scored rows, row by row."""
    return rows if noise is None or fraction == 0 else rows * (noise >= fraction).to(rows.dtype)
