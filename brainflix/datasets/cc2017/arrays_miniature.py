"""NeuroClips' tensors and MinD-Video's arrays in small: all clips, few columns, tiny frames."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from brainflix.datasets.cc2017.arrays_layout import N_TEST, N_TRAIN, fmri_path


@dataclass(frozen=True, eq=False)
class Planted:
    """What was planted.

    Attributes:
        train, test: responses by subject, (n_clips, n_repeats, n_columns).
        luminance: of each clip's frames, 0 to 1, (5520,).
        copy: a subject, a test repeat, and the one that it is a copy of, counted from 1.
    """

    train: dict[int, np.ndarray]
    test: dict[int, np.ndarray]
    luminance: np.ndarray
    copy: tuple[int, int, int]


def make_neuroclips(folder: Path, *, seed: int = 0, n_columns: int = 5, size_px: int = 8) -> Planted:
    """Write tensors of three subjects; the tenth test repeat of subject 3 is a copy of its ninth."""
    import torch

    planted = _planted(seed, n_columns, 2, 10)
    for subject in planted.train:
        for split, values in (("train", planted.train[subject]), ("test", planted.test[subject])):
            torch.save(torch.from_numpy(values), folder / fmri_path("neuroclips", subject, split))
    for split, part in (("train", slice(0, N_TRAIN)), ("test", slice(N_TRAIN, None))):
        levels = planted.luminance[part, None, None, None, None]
        frames = np.broadcast_to(levels, (levels.shape[0], 6, 3, size_px, size_px)).astype(np.float16)
        torch.save(torch.from_numpy(np.ascontiguousarray(frames)), folder / f"GT_{split}_3fps.pt")
    return planted


def make_mindvideo(folder: Path, *, seed: int = 0, n_columns: int = 5, size_px: int = 8) -> Planted:
    """Write arrays of three subjects, repeats averaged."""
    planted = _planted(seed, n_columns, 1, 1)
    for subject in planted.train:
        np.save(folder / fmri_path("mindvideo", subject, "train"), planted.train[subject].reshape(18, 240, n_columns))
        np.save(folder / fmri_path("mindvideo", subject, "test"), planted.test[subject].reshape(N_TEST, n_columns))
    levels = np.rint(planted.luminance * 255).astype(np.uint8).reshape(23, 240, 1, 1, 1, 1)
    frames = np.ascontiguousarray(np.broadcast_to(levels, (23, 240, 6, size_px, size_px, 3)))
    np.save(folder / "video_train_256_3hz.npy", frames[:18])
    np.save(folder / "video_test_256_3hz.npy", frames[18:])
    return planted


def _planted(seed: int, n_columns: int, n_train: int, n_test: int) -> Planted:
    rng = np.random.default_rng(seed)
    train: dict[int, np.ndarray] = {}
    test: dict[int, np.ndarray] = {}
    for subject in (1, 2, 3):
        for into, n_clips, n_repeats in ((train, N_TRAIN, n_train), (test, N_TEST, n_test)):
            signal = rng.standard_normal((n_clips, 1, n_columns))
            into[subject] = (signal + rng.standard_normal((n_clips, n_repeats, n_columns))).astype(np.float32)
    if n_test == 10:
        test[3][:, 9] = test[3][:, 8]
    return Planted(train, test, rng.integers(0, 256, N_TRAIN + N_TEST) / 255.0, (3, 10, 9))
