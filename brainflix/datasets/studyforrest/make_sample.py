"""Make the sample that comes with brainflix from the three arrays of all people; run it with their folder."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from brainflix.datasets.studyforrest.layout import RUNS
from brainflix.datasets.studyforrest.sample import BOLD, FILM

# The first four by number: nobody was chosen by how well they decode.
N_PEOPLE = 4


def main(folder: Path) -> None:
    """Write both files of the sample."""
    with (
        np.load(folder / "bold_runs_1_2_4_6_15subj.npz") as most,
        np.load(folder / "run8_15subj_common.npz") as last,
        np.load(folder / "film_features_runs_1_2_4_6_8.npz") as film,
    ):
        runs = {run: (last["data"] if run == 8 else most[f"run{run}"])[:N_PEOPLE].astype(np.float16) for run in RUNS}
        subjects = [int(name.removeprefix("sub-")) for name in most["subjects"][:N_PEOPLE].tolist()]
        arrays = {f"run{run}": values for run, values in runs.items()}
        np.savez_compressed(BOLD, subjects=np.array(subjects), roi=most["roi"].astype(np.int32), **arrays)
        np.savez_compressed(FILM, **{name: film[name] for name in film.files})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
