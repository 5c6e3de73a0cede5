"""CC2017 as MinD-Video released it: arrays of voxels and frames (docs/datasets.md, CC2017 from MinD-Video)."""

from __future__ import annotations

from brainflix.datasets.cc2017.about import DATASET as CC2017
from brainflix.parts.dataset import Dataset

DATASET = Dataset(
    name="mindvideo",
    title="CC2017, MinD-Video's arrays",
    subjects=(1, 2, 3),
    tr_s=2.0,
    clip_s=2.0,
    licence="none stated",
    access="manual",
    source="the release of MinD-Video (Chen et al. 2023)",
    citation=CC2017.citation,
    revision="mindvideo-1",
    simulated=False,
    stimulus_params=(),
    files="brainflix.datasets.cc2017.arrays_layout:mindvideo_files",
    clips="brainflix.datasets.cc2017.arrays_layout:load_clips",
    frames="brainflix.datasets.cc2017.arrays_layout:mindvideo_frames",
    frames_hz=3.0,
    terms_url="https://www.mind-video.com",
    steps=(
        "open https://www.mind-video.com and follow its link to the data",
        "fetch fmri_train_subjectN.npy, fmri_test_subjectN.npy, video_train_256_3hz.npy and video_test_256_3hz.npy",
    ),
    size_bytes=None,
    space="selected voxels without their places",
    shapes=(
        ("fMRI", "(clips, V) or (segments, 240, V), V = 3731 by the comments in the code"),
        ("training frames", "(18, 240, 6, 256, 256, 3), uint8"),
        ("test frames", "(5, 240, 6, 256, 256, 3), uint8"),
    ),
    splits="train 4080 clips, validation the last segment's 240, test 1200",
    repeats="averaged; there are none",
    traps=(
        "the authors' page promises test data only, which are scaled already: nobody may have the training files",
        "the names of the files with frames are not documented and have not been seen",
        "the released window of a clip is its volume and the next (a segment's last one twice): window_tr [0, 1]",
        "which voxels were selected, and how, is not published",
    ),
)
