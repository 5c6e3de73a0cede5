"""All pairs of clips by matrix products equal the scores of `hue`, pair by pair and frame by frame."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from brainflix.errors import DataError, UsageError
from brainflix.evaluate import hue
from brainflix.evaluate.hue_pairs import hue_circ_matrix, hue_cos_matrix
from brainflix.evaluate.pixels import clip_means

Frames = NDArray[np.uint8]


def _clips(n_clips: int, seed: int) -> Frames:
    """Return noise of shape (n_clips, 3, 7, 9, 3); of the first clip a frame, of the second all are grey."""
    clips = np.random.default_rng(seed).integers(0, 256, (n_clips, 3, 7, 9, 3), dtype=np.uint8)
    clips[0, 1], clips[1] = 90, 91
    # Nearly grey: a hue, but below the least saturation.
    clips[2, 0, :, :4] = [100, 100, 103]
    return clips


def _loop(
    score: Callable[[Frames, Frames], NDArray[np.float64]], truth: Frames, prediction: Frames
) -> NDArray[np.float64]:
    return np.array([clip_means(np.stack([score(t, p) for t in truth]))[0] for p in prediction])


@pytest.mark.parametrize("which", ["circ", "bgr", "rgb"])
def test_every_pair_equals_the_score_of_that_pair(which: str) -> None:
    truth, prediction = _clips(4, 0), _clips(3, 1)
    flat = (truth.reshape(4, 3, -1, 3), prediction.reshape(3, 3, -1, 3))
    if which == "circ":
        found = hue_circ_matrix(*flat)
        expected = _loop(lambda a, b: hue.circ(hue.hue_of(a), hue.hue_of(b)), truth, prediction)
    else:
        order: hue.Order = "bgr" if which == "bgr" else "rgb"
        found = hue_cos_matrix(*flat, order)
        expected = _loop(lambda a, b: hue.hue_cos(a, b, order), truth, prediction)
    assert found.shape == (3, 4)
    assert found == pytest.approx(expected, abs=1e-12, nan_ok=True)
    assert np.isnan(found[1]).all() and np.isnan(found[:, 1]).all(), "a grey clip has no hue"
    assert not np.isnan(found[0, 0]), "one grey frame of three is left out"


def test_refuses_what_cannot_be_paired() -> None:
    flat = _clips(3, 2).reshape(3, 3, -1, 3)
    with pytest.raises(DataError, match="frames or places"):
        hue_circ_matrix(flat, flat[:, :2])
    with pytest.raises(DataError, match="float64"):
        hue_cos_matrix(flat.astype(np.float64), flat, "rgb")  # type: ignore[arg-type]
    assert np.isnan(hue_circ_matrix(flat[:, :0], flat[:, :0])).all(), "no frame defines it"
    with pytest.raises(UsageError, match="order"):
        hue_cos_matrix(flat, flat, "grb")  # type: ignore[arg-type]
