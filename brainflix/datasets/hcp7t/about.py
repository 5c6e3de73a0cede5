"""HCP 7T films: 184 people watched four runs of clips from films (docs/datasets.md, HCP 7T films)."""

from __future__ import annotations

from brainflix.parts.dataset import Dataset

DATASET = Dataset(
    name="hcp7t",
    title="Human Connectome Project, 7T films",
    subjects=(100610, 102816, 104416),
    tr_s=1.0,
    clip_s=1.0,
    licence="WU-Minn HCP open access data use terms: what is made of the data goes on only under the same terms",
    access="manual",
    source="HCP Young Adult 1200, s3://hcp-openaccess/HCP_1200",
    citation="""@article{vanessen2013wu,
  title={The {WU-Minn} human connectome project: an overview},
  author={Van Essen, David C and Smith, Stephen M and Barch, Deanna M and Behrens, Timothy E J and Yacoub, Essa and
    Ugurbil, Kamil},
  journal={NeuroImage}, volume={80}, pages={62--79}, year={2013}
}""",
    revision="HCP_1200",
    simulated=False,
    stimulus_params=(),
    files="brainflix.datasets.hcp7t.layout:files",
    clips="brainflix.datasets.hcp7t.layout:load_clips",
    film="brainflix.datasets.hcp7t.layout:film_path",
    terms_url="https://www.humanconnectome.org/study/hcp-young-adult/data-use-terms",
    steps=(
        "accept the data use terms at https://www.humanconnectome.org/study/hcp-young-adult/data-use-terms",
        "get your own keys for s3://hcp-openaccess, and copy HCP_1200/<subject>/MNINonLinear/Results/tfMRI_MOVIE*_7T_*",
        "get the films 7T_MOVIE1_CC1_v2.mp4 to 7T_MOVIE4_HO2_v2.mp4, and put all into one folder",
    ),
    size_bytes=3 * 1_330_000_000,
    space="fsLR 32k grayordinates; responses are cut to the areas asked for",
    shapes=(("runs", "921, 918, 915 and 901 volumes x 91282 (checked when read)"),),
    splits="train and validation by film; test is the montage that ends every run (76 clips, shown four times)",
    repeats="4 of the 76 seconds of the closing montage, none of the rest",
    traps=(
        "the last 76 s of every run are the same montage: a random split puts it on both sides",
        "only three subjects are declared, those of Mind-Animator; the release has 184",
        "numbers of volumes and intervals of the films are from the literature and have not been seen in the files",
        "titles and rests between films are no clips; their volumes are kept as neighbours",
        "HCP's lists say that the three declared subjects saw version 1 of the films, and the declared films are "
        "version 2; how they differ is not said: pictures and responses may be displaced",
        "never upload what is made of these data",
    ),
)
