"""Centred columns chunk by chunk, and the eigendecomposition that a ridge fit needs once."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from brainflix.errors import DataError

_LOG = logging.getLogger(__name__)

#: Numbers in one chunk of X while it is being centred in float64: 8 MiB.
_CHUNK_NUMBERS = 1 << 20


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Thin singular decomposition of the centred X, without the directions that its numbers cannot resolve.

    Attributes:
        left: left singular vectors, tensor of shape (n, r).
        right: what turns shrunk projections into coefficients: `left` itself in the dual form, right singular vectors
            of shape (p, r) in the primal form.
        values: squared singular values in float64, tensor of shape (r,), all positive.
        dual: whether coefficients belong to rows of X (n <= p) or to columns.
        x_mean: array of shape (p,).
    """

    left: Tensor
    right: Tensor
    values: Tensor
    dual: bool
    x_mean: NDArray[np.float64]

    @property
    def spans_rows(self) -> bool:
        """Return whether `left` and the constant vector span all rows, so that alpha -> 0 leaves no residual."""
        return self.left.shape[1] == self.left.shape[0] - 1


def compute_dtype(*arrays: Any) -> torch.dtype:
    """Return float64 if every array is float64, else float32."""
    return torch.float64 if all(a.dtype == np.float64 for a in arrays) else torch.float32


def column_mean(x: Any) -> NDArray[np.float64]:
    """Return the mean of each column in float64, array of shape (p,).

    Raises:
        DataError: if a value is not finite.
    """
    mean = np.empty(x.shape[1])
    for part in _column_parts(x.shape):
        mean[part] = np.asarray(x[:, part], np.float64).mean(axis=0)
    if not np.isfinite(mean).all():
        raise DataError("X has values that are not finite")
    return mean


def centred_columns(
    x: Any, mean: NDArray[np.float64], dtype: torch.dtype, device: str | torch.device, *, n_rows: int | None = None
) -> Iterator[Tensor]:
    """Yield chunks of shape (n, c) of the columns of x minus their mean, subtracted in float64.

    Args:
        x: array of shape (n, p).
        mean: array of shape (p,).
        dtype: of the chunks.
        device: of the chunks.
        n_rows: cut the columns as for an array of so many rows, to walk two arrays side by side.
    """
    for part in _column_parts((n_rows or x.shape[0], x.shape[1])):
        yield torch.from_numpy(np.asarray(x[:, part], np.float64) - mean[part]).to(device=device, dtype=dtype)


def centred_rows(x: Any, mean: NDArray[np.float64], dtype: torch.dtype, device: str | torch.device) -> Iterator[Tensor]:
    """Yield chunks of shape (c, p) of the rows of x minus the column means, subtracted in float64."""
    step = max(1, _CHUNK_NUMBERS // max(1, x.shape[1]))
    for start in range(0, x.shape[0], step):
        chunk = np.asarray(x[start : start + step], np.float64) - mean
        yield torch.from_numpy(chunk).to(device=device, dtype=dtype)


def decompose(x: Any, dtype: torch.dtype, device: str | torch.device) -> Spectrum:
    """Decompose X once for all penalties and targets: the dual way if it has no more rows than columns.

    The Gram matrix is the sum of one product per chunk, added up in float64, and its eigenvalues are computed in
    float64. Directions below the rounding of the Gram matrix are left out: they hold no information about X, and with
    a small penalty they would fit noise with coefficients of arbitrary size.

    Args:
        x: array of shape (n, p), or anything that slices like one.
        dtype: of the large products.
        device: where they run.
    """
    n, p = x.shape
    mean = column_mean(x)
    dual = n <= p
    size = n if dual else p
    gram = torch.zeros(size, size, dtype=torch.float64, device=device)
    for chunk in centred_columns(x, mean, dtype, device) if dual else centred_rows(x, mean, dtype, device):
        gram += _self_product(chunk if dual else chunk.T)
    if dual:
        # Exactly centred again after the rounding of the products: the intercept must stay unpenalised.
        gram -= gram.mean(dim=0)
        gram -= gram.mean(dim=1, keepdim=True)
    floor = 2.0 * size**0.5 * torch.finfo(dtype).eps * float(gram.diagonal().max()) if size else 0.0
    values, vectors = _eigh(gram)
    del gram
    kept = values > floor + size * torch.finfo(torch.float64).eps * float(values[-1])
    values, vectors = values[kept], vectors[:, kept].to(dtype)
    if dual:
        return Spectrum(vectors, vectors, values, True, mean)
    scaled = vectors / values.sqrt().to(dtype)
    left = torch.cat([chunk @ scaled for chunk in centred_rows(x, mean, dtype, device)])
    return Spectrum(left, vectors, values, False, mean)


def _self_product(x: Tensor) -> Tensor:
    """Return x x^T; on the processor through NumPy, which knows that it is symmetric and computes half of it."""
    if x.device.type == "cpu":
        array = x.numpy()
        return torch.from_numpy(array @ array.T)
    return x @ x.T


def _eigh(gram: Tensor) -> tuple[Tensor, Tensor]:
    try:
        values, vectors = torch.linalg.eigh(gram)
    except RuntimeError:  # no convergence, or the accelerator's solver gave up
        if gram.device.type == "cpu":
            raise
        _LOG.warning("eigendecomposition of %s failed on %s; computing it on the CPU", tuple(gram.shape), gram.device)
        values, vectors = torch.linalg.eigh(gram.cpu())
    # Clipped before anything divides by (value + alpha): rounding may leave small negative values.
    return values.clamp(min=0).to(gram.device), vectors.to(gram.device)


def _column_parts(shape: tuple[int, ...]) -> Iterator[slice]:
    step = max(1, _CHUNK_NUMBERS // max(1, shape[0]))
    for start in range(0, shape[1], step):
        yield slice(start, start + step)
