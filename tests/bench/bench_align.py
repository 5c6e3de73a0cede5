"""Every alignment on real fMRI of fifteen people who watched one film: fitted on its first half, measured on the rest.

Settings are chosen inside the first half. Agreement is each subject's with the mean of the others. Where the real file
(../shared/data) is absent, a simulated group takes its place, and the table says so.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from brainflix.align import methods
from brainflix.align.choose import group_matching
from brainflix.align.maps import LinearMap
from brainflix.align.parts import (
    AlignParams,
    GccaParams,
    PairwiseParams,
    ProcrustesParams,
    RidgeAlignParams,
    SrmParams,
)
from brainflix.align.quality import isc_leave_one_out

FILE = Path(__file__).resolve().parents[3] / "shared" / "data" / "studyforrest" / "run8_15subj_common.npz"
N_FIT, N_FOLDS, GAP = 169, 5, 4
PENALTIES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)

Method = Callable[[list[np.ndarray], np.ndarray], tuple[LinearMap, ...]]
METHODS: dict[str, Method] = {
    "none": lambda x, s: methods.identity(x, s, AlignParams()),
    "procrustes-pairwise": lambda x, s: methods.procrustes_pairwise(x, s, PairwiseParams()),
    "procrustes": lambda x, s: methods.procrustes(x, s, ProcrustesParams()),
    "procrustes, anchor 1": lambda x, s: methods.procrustes(x, s, ProcrustesParams(anchor=1)),
    "srm": lambda x, s: methods.srm(x, s, SrmParams(n_features=(5, 10, 20, 40, 80, 120), gap=GAP)),
    "ridge, by fit": lambda x, s: methods.ridge(x, s, RidgeAlignParams(alphas=PENALTIES)),
    "ridge, by agreement": lambda x, s: methods.ridge(
        x, s, RidgeAlignParams(alphas=PENALTIES, choose_by="agreement", gap=GAP)
    ),
    "gcca": lambda x, s: methods.gcca(
        x, s, GccaParams(n_components=(2, 3, 5, 10, 20, 40, 80), penalties=PENALTIES, gap=GAP)
    ),
}


def group() -> tuple[np.ndarray, str]:
    """Return a group's responses (n_subjects, n_volumes, n_columns), and what they are."""
    if FILE.is_file():
        from brainflix.io.legacy import load_npz

        return load_npz(FILE)["data"].astype(np.float64), "real: studyforrest, run 8"
    rng = np.random.default_rng(0)
    shared = rng.standard_normal((338, 20)).cumsum(axis=0)
    shared -= shared.mean(axis=0)
    own = [shared @ rng.standard_normal((20, 100)) for _ in range(15)]
    common = shared @ rng.standard_normal((20, 100))
    return np.stack([common + each + 20 * rng.standard_normal(each.shape) for each in own]), "simulated"


def pieces(n: int) -> np.ndarray:
    """Return the labels of equal pieces of one film, (n,), for folds."""
    return np.arange(n) * N_FOLDS // n


def measure(data: np.ndarray, method: Method) -> tuple[float, float, float]:
    """Return inter-subject correlation, time-segment matching and seconds of a method fitted on the first half."""
    started = time.perf_counter()
    maps = method(list(data[:, :N_FIT]), pieces(N_FIT))
    seconds = time.perf_counter() - started
    rest = np.stack([each.apply(rows) for each, rows in zip(maps, data[:, N_FIT:], strict=True)])
    return float(np.nanmean(isc_leave_one_out(rest))), group_matching(list(rest)), seconds


def main() -> None:
    """Print the table."""
    data, what = group()
    print(f"alignment of {data.shape[0]} subjects, {data.shape[2]} columns ({what})")
    print(f"fitted on {N_FIT} volumes, measured on the other {data.shape[1] - N_FIT}")
    print(f"{'method':22} {'ISC':>6} {'segments found':>15} {'fit, s':>8}")
    for name, method in METHODS.items():
        correlation, matching, seconds = measure(data, method)
        print(f"{name:22} {correlation:6.3f} {matching:15.4f} {seconds:8.2f}")


if __name__ == "__main__":
    main()
