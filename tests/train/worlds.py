"""A small simulated world in which rows are mixtures of what the clips' embeddings say, plus noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from brainflix.train.parts import ContrastiveParams, MaskedParams

COLUMNS = 90
MASKED = MaskedParams(
    preset="tiny", width=32, depth=2, heads=2, decoder_width=16, patch_size=8, epochs=6, batch_size=40, lr=4e-3
)
ALIGNED = ContrastiveParams(preset="tiny", epochs=6, batch_size=60, lr=4e-3)


@dataclass(frozen=True)
class World:
    """Rows (n, 90), the clip of each row, embeddings (n_clips, 12), and rows of clips nobody trains on."""

    rows: np.ndarray
    clip_ids: np.ndarray
    embeddings: np.ndarray
    test_rows: np.ndarray
    test_ids: np.ndarray


def make_world(seed: int = 0, n_clips: int = 150, n_test: int = 30, noise: float = 0.5) -> World:
    """Draw a world with two repeats of each train clip."""
    rng = np.random.default_rng(seed)
    factors = rng.standard_normal((n_clips + n_test, 4))
    embeddings = factors @ rng.standard_normal((4, 12))
    mixing = rng.standard_normal((4, COLUMNS))

    def respond(clips: np.ndarray) -> np.ndarray:
        rows = factors[clips] @ mixing / 2 + noise * rng.standard_normal((len(clips), COLUMNS))
        return rows.astype(np.float32)

    train_ids, test_ids = np.repeat(np.arange(n_clips), 2), np.arange(n_clips, n_clips + n_test)
    return World(respond(train_ids), train_ids, embeddings, respond(test_ids), test_ids)


def hold_out(clip_ids: np.ndarray, fraction: float) -> np.ndarray:
    """Return the rows of the last `fraction` of the clips."""
    clips = np.unique(clip_ids)
    return np.flatnonzero(np.isin(clip_ids, clips[-max(2, round(fraction * len(clips))) :]))
