"""The alignment parts: one map per subject, fitted on shared clips, applied to rows of any clip."""

import numpy as np
import pytest

from brainflix.align.methods import identity, procrustes, ridge
from brainflix.align.parts import AlignParams, ProcrustesParams, RidgeAlignParams

SEGMENTS = np.repeat(["seg1", "seg2", "seg3", "seg4", "seg5"], 40)


def _subjects(rng, n_columns=12, noise=0.3):
    """Two subjects that see the same but have their columns mixed differently, and new rows of both."""
    seen, new = rng.normal(size=(len(SEGMENTS), n_columns)), rng.normal(size=(50, n_columns))
    turns = [np.linalg.qr(rng.normal(size=(n_columns, n_columns)))[0] for _ in range(2)]
    train = [seen @ turn + noise * rng.normal(size=seen.shape) for turn in turns]
    return train, [new @ turn + noise * rng.normal(size=new.shape) for turn in turns]


def _agreement(a, b):
    return np.mean([np.corrcoef(a[:, i], b[:, i])[0, 1] for i in range(a.shape[1])])


def test_identity_changes_no_bit():
    train, new = _subjects(np.random.default_rng(0))
    for one, mapping in zip(new, identity(train, SEGMENTS, AlignParams()), strict=True):
        np.testing.assert_array_equal(mapping.apply(one.astype(np.float32)), one.astype(np.float32))


@pytest.mark.parametrize(("method", "params"), [(procrustes, ProcrustesParams()), (ridge, RidgeAlignParams())])
def test_unseen_clips_of_two_subjects_agree_after_alignment(method, params):
    train, new = _subjects(np.random.default_rng(1))
    first, second = (m.apply(rows) for m, rows in zip(method(train, SEGMENTS, params), new, strict=True))
    assert abs(_agreement(*new)) < 0.3
    # Signal has unit variance, noise 0.09: two perfectly aligned subjects would correlate at 1 / 1.09 = 0.92.
    assert _agreement(first, second) > 0.85


@pytest.mark.parametrize(("method", "params"), [(procrustes, ProcrustesParams()), (ridge, RidgeAlignParams())])
def test_no_subject_dictates_the_template(method, params):
    rng = np.random.default_rng(2)
    train, new = _subjects(rng)
    train[1] = train[1] + 1.0 * rng.normal(size=train[1].shape)
    forward = method(train, SEGMENTS, params)
    backward = method(train[::-1], SEGMENTS, params)[::-1]
    for one, other, rows in zip(forward, backward, new, strict=True):
        np.testing.assert_allclose(one.apply(rows), other.apply(rows), atol=1e-6)


def test_a_strong_anchor_leaves_columns_in_their_place():
    train, new = _subjects(np.random.default_rng(3))
    params = ProcrustesParams(anchor=1e9)
    for mapping, one in zip(procrustes(train, SEGMENTS, params), new, strict=True):
        centred = mapping.apply(one) - mapping.target_mean
        np.testing.assert_allclose(centred, one - mapping.source_mean, atol=1e-6)
