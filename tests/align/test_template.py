"""Group templates on planted rotations and on real fMRI of one film."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import ortho_group

from brainflix.align.maps import LinearMap
from brainflix.align.procrustes import fit_procrustes
from brainflix.align.quality import isc_leave_one_out, time_segment_matching
from brainflix.align.ridge_map import fit_ridge_map
from brainflix.align.template import Aligner, fit_template
from brainflix.errors import DataError, UsageError
from tests.align.still import unchanged

REAL = Path(__file__).parents[2] / "../shared/data/studyforrest/run8_15subj_common.npz"


def _group(noise: float = 0.0) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(120, 10)) * np.linspace(1, 3, 10)
    rotations = [np.asarray(ortho_group.rvs(10, random_state=seed)) for seed in range(4)]
    return [shared @ r + noise * rng.normal(size=shared.shape) + 2 for r in rotations]


def _ridge(source: np.ndarray, template: np.ndarray) -> LinearMap:
    return fit_ridge_map(source, template, np.arange(len(source)) * 5 // len(source))


@pytest.mark.parametrize("start", ["first", "mean"])
def test_planted_rotations_of_a_shared_space_are_undone(start: str) -> None:
    subjects = _group()
    template = fit_template(subjects, fit_procrustes, start=start, n_iter=60)  # type: ignore[arg-type]
    aligned = np.stack([m.apply(s) for m, s in zip(template.maps, subjects, strict=True)])
    np.testing.assert_allclose(aligned, np.broadcast_to(template.values, aligned.shape), atol=1e-4)
    assert template.distances[-1] < 1e-6


def test_distances_fall_and_the_template_keeps_its_size() -> None:
    subjects = _group(noise=1.0)
    for aligner in (fit_procrustes, _ridge):
        template = fit_template(subjects, aligner, n_iter=8)
        size = np.mean([np.linalg.norm(s - s.mean(axis=0)) for s in subjects])
        assert np.linalg.norm(template.values) == pytest.approx(size)
        assert template.distances[-1] <= template.distances[0]


def test_a_mean_start_does_not_depend_on_the_order_and_nothing_is_random() -> None:
    subjects = _group(noise=1.0)
    once = fit_template(subjects, fit_procrustes, start="mean")
    again = fit_template(subjects, fit_procrustes, start="mean")
    other = fit_template(subjects[::-1], fit_procrustes, start="mean")
    np.testing.assert_array_equal(once.values, again.values)
    np.testing.assert_allclose(once.values, other.values, atol=1e-8)


def test_subjects_with_their_own_columns_take_the_first_ones_space() -> None:
    subjects = _group()
    subjects[2] = np.column_stack([subjects[2], subjects[2][:, :3]])
    template = fit_template(subjects, fit_procrustes)
    assert [m.matrix.shape for m in template.maps] == [(10, 10), (10, 10), (13, 10), (10, 10)]


def test_unusable_requests_are_refused() -> None:
    subjects = _group()
    with pytest.raises(UsageError):
        fit_template(subjects, fit_procrustes, n_iter=0)
    with pytest.raises(DataError, match="share their rows"):
        fit_template([subjects[0], subjects[1][1:]], fit_procrustes)
    with pytest.raises(DataError, match="mean start"):
        fit_template([subjects[0], subjects[1][:, 1:]], fit_procrustes, start="mean")


@pytest.fixture(scope="module")
def film() -> np.ndarray:
    """Real responses of 15 people to one film, (15, 338, 267), standardised with volumes 0 to 169."""
    if not REAL.exists():
        pytest.skip(f"the studyforrest file is not at {REAL}")
    with np.load(REAL) as archive:
        data = next(archive[name] for name in archive.files if archive[name].ndim == 3).astype(np.float64)
    fit_rows = data[:, :169]
    return np.asarray((data - fit_rows.mean(axis=1, keepdims=True)) / fit_rows.std(axis=1, keepdims=True))


def _quality(film: np.ndarray, aligner: Aligner) -> tuple[float, float]:
    """ISC over columns and subjects, and segment matching against the mean of the others, both on unseen volumes."""
    template = fit_template(list(film[:, :169]), aligner, start="mean", n_iter=1)
    aligned = np.stack([m.apply(s) for m, s in zip(template.maps, film[:, 169:], strict=True)])
    aligned = (aligned - aligned.mean(axis=1, keepdims=True)) / aligned.std(axis=1, keepdims=True)
    others = (aligned.sum(axis=0) - aligned) / (len(aligned) - 1)
    found = [time_segment_matching(one, rest).accuracy for one, rest in zip(aligned, others, strict=True)]
    return float(isc_leave_one_out(aligned).mean()), float(np.mean(found))


def test_ridge_raises_agreement_and_matching_on_unseen_real_volumes(film: np.ndarray) -> None:
    (plain_isc, plain_found), (isc, found) = _quality(film, unchanged), _quality(film, _ridge)
    assert 0.19 < plain_isc < 0.24
    assert isc > plain_isc + 0.2
    assert found > plain_found + 0.02


def test_anchored_rotations_raise_matching_on_unseen_real_volumes(film: np.ndarray) -> None:
    plain = _quality(film, unchanged)
    aligned = _quality(film, partial(fit_procrustes, anchor=3.0))
    assert aligned[1] > plain[1] + 0.05
    # A rotation keeps every subject's noise, and 169 volumes leave most of 267 dimensions open: agreement of single
    # columns rises only where the anchor is strong.
    assert _quality(film, partial(fit_procrustes, anchor=50.0))[0] > plain[0]
    # The same maps fitted on unpaired volumes gain less of either.
    rng = np.random.default_rng(0)
    unpaired = film.copy()
    for one in unpaired:
        one[:169] = one[rng.permutation(169)]
    control = _quality(unpaired, partial(fit_procrustes, anchor=3.0))
    assert control[0] < aligned[0]
    assert control[1] < aligned[1]
