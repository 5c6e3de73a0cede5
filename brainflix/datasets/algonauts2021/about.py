"""Algonauts 2021: estimates of ten subjects for 1000 films of three seconds (docs/datasets.md, Algonauts 2021)."""

from __future__ import annotations

from brainflix.parts.dataset import Dataset, Secret

DATASET = Dataset(
    name="algonauts2021",
    title="Algonauts 2021 challenge, three-second films (Cichy et al. 2021)",
    subjects=tuple(range(1, 11)),
    tr_s=1.75,
    clip_s=3.0,
    licence="of the challenge, agreed to in its form: research and education only, no part goes on to others",
    access="keys",
    secret=Secret("algonauts2021_link", "the link that the form sends", "https://forms.gle/qq9uqqu6SwN8ytxQ9"),
    package="brainflix.datasets.algonauts2021.layout:package",
    source="the challenge's form, http://algonauts.csail.mit.edu/2021",
    citation="""@article{cichy2021algonauts,
  title={The Algonauts Project 2021 Challenge: How the Human Brain Makes Sense of a World in Motion},
  author={Cichy, R. M. and Dwivedi, K. and Lahner, B. and Lascelles, A. and Iamshchinina, P. and Graumann, M. and
    Andonian, A. and Murty, N. A. R. and Kay, K. and Roig, G. and Oliva, A.},
  journal={arXiv preprint arXiv:2104.13714}, year={2021}
}""",
    revision="participants_data_v2021",
    simulated=False,
    stimulus_params=(),
    files="brainflix.datasets.algonauts2021.layout:files",
    found="brainflix.datasets.algonauts2021.layout:found",
    clips="brainflix.datasets.algonauts2021.layout:load_clips",
    film="brainflix.datasets.algonauts2021.layout:film_path",
    terms_url="http://algonauts.csail.mit.edu/2021",
    steps=(
        "fill in the form of the challenge, https://forms.gle/qq9uqqu6SwN8ytxQ9; it answers with a link",
        "brainflix download algonauts2021, which asks for the link at a terminal and fetches the archive once",
        "or fetch and unpack it; it holds participants_data_v2021 and AlgonautsVideos268_All_30fpsmax",
    ),
    size_bytes=None,
    space="areas' voxels, or the voxels of a whole-brain mask of 78 x 93 x 71",
    shapes=(("estimates of an area", "(1000 films, 3 repeats, n_voxels)"), ("mask", "(78, 93, 71)")),
    splits="900 training and 100 validation films (the last ones); responses to the 102 test films are withheld",
    repeats="3",
    traps=(
        "the same experiment as BOLD Moments, with other areas: results of the two do not mix",
        "the pickles are of Python 2",
        "films of 0001 to 1000 have responses; 1001 to 1102 have none here",
    ),
)
