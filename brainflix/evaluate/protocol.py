"""The strict protocol: every number with its chance level, interval, p, trivial baselines and oracle ceiling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from brainflix.evaluate import baselines, identification
from brainflix.evaluate.bootstrap import block_clusters, defined_mean
from brainflix.evaluate.parts import StrictParams
from brainflix.evaluate.permutations import Permuted, circular_orders, mismatched_pairs, permutation_test
from brainflix.evaluate.score import Score, summarise
from brainflix.evaluate.systems import System, VideoMetric, strict_metrics
from brainflix.store.schema import Clips

NAME = "strict"


@dataclass(frozen=True)
class Design:
    """What all numbers of one table share.

    Attributes:
        orders: permutations (n_orders, n_clips) by circular shifts within segments: all of them, or `n_draws` draws
            where there are more.
        mismatched: which (prediction, truth) pairs they make, true ones left out, (n_clips, n_clips).
        clusters: stimulus block of each clip.
        params, seed: the protocol's parameters and the seed of draws and bootstraps.
    """

    orders: np.ndarray
    mismatched: np.ndarray
    clusters: np.ndarray
    params: StrictParams
    seed: int


def make_design(clips: Clips, clip_s: float, params: StrictParams, seed: int) -> Design:
    """Choose the permutations of the clips under evaluation and the pairs that they need."""
    shift = max(1, round(params.min_shift_s / clip_s))
    orders = circular_orders(clips.segment, min_shift=shift, n_draws=params.n_draws, seed=seed, onset_s=clips.onset_s)
    clusters = block_clusters(clips.segment, clips.onset_s, params.block_s)
    return Design(orders, mismatched_pairs(orders), clusters, params, seed)


def trivial_systems(videos: System, truth: System, training_mean: np.ndarray, *, of_prediction: bool) -> list[System]:
    """Return the baselines that need no generator: those derived from a prediction, or those that are the same for all.

    Args:
        videos: the prediction, or any videos of its shape where `of_prediction` is False.
        truth: the true videos.
        training_mean: mean frame of the training clips, (H, W, 3).
        of_prediction: which of the two groups.
    """
    names = [b.name for b in baselines.BASELINES if b.sees_brain == of_prediction and b.name != "mismatched"]
    return [
        System(
            name,
            baselines.build(name, prediction=videos.frames, truth=truth.frames, training_mean=training_mean),
            videos.classifier,
            videos.fps_hz,
        )
        for name in names
    ]


def score_videos(
    prediction: System, truth: System, others: Sequence[System], oracle: System | None, design: Design
) -> dict[str, Score]:
    """Score videos on every metric; `others` are the baselines, `oracle` the ceiling."""
    scores = {}
    for metric in strict_metrics(design.params.ways, design.params.true_classes):

        def mean(system: System, metric: VideoMetric = metric) -> float:
            return defined_mean(metric.own(system, truth, design.mismatched))

        scores[metric.name] = score_matrix(
            metric.matrix(prediction, truth, design.mismatched),
            design,
            metric.chance,
            {system.name: mean(system) for system in others},
            None if oracle is None else mean(oracle),
            own=metric.own(prediction, truth, design.mismatched),
            higher_is_better=metric.higher_is_better,
            is_rate=metric.is_rate,
        )
    return scores


@dataclass(frozen=True, eq=False)
class Regressed:
    """Regressed targets and the true ones, (n_clips, n_dims), and the training targets' mean and sd, (n_dims,)."""

    prediction: np.ndarray
    truth: np.ndarray
    mean: np.ndarray
    sd: np.ndarray


@dataclass(frozen=True, eq=False)
class Match:
    """Similarities of regressed targets to the true ones, each (n_clips, n_clips), by who was to predict.

    Attributes:
        regressed: the vectors that are compared.
        prediction: the decoder.
        train_mean: the mean of the training targets for every clip, which is similar to nothing and ties.
        truth: the true targets themselves; clips with the same target tie.
    """

    regressed: Regressed
    prediction: np.ndarray
    train_mean: np.ndarray
    truth: np.ndarray


