"""CC2017 as NeuroClips released it: tensors of selected vertices (docs/datasets.md, CC2017 from NeuroClips)."""

from __future__ import annotations

from brainflix.datasets.cc2017.about import DATASET as CC2017
from brainflix.parts.dataset import Dataset

DATASET = Dataset(
    name="cc2017-neuroclips",
    title="CC2017, NeuroClips' tensors",
    subjects=(1, 2, 3),
    tr_s=2.0,
    clip_s=2.0,
    licence="as the card on the Hub states it; read when fetched",
    access="open",
    source="Hugging Face data set gongzx/cc2017_dataset",
    citation=CC2017.citation,
    revision="a82b9e20e987",
    simulated=False,
    stimulus_params=("revision",),
    files="brainflix.datasets.cc2017.arrays_layout:neuroclips_files",
    listing="brainflix.datasets.cc2017.arrays_layout:neuroclips_listing",
    clips="brainflix.datasets.cc2017.arrays_layout:load_clips",
    frames="brainflix.datasets.cc2017.arrays_layout:neuroclips_frames",
    frames_hz=3.0,
    terms_url="https://huggingface.co/datasets/gongzx/cc2017_dataset",
    steps=("open https://huggingface.co/datasets/gongzx/cc2017_dataset and fetch the .pt files into one folder",),
    size_bytes=None,
    space="selected cortical vertices without their numbers",
    shapes=(
        ("training fMRI", "(4320, 2, V), V = 13447, 14828, 9114"),
        ("test fMRI", "(1200, 10, V)"),
        ("training frames", "(4320, 6, 3, 224, 224)"),
        ("test frames", "(1200, 6, 3, 224, 224)"),
    ),
    splits="train rows 1-4080, validation the last segment's 240, test 1200",
    repeats="2 and 10",
    traps=(
        "which vertex a column is, is not in the release: subjects cannot be aligned by it, and areas are not known",
        "subject 3 was scanned nine times on test2 and has ten repeats here; exact copies are found and left out",
        "types and the licence are not documented; both are read from what is fetched",
        "that rows stand in the order of segments and clips is an assumption",
    ),
)
