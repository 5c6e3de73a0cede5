"""Known errors of released evaluation code, re-enacted from their description, and that ours does not share them.

Numbers are those of docs/scoring.md, Known errors. Entry 9, Wilcoxon on bootstrap means, is in test_calibration.py;
what concerns videos as files is in test_bug_register_videos.py; gates, checkpoints and seeds are in
test_bug_register_choices.py.
"""

from __future__ import annotations

import numpy as np
import pytest
from metric_clips import smooth_clips
from numpy.typing import NDArray
from rankings import by_orders, random_orders, retrieval

from brainflix.errors import DataError
from brainflix.evaluate import flow, identification, nway, targets_metrics
from brainflix.evaluate.bootstrap import cluster_bootstrap
from brainflix.evaluate.vectors import similarities_of

Floats = NDArray[np.float64]


def _trials(scores: Floats, truth: NDArray[np.int64], n: int, trials: int, generator: np.random.Generator) -> float:
    """Draw distractors trial by trial; a trial succeeds if any of the true classes beats them all."""
    pool = np.setdiff1d(np.arange(len(scores)), truth)
    hits = 0
    for _ in range(trials):
        drawn = scores[generator.choice(pool, n - 1, replace=False)]
        hits += any((scores[c] > drawn).all() for c in truth)
    return hits / trials


def test_2_union_of_three_true_classes_has_a_chance_level_of_three_quarters() -> None:
    generator = np.random.default_rng(2)
    truth, logits = generator.standard_normal((2, 300, 60))
    top_three = np.argsort(truth, axis=-1)[:, -3:]
    released = np.array([_trials(*pair, 2, 20, generator) for pair in zip(logits, top_three, strict=True)])
    error = released.std() / np.sqrt(300)
    assert abs(released.mean() - 0.75) < 4 * error
    assert released.mean() > 0.5 + 10 * error, "what a reader of '2-way accuracy' takes for chance"
    assert nway.chance(2, 1, 3) == 0.75
    one = nway.accuracy(nway.count(logits, nway.truth_classes(truth, 1)), 2)
    assert abs(one.mean() - nway.chance(2)) < 4 * one.std() / np.sqrt(300)
    assert nway.chance(2) == 0.5


def _drifting(generator: np.random.Generator, seed: int, n_frames: int = 6) -> NDArray[np.uint8]:
    """Return a texture that drifts by about a pixel a frame in a direction of its own."""
    still = smooth_clips(1, 1, 40, seed)[0, 0]
    angle = generator.uniform(0, 2 * np.pi)
    steps = np.rint(1.2 * np.arange(n_frames)[:, None] * [np.cos(angle), np.sin(angle)]).astype(int)
    return np.stack([np.roll(still, tuple(step), axis=(0, 1)) for step in steps])


def test_8_shuffling_frames_finds_motion_in_mismatched_clips() -> None:
    pytest.importorskip("cv2", reason="optical flow needs opencv-python-headless")
    generator = np.random.default_rng(8)
    predictions = [_drifting(generator, seed) for seed in range(8)]
    # Flow between any two frames of a prediction, so that every order of frames is a look-up.
    steps = np.array([[[flow.farneback(clip[[a, b]])[0] for b in range(6)] for a in range(6)] for clip in predictions])
    natural = np.arange(6)
    moving = steps[:, natural[:-1], natural[1:]]
    shuffles = [generator.permutation(6) for _ in range(100)]
    released, ours = [], []
    for trial in range(12):
        truth = np.stack([flow.farneback(_drifting(generator, 100 + 8 * trial + i)) for i in range(8)])
        observed = flow.epe(truth, moving).mean()
        shuffled = [flow.epe(truth, steps[:, order[:-1], order[1:]]).mean() for order in shuffles]
        released.append(np.mean(np.array(shuffled) <= observed))
        orders = random_orders(8, n_draws=499, seed=trial)
        ours.append(by_orders(flow.flow_cosine_matrix(truth, moving), orders).p)
    assert np.mean(np.array(released) <= 0.05) > 0.9, "unrelated clips 'significantly' decoded"
    assert np.mean(np.array(ours) <= 0.05) <= 0.25


def _flattened(truth: Floats, logits: Floats, generator: np.random.Generator) -> float:
    """Score a clip of shape (n_frames, n_classes) as if it were one image."""
    classes = np.argsort(truth, axis=-1).flatten()[-3:]
    return _trials(logits.flatten(), classes, 10, 50, generator)


def test_10_a_list_of_frames_is_not_one_image() -> None:
    generator = np.random.default_rng(10)
    truth = generator.standard_normal((60, 5, 40))
    classes = nway.truth_classes(truth, 3)
    # Right in every frame, but the scene changes: the first predicted frame is held against the last true one.
    perfect = np.mean([_flattened(clip, clip, generator) for clip in truth])
    assert abs(perfect - nway.chance(10, 1, 3)) < 0.12
    assert (np.diagonal(nway.accuracy_matrix(truth, classes, 10)) == 1.0).all()
    # Noise in every frame but the first, which shows what the true clip ends with.
    late = generator.standard_normal(truth.shape)
    late[:, 0] = truth[:, -1] + 2
    assert np.mean([_flattened(a, b, generator) for a, b in zip(truth, late, strict=True)]) > 0.9
    ours = np.diagonal(nway.accuracy_matrix(late, classes, 10)).mean()
    assert abs(ours - nway.chance(10, 1, 3)) < 0.06
    with pytest.raises(DataError, match="do not go with"):
        nway.count(truth.reshape(60, -1), classes)