def match(prediction: np.ndarray, truth: np.ndarray, training: np.ndarray) -> Match:
    """Compare predictions, the training mean and the truth with the true targets.

    Args:
        prediction: array of shape (n_clips, n_dims).
        truth: array of shape (n_clips, n_dims).
        training: targets of the training clips, (n_train, n_dims); they give the mean and scale of each dimension.
    """
    mean, sd = training.mean(axis=0, dtype=np.float64), training.std(axis=0, dtype=np.float64)
    constant = similarities_of(mean[None], truth, training)
    return Match(
        Regressed(np.asarray(prediction, np.float64), np.asarray(truth, np.float64), mean, sd),
        similarities_of(prediction, truth, training),
        np.repeat(constant, len(truth), axis=0),
        similarities_of(truth, truth, training),
    )


def score_match(
    matched: Match,
    design: Design,
    k: int | None = None,
    direction: identification.Direction = "brain_to_stim",
    *,
    gallery: int | None = None,
) -> Score:
    """Score regressed targets by identification, or by retrieval.

    Args:
        matched: what `match` returned.
        design: the table's design.
        k: None asks how often a clip's own target is nearer than another's (identification); a number how often it
            is among the k nearest of all clips (docs/scoring.md, Retrieval).
        direction: which side asks.
        gallery: retrieve from random galleries of this size, exactly in expectation; None takes all clips.
    """
    n = gallery or len(matched.truth)
    ways, best, chance = (2, 1, 0.5) if k is None else (n, k, identification.retrieval_chance(k, n))
    own, mean, truth = (
        identification.identification_matrix(each, ways, best, direction)
        for each in (matched.prediction, matched.train_mean, matched.truth)
    )
    below = {"train_mean": defined_mean(np.diagonal(mean))}
    return score_matrix(own, design, chance, below, defined_mean(np.diagonal(truth)), is_rate=True)


def score_prediction(prediction: np.ndarray, truth: np.ndarray, training: np.ndarray, design: Design) -> Score:
    """Score regressed targets by pairwise identification; arguments as of `match`."""
    return score_match(match(prediction, truth, training), design)


def identification_of(prediction: np.ndarray, truth: np.ndarray, training: np.ndarray) -> np.ndarray:
    """Return the identification matrix (n_clips, n_clips); a constant prediction ties with everything."""
    return identification.identification_matrix(similarities_of(prediction, truth, training))


def similarities_of(prediction: np.ndarray, truth: np.ndarray, training: np.ndarray) -> np.ndarray:
    """Return Pearson's r after training z-score, (n_predictions, n_clips); 0 where a vector has no direction."""
    mean, sd = training.mean(axis=0), training.std(axis=0)
    predicted, true = (identification.standardise(values, mean, sd) for values in (prediction, truth))
    return np.nan_to_num(identification.similarity(predicted, true))


def score_matrix(
    matrix: np.ndarray,
    design: Design,
    chance: float,
    below: Mapping[str, float],
    ceiling: float | None,
    *,
    is_rate: bool = False,
    own: np.ndarray | None = None,
    higher_is_better: bool = True,
) -> Score:
    """Assemble the record of a metric from its values for all pairings, (n_clips, n_clips), true ones on the diagonal.

    Args:
        matrix: prediction i against truth j.
        design: the table's design.
        chance: from theory, NaN where there is none.
        below: value of each baseline.
        ceiling: value of the best that can be.
        is_rate: whether clips score between never (0) and always (1).
        own: the clips' values, (n_clips,), where the matrix has them from a sample of places or with other ties.
        higher_is_better: False for errors.
    """
    repaired: Permuted = permutation_test(matrix, design.orders, higher_is_better=higher_is_better)
    return summarise(
        np.diagonal(matrix).astype(np.float64) if own is None else own,
        design.clusters,
        protocol=NAME,
        permuted=repaired,
        chance_analytic=chance,
        baselines={**below, "mismatched": repaired.chance},
        ceiling=ceiling,
        is_rate=is_rate,
        n_boot=design.params.n_boot,
        seed=design.seed,
        method=design.params.interval,
    )
