"""Data of one subject under another's name, also of a single run."""

from __future__ import annotations

import numpy as np
import pytest

from brainflix.align.group import Group
from brainflix.errors import IntegrityError
from brainflix.store.clips import Clips
from brainflix.store.responses import Responses

CLIPS = Clips(("a", "b", "c", "d"), ("s", "s", "t", "t"), np.array([0.0, 2, 0, 2]), np.zeros(4), ("",) * 4)


def subject(seed: int) -> Responses:
    rows = np.random.default_rng(seed).standard_normal((4, 5)).astype(np.float32)
    return Responses(
        response=rows,
        clip=np.arange(4),
        repeat=np.ones(4, int),
        run=np.array([0, 0, 1, 1]),
        run_names=("s_1", "t_1"),
        clips=CLIPS,
        area=("V1",) * 5,
        structure=("left",) * 5,
        index=np.arange(5),
    )


def check(*subjects: Responses) -> None:
    Group(subjects, np.arange(5)).check_can_align(["a", "b", "c", "d"])


def test_subjects_of_their_own_align():
    check(subject(1), subject(2), subject(3))


@pytest.mark.parametrize("target", [0, 1])
def test_a_single_run_of_another_subject_is_found(target):
    one, other = subject(1), subject(2)
    other.response[other.run == target] = one.response[one.run == 1]
    with pytest.raises(IntegrityError, match=rf"run t_1 of one is run {'st'[target]}_1 of the other") as caught:
        check(subject(3), one, other)
    assert caught.value.exit_code == 4


def test_runs_of_zeros_are_no_copies():
    one, other = subject(1), subject(2)
    one.response[:2] = other.response[:2] = 0
    check(one, other)
