"""N-way accuracy by exact expectation with fair ties (docs/scoring.md, N-way accuracy)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError
from brainflix.evaluate import nway
from brainflix.evaluate.design import Design, Ints
from brainflix.evaluate.metric import Found, Measured, MetricWork, Skipped, permuted_rows
from brainflix.evaluate.metric_params import curve_name, nway_name
from brainflix.evaluate.network_params import NwayParams
from brainflix.evaluate.networks.features import Network
from brainflix.evaluate.nway_curve import Curve, accuracy_curve
from brainflix.evaluate.scene import PREDICTION, TRUTH, Scene
from brainflix.evaluate.views import tiles
from brainflix.wording import count

Floats = NDArray[np.float64]
Sets = Mapping[str, NDArray[Any]]


def score(params: NwayParams, inputs: Scene, work: MetricWork) -> Found:
    """Return the accuracies that are wanted, one network after another; class scores from files come first.

    Raises:
        DataError: the user's files do not go together.
    """
    found: dict[str, Any] = {}
    if work.logits is not None:
        level, scores = _from_files(inputs, work)
        found |= of_level(scores, level, params, work)
    for level in ("video", "video_16f", "frame"):
        names = [name for name in _names(params, level) if name in work.wanted and name not in found]
        if names:
            found |= of_level(work.audience.show(_network(level, work)), level, params, work)
    return found


def of_level(scores: Sets, level: str, params: NwayParams, work: MetricWork) -> dict[str, Measured | Skipped]:
    """Return the lines of one level of judgement.

    Args:
        scores: class scores by video set, (n_clips, n_classes) or (n_clips, n_frames, n_classes).
        level: "video", "video_16f" or "frame".
        params: which accuracies there are.
        work: which of them are wanted.
    """
    found: dict[str, Measured | Skipped] = {}
    n_classes = scores[TRUTH].shape[-1]
    for g, ways in product(params.true_classes, params.ways):
        name, need = nway_name(ways, level, g), g + ways - 1
        if name not in work.wanted:
            continue
        if n_classes < need:
            advice = f"take a classifier of {need} classes or more"
            found[name] = Skipped(f"{n_classes} classes are too few", advice)
        else:
            curve = (curve_name(level, g), curve_of(scores, g)) if n_classes > g else None
            found[name] = accuracy(scores, ways, g, work.design, curve)
    return found


def accuracy(scores: Sets, ways: int, g: int, design: Design, curve: tuple[str, Curve] | None = None) -> Measured:
    """Score class scores by exact N-way accuracy with fair ties.

    Args:
        scores: by video set, array of shape (n_clips, n_classes) or (n_clips, n_frames, n_classes).
        ways: choices in a trial.
        g: the truth's best classes that count as right.
        design: who meets whom.
        curve: accuracy over n, with its name.
    """
    n, tied = len(scores[TRUTH]), 0
    classes = np.concatenate([nway.truth_classes(scores[TRUTH][some], g) for some in tiles(n)])
    own = {name: np.empty(n) for name in scores if name != TRUTH}

    def rows() -> Iterator[tuple[Ints, Floats]]:
        nonlocal tied
        for some in tiles(n):
            clips, logits = np.arange(n)[some], scores[PREDICTION][some]
            every = nway.accuracy_matrix(logits, classes, ways)
            yield clips, every
            own[PREDICTION][some] = every[np.arange(len(clips)), clips]
            tied += nway.count(logits, classes[some]).n_items_with_ties
            for name in (name for name in own if name != PREDICTION):
                each = nway.accuracy(nway.count(scores[name][some], classes[some]), ways)
                own[name][some] = each.reshape(len(clips), -1).mean(axis=1)

    tested = permuted_rows(rows(), design)
    remark = f"{count(tied, 'frame' if classes.ndim == 3 else 'clip')} with ties"
    return Measured(own, tested, chance=nway.chance(ways, 1, g), is_rate=True, remark=remark, curve=curve)


def curve_of(scores: Sets, g: int) -> Curve:
    """Return the prediction's N-way accuracy over every n; arguments as of `accuracy`."""
    return accuracy_curve(nway.count(scores[PREDICTION], nway.truth_classes(scores[TRUTH], g)), g)


def _names(params: NwayParams, level: str) -> list[str]:
    return [nway_name(n, level, g) for n, g in product(params.ways, params.true_classes)]


def _network(level: str, work: MetricWork) -> Network:
    """Return the network that judges at a level; it is imported only where it is needed."""
    compute = work.audience.compute()
    if level == "frame":
        from brainflix.evaluate.networks.images import frame_logits

        return frame_logits(work.weights["vit"], compute)
    from brainflix.evaluate.networks.videos import TRAINED_FRAMES, video_logits

    return video_logits(work.weights["videomae"], compute, TRAINED_FRAMES if level == "video_16f" else None)


def _from_files(inputs: Scene, work: MetricWork) -> tuple[str, dict[str, NDArray[Any]]]:
    """Return the level and the class scores of the user's files, of clips or of frames."""
    from brainflix.io.logits import read_logits

    assert work.logits is not None
    truth, prediction = (read_logits(file, inputs.ids) for file in work.logits)
    if truth.shape != prediction.shape:
        raise DataError(f"logits of the truth are {truth.shape}, of the prediction {prediction.shape}")
    return ("video" if truth.ndim == 2 else "frame"), {TRUTH: truth, PREDICTION: prediction}
