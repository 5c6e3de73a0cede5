"""Shared response model, canonical correlation, pairwise rotation, chosen settings; and a real group."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import linalg

from brainflix.align import methods
from brainflix.align.agreement import agreement
from brainflix.align.choose import choose, group_matching
from brainflix.align.figure import draw
from brainflix.align.gcca import fit_gcca, gcca_maps
from brainflix.align.parts import GccaParams, PairwiseParams, RidgeAlignParams, SrmParams
from brainflix.align.quality import isc_leave_one_out
from brainflix.align.srm import fit_srm, srm_maps
from brainflix.errors import DataError, UsageError
from tests.align.still import unchanged

FILE = Path(__file__).resolve().parents[3] / "shared" / "data" / "studyforrest" / "run8_15subj_common.npz"
RNG = np.random.default_rng(0)


def planted(n=60, k=4, columns=(30, 30, 30), noise=0.0):
    """Shared courses, and subjects that keep them in orthonormal bases of their own."""
    rng = np.random.default_rng(1)
    shared = rng.standard_normal((n, k)) * np.array([4.0, 3.0, 2.0, 1.5][:k])
    shared -= shared.mean(axis=0)
    bases = [np.linalg.qr(rng.standard_normal((p, k)))[0] for p in columns]
    return shared, bases, [shared @ b.T + 5 + noise * rng.standard_normal((n, len(b))) for b in bases]


# --- shared response model ---


def test_srm_is_exact_on_its_own_model():
    shared, _, sources = planted()
    model = fit_srm(sources, 4)
    for source, basis in zip(sources, model.bases, strict=True):
        assert np.allclose(basis.T @ basis, np.eye(4), atol=1e-10)
        assert np.allclose(model.shared @ basis.T, source - source.mean(axis=0), atol=1e-8)
    assert model.errors[-1] == pytest.approx(0, abs=1e-6)
    # The courses are the planted ones up to one rotation that all subjects share.
    turn = linalg.lstsq(model.shared, shared)[0]
    assert np.allclose(turn @ turn.T, np.eye(4), atol=1e-8)


def test_srm_error_never_grows_and_is_what_is_left():
    _, _, sources = planted(noise=2.0)
    model = fit_srm(sources, 3)
    assert (np.diff(model.errors) <= 1e-8).all()
    left = sum(
        ((s - s.mean(axis=0) - model.shared @ b.T) ** 2).sum() for s, b in zip(sources, model.bases, strict=True)
    )
    assert left == pytest.approx(model.errors[-1])


def test_srm_of_subjects_with_different_columns():
    _, _, sources = planted(columns=(20, 35, 28))
    assert [b.shape for b in fit_srm(sources, 4).bases] == [(20, 4), (35, 4), (28, 4)]
    with pytest.raises(DataError, match="all subjects have"):
        srm_maps(sources, 4)


def test_srm_does_not_depend_on_the_order_of_subjects_or_on_chance():
    _, _, sources = planted(noise=1.0)
    first, again = fit_srm(sources, 3), fit_srm(sources[::-1], 3)
    assert np.allclose(first.shared, again.shared, atol=1e-8)
    assert np.array_equal(fit_srm(sources, 3).shared, first.shared)


@pytest.mark.parametrize("n", [0, 60, 31])
def test_srm_refuses_numbers_of_features(n):
    with pytest.raises(DataError, match="shared features"):
        fit_srm(planted()[2], n)


# --- canonical correlation ---


def test_gcca_of_two_sets_without_much_penalty_is_classical_cca():
    rng = np.random.default_rng(2)
    common = rng.standard_normal((400, 2))
    sources = [common @ rng.standard_normal((2, 6)) + rng.standard_normal((400, 6)) for _ in range(2)]
    x, y = (source - source.mean(axis=0) for source in sources)
    qx, qy = np.linalg.qr(x)[0], np.linalg.qr(y)[0]
    canonical = np.linalg.svd(qx.T @ qy, compute_uv=False)
    _, weights, predicted = fit_gcca(sources, 3, 1e-9)
    found = [np.corrcoef(x @ weights[0][:, i], y @ weights[1][:, i])[0, 1] for i in range(3)]
    assert np.allclose(found, canonical[:3], atol=1e-5)
    # Of MAXVAR's eigenvalues and correlations: lambda / 2 = (1 + r) / 2.
    assert np.allclose(predicted, (1 + canonical[:3]) / 2, atol=1e-5)


def test_gcca_courses_are_orthonormal_and_free_of_order():
    _, _, sources = planted(noise=1.0)
    courses, _, predicted = fit_gcca(sources, 4, 0.1)
    again, _, _ = fit_gcca(sources[::-1], 4, 0.1)
    assert np.allclose(courses.T @ courses, np.eye(4), atol=1e-10)
    assert np.allclose(courses, again, atol=1e-8) and (predicted <= 1).all()


def test_gcca_maps_bring_different_topographies_together():
    _, _, sources = planted(n=120, noise=0.3)
    maps = gcca_maps([source[:80] for source in sources], 4, 0.01)
    before = [source[80:] for source in sources]
    after = [each.apply(rows) for each, rows in zip(maps, before, strict=True)]
    assert group_matching(after) > 0.95 > group_matching(before)


@pytest.mark.parametrize("n, penalty", [(0, 1), (60, 1), (3, 0), (3, -1)])
def test_gcca_refuses_impossible_settings(n, penalty):
    with pytest.raises(DataError):
        fit_gcca(planted()[2], n, penalty)


# --- pairwise rotation, and choosing ---


def test_pairwise_leaves_the_reference_and_recovers_a_planted_turn():
    rng = np.random.default_rng(3)
    reference = rng.standard_normal((50, 8))
    turn = np.linalg.qr(rng.standard_normal((8, 8)))[0]
    maps = methods.procrustes_pairwise([reference @ turn, reference], np.zeros(50), PairwiseParams(reference=2))
    assert np.allclose(maps[0].apply(reference @ turn), reference, atol=1e-6)
    assert np.array_equal(maps[1].apply(reference), reference)
    with pytest.raises(UsageError, match="has 2 subjects"):
        methods.procrustes_pairwise([reference, reference], np.zeros(50), PairwiseParams(reference=3))


def test_choosing_sees_no_held_out_row_while_fitting_and_keeps_the_gap():
    rows = np.arange(100.0)[:, None] * np.ones((1, 3)) + RNG.standard_normal((100, 3))
    seen: list[np.ndarray] = []

    def fit(sources, setting):
        seen.append(sources[0][:, 0].round())
        return tuple(unchanged(source, source) for source in sources)

    folds = np.repeat([0, 1], 50)
    assert choose(fit, ["weak", "strong"], [rows, rows + 1], folds, gap=5) == "strong"
    assert [len(each) for each in seen] == [45, 45, 45, 45]
    assert choose(fit, ["only"], [rows], folds) == "only"


@pytest.mark.parametrize("part, params", [("srm", SrmParams(n_folds=3)), ("gcca", GccaParams(n_folds=3))])
def test_parts_choose_by_themselves_and_deterministically(part, params):
    _, _, sources = planted(n=90, noise=1.5)
    segments = np.repeat(["a", "b", "c"], 30)
    maps = getattr(methods, part)(sources, segments, params)
    again = getattr(methods, part)(sources, segments, params)
    assert all(np.array_equal(a.left, b.left) for a, b in zip(maps, again, strict=True))
    assert [each.apply(source).shape for each, source in zip(maps, sources, strict=True)] == [(90, 30)] * 3


# --- agreement and its picture ---


def test_agreement_before_and_after_and_its_picture(tmp_path):
    _, _, sources = planted(n=120, noise=0.3)
    maps = gcca_maps([source[:80] for source in sources], 4, 0.01)
    before = [source[80:] for source in sources]
    found = agreement(before, [each.apply(rows) for each, rows in zip(maps, before, strict=True)])
    assert found is not None and found.n_rows == 40
    assert np.nanmean(found.isc_after) > 0.9 > np.nanmean(found.isc_before)
    assert np.allclose(found.isc_before, isc_leave_one_out(np.stack(before)).mean(axis=0))
    assert found.found_after > found.found_before and 0 < found.chance < 0.1
    draw(found, "gcca", tmp_path / "agreement.png")
    from PIL import Image

    picture = np.asarray(Image.open(tmp_path / "agreement.png").convert("RGB"))
    assert picture.shape[0] > 300 and len(np.unique(picture.reshape(-1, 3), axis=0)) > 50
    assert agreement(before[:1], before[:1]) is None
    assert agreement([rows[:10] for rows in before], [rows[:10] for rows in before]) is None


# --- the real group ---


@pytest.fixture(scope="module")
def film_group() -> np.ndarray:
    if not FILE.is_file():
        pytest.skip("the folder ../shared/data is absent")
    from brainflix.io.legacy import load_npz

    return load_npz(FILE)["data"].astype(np.float64)


def measured(data: np.ndarray, maps) -> tuple[float, float]:
    rest = [each.apply(rows) for each, rows in zip(maps, data[:, 169:], strict=True)]
    return float(np.nanmean(isc_leave_one_out(np.stack(rest)))), group_matching(rest)


def test_real_people_agree_better_when_aligned_on_the_other_half_of_the_film(film_group):
    sources, pieces = list(film_group[:, :169]), np.arange(169) * 3 // 169
    unaligned = measured(film_group, methods.identity(sources, pieces, RidgeAlignParams()))
    assert unaligned[0] == pytest.approx(0.21, abs=0.01) and unaligned[1] == pytest.approx(0.38, abs=0.01)
    params = RidgeAlignParams(alphas=(0.03, 0.1, 0.3, 1.0), n_folds=3, choose_by="agreement", n_iterations=2)
    isc, found = measured(film_group, methods.ridge(sources, pieces, params))
    assert isc >= 0.33 and found >= 0.50


def test_maps_do_not_depend_on_the_other_half(film_group):
    pieces = np.arange(169) * 3 // 169
    params = GccaParams(n_components=(20,), penalties=(0.1,), n_folds=3)
    shuffled = film_group.copy()
    shuffled[:, 169:] = shuffled[:, 169:][:, ::-1]
    one, other = (methods.gcca(list(data[:, :169]), pieces, params) for data in (film_group, shuffled))
    assert all(np.array_equal(a.left, b.left) for a, b in zip(one, other, strict=True))
