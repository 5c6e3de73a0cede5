"""Studyforrest, audio-visual "Forrest Gump": 15 people in 267 parcels (docs/datasets.md, Studyforrest)."""

from __future__ import annotations

from dataclasses import replace

from brainflix.parts.dataset import Dataset

_TRAPS = (
    "neighbouring runs share 16 s of film: the first and the last volumes of a tested run are left out "
    "(dataset.edge_volumes)",
    "features of a film are alike from second to second: p is of shifts within runs, never of shuffled volumes",
    "the response lags by some seconds: ridge-lags chooses the volumes on training runs",
    "runs 3, 5 and 7 have no described features here, and are not used",
)

FULL = Dataset(
    name="studyforrest",
    title='Studyforrest, "Forrest Gump" seen and heard (Hanke et al. 2016)',
    subjects=(1, 2, 3, 4, 5, 6, 9, 10, 14, 15, 16, 17, 18, 19, 20),
    tr_s=2.0,
    clip_s=2.0,
    licence="PDDL 1.0 (responses, frame-wise measures), CC0 1.0 (annotations)",
    access="open",
    stimuli_access="embedded",
    source="psychoinformatics-de/studyforrest-data-aggregate @ 9f0f805d, studyforrest-data-annotations @ 155097f9",
    citation="""@article{hanke2016studyforrest,
  title={A studyforrest extension, simultaneous fMRI and eye gaze recordings during prolonged natural stimulation},
  author={Hanke, Michael and Adelh{\\"o}fer, Nico and Kottke, Daniel and Iacovella, Vittorio and Sengupta, Ayan and
    Kaule, Falko R. and Nigbur, Roland and Waite, Alexander Q. and Baumgartner, Florian and Stadler, J{\\"o}rg},
  journal={Scientific Data}, volume={3}, pages={160092}, year={2016}
}""",
    revision="aggregate-9f0f805d",
    simulated=False,
    stimulus_params=("test_runs", "edge_volumes"),
    split_params=("test_runs", "edge_volumes"),
    files="brainflix.datasets.studyforrest.layout:files",
    clips="brainflix.datasets.studyforrest.film:load_clips",
    film="",
    features="brainflix.datasets.studyforrest.film:load_features",
    terms_url="https://github.com/psychoinformatics-de/studyforrest-data-aggregate",
    steps=(
        "git clone https://github.com/psychoinformatics-de/studyforrest-data-aggregate, and check out 9f0f805d",
        "datalad get sub-*/*_bold.csv in it, if the tables are pointers of git-annex",
    ),
    size_bytes=115_000_000,
    space="267 parcels of the Shen atlas (150 a hemisphere) that all people share",
    shapes=(
        ("a run", "338 to 488 volumes x 267 parcels, detrended, z-scored, motion regressed"),
        ("features", "20 for each volume of 2 s; a perceptual hash of 144 numbers; the location"),
    ),
    splits="runs 6 and 8 are tested, the others train (dataset.test_runs)",
    repeats="none: everybody saw the film once",
    traps=_TRAPS,
    checked_on="the parcels' time series of all 15 people and five runs, as arrays",
)

SAMPLE = replace(
    FULL,
    name="studyforrest-sample",
    title='Studyforrest, "Forrest Gump" seen and heard: four people (Hanke et al. 2016)',
    subjects=(1, 2, 3, 4),
    access="embedded",
    files="",
    fetch="brainflix.datasets.studyforrest.sample:write",
    terms_url="",
    steps=(),
    size_bytes=None,
    traps=(*_TRAPS, "responses are rounded to half precision; the people are the first four by number"),
)