def test_11_swapped_arguments_and_unpacked_names_cannot_pass_as_scores() -> None:
    generator = np.random.default_rng(11)
    truth = generator.standard_normal((200, 6))
    prediction = 0.3 * truth + 0.1 * generator.standard_normal((200, 6))

    def compute_metrics(targets: Floats, preds: Floats) -> dict[str, float]:
        sse, sst = np.square(targets - preds).sum(axis=0), np.square(targets - targets.mean(axis=0)).sum(axis=0)
        return {"r2": float(np.mean(1 - sse / sst)), "mse": float(np.square(targets - preds).mean())}

    released = compute_metrics(prediction, truth)
    ours = targets_metrics.r2_summary(truth=truth, prediction=prediction)
    assert ours.mean == pytest.approx(compute_metrics(truth, prediction)["r2"])
    assert released["r2"] < -1 < 0.3 < ours.mean
    r2, _ = released
    assert r2 == "r2", "unpacking a dict yields its keys"
    with pytest.raises(TypeError):
        iter(ours)  # type: ignore[call-overload]
    with pytest.raises(DataError, match="n_clips, n_dims"):
        targets_metrics.r2_summary(truth, prediction[:100])


def test_12_flattened_correlation_rewards_the_training_mean() -> None:
    generator = np.random.default_rng(12)
    mean = generator.standard_normal(40)
    training, truth = (mean + 1.2 * generator.standard_normal((n, 40)) for n in (400, 100))
    constant = np.tile(training.mean(axis=0), (100, 1))
    released = np.corrcoef(truth.ravel(), constant.ravel())[0, 1]
    assert released > 0.4
    assert targets_metrics.r2_summary(truth, constant).mean < 0
    assert np.isnan(targets_metrics.profile_correlation(truth, constant)).all()
    # A constant vector has no direction beyond the mean: it ties with every clip.
    identified = identification.identification_matrix(similarities_of(constant, truth, training))
    assert np.diagonal(identified).mean() == pytest.approx(0.5)


def test_13_retrieval_directions_are_named_for_what_they_do() -> None:
    generator = np.random.default_rng(13)
    image = generator.standard_normal((60, 20))
    brain = image + 1.5 * generator.standard_normal((60, 20))
    brain[:, 0] += 2.0

    def batchwise_cosine_similarity(z: Floats, b: Floats) -> Floats:
        # Called with (brain, image), it hands back images in rows and brains in columns.
        similarity: Floats = (z @ b.T).T / (np.linalg.norm(z, axis=1) * np.linalg.norm(b, axis=1)[:, None])
        return similarity

    released = batchwise_cosine_similarity(brain, image)
    forward = np.mean(released.argmax(axis=1) == np.arange(60))
    ours = identification.similarity(brain, image, "cosine")
    literal = np.mean([np.argmax(image / np.linalg.norm(image, axis=1)[:, None] @ b) == i for i, b in enumerate(brain)])
    found = retrieval(ours, 1, "brain_to_stim").mean()
    assert found == pytest.approx(literal), "given the brain, find the image"
    assert forward == pytest.approx(retrieval(ours, 1, "stim_to_brain").mean())
    assert abs(forward - found) > 0.02


def test_14_spread_over_subset_draws_is_no_confidence_interval() -> None:
    generator = np.random.default_rng(14)
    exact, released, ours = [], [], []
    for trial in range(80):
        image = generator.standard_normal((200, 12))
        brain = image + 1.2 * generator.standard_normal((200, 12))
        similarity = identification.similarity(brain, image, "cosine")
        draws = []
        for _ in range(30):
            some = generator.choice(200, 60, replace=False)
            part = similarity[np.ix_(some, some)]
            draws.append(np.mean(part.argmax(axis=1) == np.arange(60)))
        reach = 1.96 * np.std(draws) / np.sqrt(30)
        released.append((np.mean(draws) - reach, np.mean(draws) + reach))
        per_clip = retrieval(similarity, 1, gallery=60)
        interval = cluster_bootstrap(per_clip, np.arange(200), n_boot=499, seed=trial)
        ours.append((interval.lo, interval.hi))
        exact.append(per_clip.mean())
        assert abs(np.mean(draws) - exact[-1]) < 5 * np.std(draws) / np.sqrt(30)
    # Over 80 data sets the exact value averages to what the system is worth.
    worth = np.mean(exact)
    covered = [np.mean([lo <= worth <= hi for lo, hi in intervals]) for intervals in (released, ours)]
    assert covered[0] < 0.75
    assert covered[1] > 0.88
