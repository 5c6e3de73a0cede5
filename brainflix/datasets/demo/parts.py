"""The embedded simulation: what can be chosen, and its parts."""

from __future__ import annotations

from pydantic import Field

from brainflix.parts.params import Params
from brainflix.parts.part import Part, Table


class DemoParams(Params):
    """The simulated world's dials."""

    seed: int = Field(0, ge=0, description="seed of the world: films, brains and noise")
    snr: float = Field(1.0, ge=0, le=1e6, description="signal relative to noise; 0 removes the signal")
    n_train_segments: int = Field(18, ge=2, le=1000, description="training segments, as many as CC2017 has")
    n_test_segments: int = Field(2, ge=1, le=1000, description="test segments")
    clips_per_segment: int = Field(60, ge=8, le=10_000, description="two-second clips in a segment")
    train_repeats: int = Field(2, ge=2, le=1000, description="presentations of each training segment")
    test_repeats: int = Field(
        10, ge=1, le=1000, description="presentations of each test segment; subject 3 misses test2_9"
    )
    size_px: int = Field(64, ge=32, le=2048, multiple_of=16, description="height and width of the videos")


PARTS: Table = {
    "dataset": {
        "demo": Part(
            "brainflix.datasets.demo.about:DATASET",
            DemoParams,
            "embedded simulation in CC2017's layout: 3 subjects, 20 segments of 60 two-second clips",
        ),
    },
}
