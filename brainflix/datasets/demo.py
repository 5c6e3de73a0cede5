"""The embedded dataset: a simulation in CC2017's layout and formats. It says nothing of real brains."""

from __future__ import annotations

from pydantic import Field

from brainflix.datasets.base import Dataset
from brainflix.parts.params import Params


class DemoParams(Params):
    """The simulated world's dials."""

    seed: int = Field(0, ge=0, description="seed of the world: films, brains and noise")
    snr: float = Field(1.0, ge=0, description="signal relative to noise; 0 removes the signal")
    n_train_segments: int = Field(18, ge=2, description="training segments, as many as CC2017 has")
    n_test_segments: int = Field(2, ge=1, description="test segments")
    clips_per_segment: int = Field(60, ge=8, description="two-second clips in a segment")
    train_repeats: int = Field(2, ge=2, description="presentations of each training segment")
    test_repeats: int = Field(10, ge=1, description="presentations of each test segment; subject 3 misses test2_9")
    size_px: int = Field(64, ge=32, multiple_of=16, description="height and width of the videos")


DATASET = Dataset(
    name="demo",
    title="Embedded simulation in CC2017's layout",
    subjects=(1, 2, 3),
    tr_s=2.0,
    clip_s=2.0,
    licence="MIT",
    access="embedded",
    source="made on this machine by brainflix",
    citation="",
    revision="demo-5",
    simulated=True,
    stimulus_params=("seed", "n_train_segments", "n_test_segments", "clips_per_segment", "size_px"),
    fetch="brainflix.demo.world:write",
)
