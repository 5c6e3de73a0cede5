"""Algonauts 2025: hours of series and films in parcels, four subjects (docs/datasets.md, Algonauts 2025)."""

from __future__ import annotations

from brainflix.parts.dataset import Dataset

DATASET = Dataset(
    name="algonauts2025",
    title="Algonauts 2025 challenge, series and films (CNeuroMod)",
    subjects=(1, 2, 3, 5),
    tr_s=1.49,
    clip_s=1.49,
    licence="CC0 (brain data); the films are copyrighted and shared for research only",
    access="terms",
    stimuli_access="manual",
    source="DataLad data set courtois-neuromod/algonauts_2025.competitors @ 96750e70",
    citation="""@article{gifford2025algonauts,
  title={The Algonauts Project 2025 Challenge: How the Human Brain Makes Sense of Multimodal Movies},
  author={Gifford, Alessandro T and Bersch, Domenic and St-Laurent, Marie and Pinsard, Basile and Boyle, Julie and
    Bellec, Lune and Oliva, Aude and Roig, Gemma and Cichy, Radoslaw M},
  journal={arXiv preprint arXiv:2501.00504}, year={2025}
}""",
    revision="96750e70",
    simulated=False,
    stimulus_params=(),
    files="brainflix.datasets.algonauts2025.layout:files",
    found="brainflix.datasets.algonauts2025.layout:found",
    clips="brainflix.datasets.algonauts2025.layout:load_clips",
    film="brainflix.datasets.algonauts2025.layout:film_path",
    terms_url="https://github.com/courtois-neuromod/algonauts_2025.competitors",
    steps=(
        "the brain data need no steps: they are fetched after --i-agree, which also says that you are 18 or older",
        "for films, clone https://github.com/courtois-neuromod/algonauts_2025.competitors and get its stimuli/movies",
    ),
    size_bytes=2_420_000_000,
    space="1000 parcels (Schaefer 2018, 7 networks)",
    shapes=(("an episode", "(volumes, 1000), float32"),),
    splits="train Friends 1-5, Bourne, Wolf; validation Friends 6; test Life and Figures (our choice)",
    repeats="2 of Life and of Figures, none of the others",
    traps=(
        "episodes stand in the files by session: their order is by season, episode and half, never the file's",
        "missing: s05e20a of subject 2; s04e01a, s04e01b and s04e13b of subject 5",
        "Friends 7 and the films outside the distribution have no responses",
        "newer states of the films' repositories have other files; the commit is pinned",
        "the films (99 GB and 18 GB) are not fetched; put them into the clone for targets",
    ),
)
