"""Halves of a test clip's repeats."""

from __future__ import annotations

import numpy as np
import pytest

from brainflix.errors import DataError
from brainflix.regress.problem import _chosen_repeats
from brainflix.store.schema import Clips, Responses


def responses(n_repeats: int) -> Responses:
    """Two training clips shown once and three test clips shown `n_repeats` times; a row says its clip and repeat."""
    clip = np.array([0, 1, *np.tile([2, 3, 4], n_repeats)])
    repeat = np.array([1, 1, *np.repeat(np.arange(1, n_repeats + 1), 3)])
    return Responses(
        response=np.stack([clip, 10 * repeat], axis=1),
        clip=clip,
        repeat=repeat,
        run=repeat,
        run_names=tuple(f"r{i}" for i in range(n_repeats + 2)),
        clips=Clips(
            ids=tuple("abcde"),
            segment=("s",) * 5,
            onset_s=np.arange(5.0),
            split=np.array([0, 0, 2, 2, 2]),
            caption=("",) * 5,
        ),
        area=("", ""),
        structure=("", ""),
        index=np.arange(2),
    )


@pytest.mark.parametrize("which, mean", [("all", 30.0), ("odd", 30.0), ("even", 30.0)])
def test_odd_and_even_presentations_share_nothing_and_miss_nothing(which, mean):
    rows = _chosen_repeats(responses(5), which)
    repeats = sorted(set(rows.repeat[rows.clip >= 2].tolist()))
    assert repeats == {"all": [1, 2, 3, 4, 5], "odd": [1, 3, 5], "even": [2, 4]}[which]
    clip, values = rows.rows("test")
    assert clip.tolist() == [2, 3, 4] and (values[:, 1] == mean).all()


def test_a_clip_that_was_shown_once_has_no_halves():
    assert _chosen_repeats(responses(1), "all").n_trials == 5
    with pytest.raises(DataError, match="shown only once"):
        _chosen_repeats(responses(1), "even")
