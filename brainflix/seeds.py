"""Noise for each clip from the run's seed and the clip's id alone: independent of batch size, order and resume."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch


def clip_seed(seed: int, clip_id: str) -> int:
    """Return the seed of one clip: 63 bits of a hash of the run's seed and the clip's id."""
    digest = hashlib.sha256(f"{seed}/{clip_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def clip_noise(seed: int, clip_ids: Sequence[str], shape: Sequence[int]) -> torch.Tensor:
    """Draw standard normal noise of shape (n_clips, *shape), always on the CPU so that every device gets the same."""
    draws = [
        torch.randn(tuple(shape), generator=torch.Generator().manual_seed(clip_seed(seed, clip_id)))
        for clip_id in clip_ids
    ]
    return torch.stack(draws)
