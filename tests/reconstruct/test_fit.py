"""Sides and numbers of frames that models take, and the way back to the clip's own frames."""

from __future__ import annotations

import numpy as np
import pytest

from brainflix.errors import DataError, UsageError
from brainflix.evaluate.clock import nearest_start
from brainflix.reconstruct.axes import frames_first
from brainflix.reconstruct.fit import Limits, check_frames, check_size, fit_frames


@pytest.mark.parametrize(
    ("limits", "n", "seen"),
    [
        (Limits(16, step=4), 15, 17),
        (Limits(32, step=8), 15, 17),
        (Limits(8), 15, 15),
        (Limits(32, step=8), 17, 17),
        (Limits(32, step=8), 18, 25),
        (Limits(16, first=5, step=8), 1, 5),
        (Limits(16, first=5, step=8), 15, 21),
    ],
)
def test_the_last_frame_is_held_until_the_number_fits(limits: Limits, n: int, seen: int) -> None:
    clock = fit_frames(n, n, n, limits)
    assert clock.there.tolist() == list(range(n)) + [n - 1] * (seen - n)
    assert clock.back.tolist() == list(range(n)), "frame i means the same time again"


@pytest.mark.parametrize(("n_given", "n_clip", "n_seen"), [(15, 15, 48), (15, 15, 7), (1, 8, 8), (3, 6, 16), (8, 3, 5)])
def test_frames_are_those_on_screen_and_come_back_by_the_scores_clock(n_given: int, n_clip: int, n_seen: int) -> None:
    clock = fit_frames(n_given, n_clip, n_seen, Limits(8, step=4))
    # A clip lasts 1 s: frame i of n starts at i / n and is on screen until the next one starts.
    on_screen = [max(i for i in range(n_given) if i * n_seen <= j * n_given) for j in range(n_seen)]
    assert clock.there[:n_seen].tolist() == on_screen and set(clock.there[n_seen:]) <= {on_screen[-1]}
    wanted = nearest_start(np.arange(n_clip) / n_clip, np.arange(n_seen) / n_seen)
    assert clock.back.tolist() == wanted.tolist()


def test_too_many_frames_for_the_motion_adapter_are_refused() -> None:
    assert len(fit_frames(32, 32, 32, Limits(8, most=32)).there) == 32
    with pytest.raises(DataError, match=r"33 frames are too long.*at most 32"):
        fit_frames(33, 33, 33, Limits(8, most=32))


def test_sizes_are_multiples_of_what_the_model_takes() -> None:
    check_size((480, 832), Limits(16))
    with pytest.raises(UsageError, match=r"multiples of 32.*\[256, 256\]"):
        check_size((264, 264), Limits(32))


def test_videos_of_other_clips_are_refused() -> None:
    with pytest.raises(DataError, match="videos of 2 clips for 3 clips"):
        check_frames(np.zeros((2, 4, 8, 8, 3), np.uint8), 3)
    with pytest.raises(DataError, match="takes uint8 frames"):
        check_frames(np.zeros((2, 0, 8, 8, 3), np.uint8), 2)


def test_latents_are_put_frames_first_where_their_lengths_tell() -> None:
    # Both orders that releases of diffusers have asked for are taken for what they are.
    stored = np.arange(2 * 15 * 4 * 3 * 5, dtype=np.float32).reshape(2, 15, 4, 3, 5)
    assert frames_first(stored, 15, 4) is stored
    assert np.array_equal(frames_first(stored.transpose(0, 2, 1, 3, 4), 15, 4), stored)
    square = stored[:, :4]
    assert frames_first(square, 4, 4) is square, "the stored order where it cannot be seen"


@pytest.mark.parametrize("axes", [(0, 1, 3, 4, 2), (0, 3, 4, 1, 2), (0, 1, 3, 2, 4), (1, 0, 2, 3, 4), (0, 2, 3, 1, 4)])
def test_latents_in_another_order_are_refused(axes: tuple[int, ...]) -> None:
    stored = np.zeros((2, 15, 4, 33, 32), np.float32)
    with pytest.raises(DataError, match=r"\(clip, frame, channel, height, width\)"):
        frames_first(stored.transpose(axes), 15, 4)


@pytest.mark.parametrize("shape", [(2, 14, 4, 33, 33), (2, 15, 3, 33, 33), (2, 15 * 4 * 33 * 33), (15, 4, 33, 33)])
def test_latents_of_other_lengths_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match="a clip has 15 frames"):
        frames_first(np.zeros(shape, np.float32), 15, 4)
