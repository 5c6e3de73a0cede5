"""Fudan's fMRI-Video: films of eight seconds, pictures of the flattened cortex (docs/datasets.md, Fudan fMRI-Video)."""

from __future__ import annotations

from brainflix.parts.dataset import Dataset

DATASET = Dataset(
    name="fudan",
    title="Fudan fMRI-Video, films of eight seconds",
    subjects=(1, 2, 3, 4, 5),
    tr_s=0.8,
    clip_s=4.0,
    licence="as the card on the Hub states it; read when fetched",
    access="open",
    source="Hugging Face data set Fudan-fMRI/fMRI-Video, folder fd-fmri-video-WebVid",
    citation="""@misc{fudanfmrivideo,
  title={{fMRI-Video}}, author={{Fudan-fMRI}}, howpublished={Hugging Face data set Fudan-fMRI/fMRI-Video}
}""",
    revision="fd-fmri-video-WebVid",
    simulated=False,
    stimulus_params=("revision",),
    files="brainflix.datasets.fudan.layout:files",
    found="brainflix.datasets.fudan.layout:found",
    listing="brainflix.datasets.fudan.layout:listing",
    clips="brainflix.datasets.fudan.layout:load_clips",
    film="brainflix.datasets.fudan.layout:film_path",
    terms_url="https://huggingface.co/datasets/Fudan-fMRI/fMRI-Video",
    steps=("open https://huggingface.co/datasets/Fudan-fMRI/fMRI-Video and fetch the folder fd-fmri-video-WebVid",),
    size_bytes=None,
    space="pixels of a flattened cortex, cropped to visual cortex and resized to 256 x 256",
    shapes=(("a run", "(T, H, W) flat-map pictures; H and W are read from the file"), ("a clip", "5 volumes of 0.8 s")),
    splits="by runs: 1000 training films, 200 test films; the last training run is for validation",
    repeats="2 of each test film, none of the training films",
    traps=(
        "pictures of the cortex, in files whose names speak of grayordinates",
        "two clips of four seconds in each film; a film and its blank last 13 volumes",
        "runs that are too short are filled with zeros in the released code; here such clips are left out, and counted",
        "the paper has eight subjects, the code reads five of one folder",
        "no commit is pinned: the first download records the one that it fetched; pin it with dataset.revision",
    ),
)
