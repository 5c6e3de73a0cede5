"""CC2017: three subjects watched 18 film segments twice, 5 ten times (Wen et al. 2018; docs/datasets.md, CC2017)."""

from __future__ import annotations

from brainflix.parts.dataset import Dataset

DATASET = Dataset(
    name="cc2017",
    title="CC2017, natural films (Wen et al. 2018)",
    subjects=(1, 2, 3),
    tr_s=2.0,
    clip_s=2.0,
    licence="CC0 1.0, as the page of the data set states",
    access="manual",
    source="Purdue University Research Repository, publication 2809, doi:10.4231/R7SF2TCW",
    citation="""@article{wen2018neural,
  title={Neural encoding and decoding with deep learning for dynamic natural vision},
  author={Wen, Haiguang and Shi, Junxing and Zhang, Yizhen and Lu, Kun-Han and Cao, Jiayue and Liu, Zhongming},
  journal={Cerebral Cortex}, volume={28}, number={12}, pages={4136--4160}, year={2018}
}""",
    revision="purr-2809-1.0",
    simulated=False,
    stimulus_params=("n_clips",),
    files="brainflix.datasets.cc2017.layout:files",
    check="brainflix.datasets.cc2017.check:check",
    terms_url="https://purr.purdue.edu/publications/2809",
    steps=(
        "open https://purr.purdue.edu/publications/2809 (doi:10.4231/R7SF2TCW)",
        "fetch the bundles Stimuli, Subject01, Subject02 and Subject03 into one folder",
        "unpack them there: the folder then holds Stimuli/video_fmri_dataset and Subject01/video_fmri_dataset",
    ),
    # 257 runs of 245 or 246 volumes x 91282 grayordinates of four bytes; the films' size is not published.
    size_bytes=23_200_000_000,
    space="fsLR 32k grayordinates; responses are cut to the cortex",
    shapes=(
        ("a run", "245 volumes (seg*, test1) or 246 (test2-5) x 91282 grayordinates, float32"),
        ("rows of a subject", "86 runs (85 for subject 3) x 240 clips x 59412 vertices"),
    ),
    splits="train seg1-17, validation seg18, test test1-5: 4080, 240 and 1200 clips",
    repeats="2 of each training segment, 10 of each test segment; subject 3 has no test2_9",
    traps=(
        "the 4 s haemodynamic delay is in the trim: kept row j answers clip j, and a further shift counts it twice "
        "(an inference from three pipelines; `brainflix align cc2017 --lag-scan` checks it on the files)",
        "cortex is not the first 59412 columns by right, only by habit; columns are chosen by name",
        "repeats are taken from the files that are there, not from 1 to 10",
        "projects that trim 245-volume runs one clip later have 4302 and 1199 clips: set preprocess.drop_first",
    ),
)
