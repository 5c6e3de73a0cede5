"""The embedded dataset: a simulation in CC2017's layout and formats. It says nothing of real brains."""

from __future__ import annotations

from brainflix.parts.dataset import Dataset

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
