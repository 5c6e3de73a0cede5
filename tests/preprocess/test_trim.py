"""Run lengths to kept volumes, against the published pipelines' index ranges."""

from __future__ import annotations

import numpy as np
import pytest

from brainflix.errors import DataError
from brainflix.preprocess.trim import clip_volumes, trim_start


@pytest.mark.parametrize(
    ("n_volumes", "matlab_start", "python_start"),
    [(245, 2, 1), (246, 3, 2)],
)
def test_start_agrees_with_the_matlab_and_the_python_pipeline(
    n_volumes: int, matlab_start: int, python_start: int
) -> None:
    start = trim_start(n_volumes)
    assert start == matlab_start - 1 == python_start
    assert start + 240 == n_volumes - 4


@pytest.mark.parametrize("n_volumes", [0, 240, 244, 247, 2 * 245])
def test_other_lengths_are_refused(n_volumes: int) -> None:
    with pytest.raises(DataError, match=f"has {n_volumes} volumes"):
        trim_start(n_volumes)


def test_miniature_lengths_scale_with_the_number_of_clips() -> None:
    assert [trim_start(n, n_clips=12) for n in (17, 18)] == [1, 2]
    with pytest.raises(DataError):
        trim_start(245, n_clips=12)


@pytest.mark.parametrize("n_volumes", [17, 18])
def test_default_delay_is_the_trim_itself(n_volumes: int) -> None:
    start = trim_start(n_volumes, 12)
    np.testing.assert_array_equal(clip_volumes(n_volumes, 12), np.arange(start, start + 12))


def test_delay_counts_from_movie_time_zero_in_both_run_lengths() -> None:
    # Volume 0 of the longer run is movie time 0; the shorter run lacks it.
    assert clip_volumes(18, 12, delay_s=6.0)[0] == 3
    assert clip_volumes(17, 12, delay_s=6.0)[0] == 2
    assert clip_volumes(18, 12, delay_s=0.0)[0] == 0


def test_half_volume_delays_pair_neighbouring_clips_evenly() -> None:
    assert set(np.diff(clip_volumes(18, 12, delay_s=5.0))) == {1}


@pytest.mark.parametrize(("n_volumes", "delay_s"), [(17, 0.0), (18, -2.0), (18, 14.0)])
def test_a_clip_without_a_volume_is_an_error_and_never_wraps(n_volumes: int, delay_s: float) -> None:
    with pytest.raises(DataError, match="without a volume"):
        clip_volumes(n_volumes, 12, delay_s=delay_s)
