"""Places of a frame at which every pairing of clips is compared: all of a small frame's, a sample of a large one's.

A permutation test needs each prediction against each truth. Pixels and windows next to each other say nearly the same,
so a sample spread over the frame gives the same null at a small part of the cost. The places are the same for all
clips, true pairs among them, so that an observed value and its null are made alike.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.scratch import give_back, zeros

Ints = NDArray[np.int64]
# Clips that are sampled before the memory of a sample on disk is given back.
CLIPS_HELD = 32


def spread(height: int, width: int, n_places: int, generator: np.random.Generator) -> tuple[Ints, Ints]:
    """Choose places of a grid, one at random in each cell of a coarser one.

    Args:
        height, width: of the grid.
        n_places: no more than this many; all of the grid if it has no more.
        generator: of the draws.

    Returns:
        Rows and columns, arrays of shape (n,), n <= n_places.
    """
    if height * width <= n_places:
        rows, columns = np.indices((height, width)).reshape(2, -1)
        return rows, columns
    # As many cells a side as keep them square, and no more sides than there are pixels.
    n_rows = int(np.clip(np.sqrt(n_places * height / width), 1, min(height, n_places)))
    n_columns = int(min(width, n_places // n_rows))
    tops, lefts = (np.linspace(0, size, n + 1).astype(np.int64) for size, n in ((height, n_rows), (width, n_columns)))
    rows = generator.integers(tops[:-1, None], tops[1:, None], (n_rows, n_columns))
    columns = generator.integers(lefts[None, :-1], lefts[None, 1:], (n_rows, n_columns))
    return rows.ravel(), columns.ravel()


def sample(videos: Any, n_places: int, seed: int = 0, folder: Path | None = None) -> NDArray[Any]:
    """Read pixels, or flow vectors, of all clips at places of their own in each frame.

    Args:
        videos: n_clips arrays of shape (n_frames, height, width, n_values), read one at a time.
        n_places: in each frame, at most.
        seed: of the places.
        folder: takes the sample, which has room there; None holds it in memory.

    Returns:
        Array of shape (n_clips, n_frames, n, n_values).
    """
    first = np.asarray(videos[0])
    generator = np.random.default_rng(seed)
    chosen = [spread(first.shape[1], first.shape[2], n_places, generator) for _ in first]
    rows, columns = (np.stack([each[axis] for each in chosen]) for axis in (0, 1))
    frames = np.arange(len(first))[:, None]
    found = zeros((len(videos), *rows.shape, first.shape[-1]), first.dtype, folder)
    for clip in range(len(videos)):
        found[clip] = np.asarray(videos[clip])[frames, rows, columns]
        if clip % CLIPS_HELD == 0:
            give_back(found)
    return found
