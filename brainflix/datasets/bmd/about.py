"""BOLD Moments: ten subjects saw 1000 short films three times and 102 ten times (docs/datasets.md, BOLD Moments)."""

from __future__ import annotations

from brainflix.parts.dataset import Dataset, Secret

DATASET = Dataset(
    name="bmd",
    title="BOLD Moments, three-second films (Lahner et al. 2024)",
    subjects=tuple(range(1, 11)),
    tr_s=1.75,
    clip_s=3.0,
    licence="CC0 (brain data); the films: research and education only, neither films nor frames go on to others",
    access="open",
    stimuli_access="terms",
    secret=Secret(
        "bmd_password",
        "the password of the films",
        "https://boldmomentsdataset.csail.mit.edu/stimuli_metadata/stimuli_access.txt",
    ),
    package="brainflix.datasets.bmd.layout:package",
    source="OpenNeuro ds005165, snapshot 1.0.4",
    citation="""@article{lahner2024modeling,
  title={Modeling short visual events through the {BOLD} moments video {fMRI} dataset and metadata},
  author={Lahner, Benjamin and Dwivedi, Kshitij and Iamshchinina, Polina and Graumann, Monika and Lascelles, Alex and
    Roig, Gemma and Gifford, Alessandro Thomas and Pan, Bowen and Jin, SouYoung and Ratan Murty, N. Apurva and
    Kay, Kendrick and Oliva, Aude and Cichy, Radoslaw},
  journal={Nature Communications}, volume={15}, pages={6241}, year={2024}
}""",
    revision="ds005165-1.0.4",
    simulated=False,
    stimulus_params=(),
    files="brainflix.datasets.bmd.layout:files",
    clips="brainflix.datasets.bmd.layout:load_clips",
    film="brainflix.datasets.bmd.layout:film_path",
    terms_url="https://boldmomentsdataset.csail.mit.edu/stimuli_metadata/stimuli_access.txt",
    steps=(
        "read the terms of the films at https://boldmomentsdataset.csail.mit.edu/stimuli_metadata/stimuli_access.txt",
        "brainflix download bmd --step stimuli --i-agree bmd, which asks for the password that stands there",
        "or fetch and unpack the films: a folder with stimuli/train/0001.mp4, stimuli/test/1001.mp4 and so on",
    ),
    size_bytes=29_561_000_000,
    space="fsLR 32k grayordinates, all 91282",
    shapes=(
        ("training betas", "(1000 films, 3 repeats, 91282), float64"),
        ("test betas", "(102 films, 10 repeats, 91282), float64"),
    ),
    splits="train vid0001-vid0900, validation vid0901-vid1000 (our choice), test vid1001-vid1102 (official)",
    repeats="3 of each training film, 10 of each test film",
    traps=(
        "the whole data set is 3.76 TB; only the files above are fetched",
        "the betas are z-scored already, by each session's training trials; they are not scaled again",
        "a tarball with the scanner's films is still reachable in the bucket; the terms decide, and it is not fetched",
        "films have 25 or 29.97 frames a second; frames are taken by time",
        "how the betas came about (GLMsingle on volumes resampled to 1 s) is not repeated here",
    ),
)
