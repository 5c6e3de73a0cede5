"""Regressed targets beside the true ones: similarities of all pairs, and identification and retrieval of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from brainflix.evaluate import identification
from brainflix.evaluate.blocks import defined_mean
from brainflix.evaluate.design import Design
from brainflix.evaluate.lines import matrix_score
from brainflix.evaluate.score import Score

# What stands on the numbers of targets, which no paper's protocol has.
NAME = "strict"


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
    ceiling = defined_mean(np.diagonal(truth))
    return matrix_score(own, design, NAME, chance=chance, below=below, ceiling=ceiling, is_rate=True, ranks=True)


def similarities_of(prediction: np.ndarray, truth: np.ndarray, training: np.ndarray) -> np.ndarray:
    """Return Pearson's r after training z-score, (n_predictions, n_clips); 0 where a vector has no direction."""
    mean, sd = training.mean(axis=0), training.std(axis=0)
    predicted, true = (identification.standardise(values, mean, sd) for values in (prediction, truth))
    return np.nan_to_num(identification.similarity(predicted, true))
