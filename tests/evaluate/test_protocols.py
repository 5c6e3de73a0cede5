"""The table of protocols: sizes and frames as docs/scoring.md states them, and what bug-compat may change."""

from __future__ import annotations

import dataclasses

import pytest

from brainflix.errors import UsageError
from brainflix.evaluate import clock
from brainflix.evaluate.metrics.ssim import FLAVOURS
from brainflix.evaluate.protocols import PROTOCOLS, check_bug_compat, find_protocol, flow_grey


def test_frames_sizes_and_true_classes_are_those_of_the_table() -> None:
    table = {name: (p.n_frames, p.height, p.width, p.true_classes, p.ways) for name, p in PROTOCOLS.items()}
    assert table == {
        "strict": (None, 256, 256, (1, 3), (2, 50)),
        "mindvideo": (6, 256, 256, (3,), (50,)),
        "glfa": (12, 320, 576, (3,), (2, 50)),
        "mindanimator": (8, 512, 512, (3,), (2,)),
        "neurons": (6, 256, 256, (3,), (2, 50)),
        "brainnetflix": (None, 256, 256, (3,), (2, 50)),
    }


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_protocol_can_be_carried_out(name: str) -> None:
    protocol = PROTOCOLS[name]
    long = clock.regular(64, 8.0)
    truth, prediction = clock.match_frames(protocol.frame_rule, long, long, protocol.n_frames)
    assert len(truth) == len(prediction) == (protocol.n_frames or 64)
    assert protocol.ssim and set(protocol.ssim) <= set(FLAVOURS)
    with pytest.raises(dataclasses.FrozenInstanceError):
        protocol.height = 1  # type: ignore[misc]


def test_bug_compat_is_for_released_bugs_only() -> None:
    for name, protocol in PROTOCOLS.items():
        if name in ("mindvideo", "mindanimator", "neurons"):
            check_bug_compat(protocol)
            assert protocol.midpoint_bug
        else:
            with pytest.raises(UsageError, match="changes nothing"):
                check_bug_compat(protocol)
    swapped = PROTOCOLS["mindanimator"]
    assert (flow_grey(swapped, True), flow_grey(swapped, False)) == ("bgr", "rgb")
    assert flow_grey(PROTOCOLS["mindvideo"], True) == "rgb"


def test_a_near_name_is_offered() -> None:
    assert find_protocol("glfa").name == "glfa"
    with pytest.raises(UsageError, match="did you mean 'mindvideo'"):
        find_protocol("mindvidoe")
