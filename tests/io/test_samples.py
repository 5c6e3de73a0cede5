"""Names that differ in a sample's number alone are samples of one clip; numbers of clips and frames are not."""

from __future__ import annotations

import pytest

from brainflix.io.samples import count_samples


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["clip_0001_s0", "clip_0001_s1", "clip_0002_s0"], {"clip_0001": 2, "clip_0002": 1}),
        (["clip1-sample3", "clip1-Sample_4"], {"clip1": 2}),
        (["seed7_0", "seed7_1", "seed8_0", "seed8_1"], {"_0": 2, "_1": 2}),
        (["clips1", "clips2", "seg1_clip2", "frame_10", "s", "class_1", "sub-1_task"], {}),
        (["s0", "s1", "s2"], {"": 3}),
    ],
)
def test_samples_are_counted_by_clip(names: list[str], expected: dict[str, int]) -> None:
    assert count_samples(names) == expected
