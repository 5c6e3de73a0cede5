"""Rows of grayordinates as patches: padding, positions, random masking, the loss on hidden patches. Pure functions.

Shapes: B rows, L patches of P grayordinates.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor


def n_kept(n_patches: int, mask_ratio: float) -> int:
    """Return how many patches the encoder sees: int(L (1 - ratio))."""
    return int(n_patches * (1 - mask_ratio))


def padded_length(n_columns: int, patch_size: int, legacy: bool = False) -> int:
    """Return the columns of a row after padding; `legacy` adds a whole extra patch where none is needed."""
    missing = -n_columns % patch_size
    return n_columns + (patch_size if legacy and missing == 0 else missing)


def pad_to_patches(x: npt.NDArray[np.floating], patch_size: int, legacy: bool = False) -> npt.NDArray[np.floating]:
    """Wrap-pad the last axis to whole patches; the added columns are copies of the first ones.

    Args:
        x: array of shape (..., n_grayordinates).
        patch_size: grayordinates in one patch.
        legacy: add a whole extra patch where the length is already a multiple, as the released code does.
    """
    missing = padded_length(x.shape[-1], patch_size, legacy) - x.shape[-1]
    if missing == 0:
        return x
    return np.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, missing)], mode="wrap")


def sincos_positions(n_patches: int, width: int) -> Tensor:
    """Return the fixed positions of shape (1, n_patches + 1, width): zeros for CLS, then [sin | cos] of each patch."""
    rate = 10000.0 ** (-torch.arange(width // 2, dtype=torch.float64) / (width / 2))
    angle = torch.arange(n_patches, dtype=torch.float64)[:, None] * rate
    table = torch.cat([angle.sin(), angle.cos()], dim=1)
    return torch.cat([torch.zeros(1, width, dtype=torch.float64), table])[None].float()


def patchify(rows: Tensor, patch_size: int) -> Tensor:
    """Cut rows of shape (B, L P) into patches of shape (B, L, P)."""
    return rows.reshape(rows.shape[0], -1, patch_size)  # (B, L, P)


def unpatchify(patches: Tensor) -> Tensor:
    """Join patches of shape (B, L, P) into rows of shape (B, L P)."""
    return patches.flatten(1)  # (B, L P)


class Masking(NamedTuple):
    """Which patches are seen: kept indices (B, n_kept), inverse permutation (B, L), mask (B, L) with 1 = hidden."""

    keep: Tensor
    restore: Tensor
    mask: Tensor


def random_masking(noise: Tensor, n_keep: int) -> Masking:
    """Keep, in each row, the `n_keep` patches of smallest noise.

    Args:
        noise: uniform numbers of shape (B, L), the only source of randomness.
        n_keep: patches to keep.
    """
    order = noise.argsort(dim=1, stable=True)
    restore = order.argsort(dim=1)
    return Masking(order[:, :n_keep], restore, (restore >= n_keep).to(noise.dtype))


def masked_patch_loss(prediction: Tensor, patches: Tensor, mask: Tensor) -> Tensor:
    """Mean squared error per patch, averaged over the hidden patches only; 0 where none is hidden.

    Args:
        prediction, patches: of shape (B, L, P).
        mask: of shape (B, L), 1 = hidden.
    """
    per_patch = (prediction.float() - patches.float()).square().mean(dim=-1)
    return (per_patch * mask).sum() / mask.sum().clamp(min=1)
