"""HAD: thirty subjects, each with 720 clips of human actions of their own (ds004488; docs/datasets.md, HAD)."""

from __future__ import annotations

from brainflix.parts.dataset import Dataset

DATASET = Dataset(
    name="had",
    title="Human Action Dataset, two-second clips (Zhou et al. 2023)",
    subjects=tuple(range(1, 31)),
    tr_s=2.0,
    clip_s=2.0,
    licence="CC0, the clips included",
    access="open",
    source="OpenNeuro ds004488, tag 1.1.1",
    citation="""@article{zhou2023large,
  title={A large-scale {fMRI} dataset for human action recognition},
  author={Zhou, Ming and Gong, Zhengxin and Dai, Yuxuan and Wen, Yushan and Liu, Youyi and Zhen, Zonglei},
  journal={Scientific Data}, volume={10}, pages={415}, year={2023}
}""",
    revision="ds004488-1.1.1",
    simulated=False,
    stimulus_params=(),
    files="brainflix.datasets.had.layout:files",
    clips="brainflix.datasets.had.layout:load_clips",
    film="brainflix.datasets.had.layout:film_path",
    terms_url="https://openneuro.org/datasets/ds004488/versions/1.1.1",
    size_bytes=7_340_000_000,
    space="fsLR 32k cortex, 59412 vertices",
    shapes=(("estimates of a cycle", "180 maps x 59412 vertices, float32; four cycles a subject"),),
    splits="of each subject's 720 clips one exemplar of each of the 180 actions is for testing: 540 and 180",
    repeats="none: every clip was shown once, to one subject",
    traps=(
        "no clip was seen by two subjects, so responses cannot align them; `align` refuses",
        "without repeats there is neither a noise ceiling nor a test of reproducibility",
        "the default branch of the repository is at 1.0.0 and lacks the column response; the tag is pinned",
        "subject 3 has a second set of series, ses-action02, without estimates; ses-action01 is used",
        "four clips lie byte for byte under two actions; they are one group and on one side of any split",
        "a global split that is in use (17280 and 4320) contradicts the subjects' own; it is not offered",
        "that the maps of a cycle stand in the order of its labels, and cycles in the order of time, is taken from the "
        "sizes and names of the files and has not been seen",
    ),
)
