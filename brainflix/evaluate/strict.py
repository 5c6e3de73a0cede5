"""The strict protocol as a part: reads reconstructions, predictions and their truth, and scores them.

Roles: `videos` (what is scored), `truth` (frames of all clips), and optionally `oracle` and `baselines` (videos of
the same clips), `predictions` with `targets` (identification and retrieval of regressed targets), `transfer`
(predictions of decoders trained on other subjects, compared in pairs with the first of them), `samples`
(reconstructions of the same clips with other seeds) and `halves` (pairs of predictions of one target by one decoder
from the odd and the even repeats): what limits a score.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from brainflix.device import Compute
from brainflix.errors import DataError
from brainflix.evaluate import baselines
from brainflix.evaluate.ceiling_tables import CEILING_TITLE, SPREAD_TITLE, ceiling_row, spread_rows
from brainflix.evaluate.networks.video_classifier import VideoClassifier
from brainflix.evaluate.comparison import holm, paired_difference
from brainflix.evaluate.parts import StrictParams
from brainflix.evaluate.protocol import (
    NAME,
    Design,
    Match,
    make_design,
    match,
    score_match,
    score_videos,
    trivial_systems,
)
from brainflix.evaluate.score import Score
from brainflix.evaluate.scorecard import Line, Scorecard
from brainflix.evaluate.systems import System, VideoMetric, strict_metrics
from brainflix.evaluate.target_lines import target_lines, target_row
from brainflix.io.weights import resolve_weights
from brainflix.memo import Latest
from brainflix.parts.contract import Inputs
from brainflix.parts.work import Work
from brainflix.store.artifact import Artifact
from brainflix.store.lookup import find_clips
from brainflix.store.schema import Clips, Predictions, Targets, Videos


@dataclass(frozen=True)
class Ground:
    """What all subjects are measured against.

    Attributes:
        truth: the true videos.
        training_mean: mean frame of the training clips, (H, W, 3).
        others: baselines that know nothing of the brain.
        oracle: true targets through the same generator, if there is one.
    """

    truth: System
    training_mean: np.ndarray
    others: list[System]
    oracle: System | None


# Flow, classes and mismatched SSIM of the ground are slow to compute and the same for every subject.
_grounds: Latest[Ground] = Latest()


def score(params: StrictParams, inputs: Inputs, work: Work) -> Scorecard:
    """Score videos and regressed targets.

    Raises:
        DataError: videos or predictions are of other clips than those under evaluation, or a target is missing.
    """
    all_clips = Clips.load(inputs["truth"][0])
    clips = all_clips.take(all_clips.places(inputs["videos"][0].json("videos.json")["clip_ids"]))
    clip_s = work.dataset.clip_s
    design = make_design(clips, clip_s, params, work.seed)
    metrics = strict_metrics(params.ways, params.true_classes)
    scores, limits = _score_videos(params, inputs, clips, all_clips, design, work, metrics)
    lines = {
        metric.name: Line(scores[metric.name], metric.about, metric.primary, metric.unit, metric.higher_is_better)
        for metric in metrics
    }
    targets = []
    for step, matched in _matches(inputs.get("predictions", []), inputs.get("targets", []), clips):
        lines |= target_lines(step, matched, clips, design)
        targets.append(target_row(step, matched.regressed))
    tables = {"Regressed targets, all clips together": targets} if targets else {}
    limits |= _half_table(inputs, clips)
    return Scorecard(NAME, clips.ids, lines, {**_transfer_table(inputs, clips, design), **tables, **limits})


def _score_videos(
    params: StrictParams,
    inputs: Mapping[str, list[Artifact]],
    clips: Clips,
    all_clips: Clips,
    design: Design,
    work: Work,
    metrics: Sequence[VideoMetric],
) -> tuple[dict[str, Score], dict[str, list[dict[str, Any]]]]:
    """Score the videos beside every baseline and the oracle, and their spread over seeds if there are samples."""
    shared_inputs = [*inputs["truth"], *inputs.get("oracle", []), *inputs.get("baselines", [])]
    key = (
        str(params.model_dump(mode="json")),
        work.seed,
        tuple(clips.ids),
        *(artifact.manifest.key for artifact in shared_inputs),
    )
    # Asked for before the memory is, so that every subject's manifest names the device.
    compute = work.compute()
    ground = _grounds.get(key, lambda: _ground(inputs, clips, all_clips, design, compute))
    prediction = _system("prediction", inputs["videos"][0], clips, ground.truth.classifier)
    own = trivial_systems(prediction, ground.truth, ground.training_mean, of_prediction=True)
    scores = score_videos(prediction, ground.truth, [*own, *ground.others], ground.oracle, design)
    refs = [artifact.ref for artifact in (*inputs["videos"], *inputs.get("samples", []))]
    if len(set(refs)) < len(refs):
        raise DataError("a sample is given twice, or is the very videos that are scored", why=", ".join(map(str, refs)))
    samples = [
        _system(f"sample {number}", artifact, clips, ground.truth.classifier)
        for number, artifact in enumerate(inputs.get("samples", []), start=1)
    ]
    spread = (
        {SPREAD_TITLE: spread_rows(metrics, [prediction, *samples], ground.truth, design.mismatched)} if samples else {}
    )
    return scores, spread


def _half_table(inputs: Mapping[str, list[Artifact]], clips: Clips) -> dict[str, list[dict[str, Any]]]:
    """Compare predictions from all repeats with what predictions from their halves allow.

    Raises:
        DataError: the halves do not come in pairs of one target, or that target has no prediction from all repeats.
    """
    halves = list(_matches(inputs.get("halves", []), inputs.get("targets", []), clips))
    if not halves:
        return {}
    names = [Predictions.load(artifact).truth for artifact in inputs["halves"]]
    if len(halves) % 2 or any(a != b for a, b in zip(names[::2], names[1::2], strict=True)):
        raise DataError("halves come in pairs of one target", why=", ".join(step for step, _ in halves))
    for one, other in zip(inputs["halves"][::2], inputs["halves"][1::2], strict=True):
        which = {each.manifest.parameters.get("test_repeats") for each in (one, other)}
        if one.ref == other.ref or which not in ({"odd", "even"}, {None}):
            raise DataError(
                f"{one.ref} and {other.ref} are not two halves", why="one is of odd repeats, one of even ones"
            )
    whole = {Predictions.load(artifact).truth: artifact for artifact in reversed(inputs.get("predictions", []))}
    rows = []
    for name, (_, first), (_, second) in zip(names[::2], halves[::2], halves[1::2], strict=True):
        if name not in whole:
            raise DataError(f"{name} has halves but no prediction from all repeats", next="add it to predictions")
        ((step, matched),) = _matches([whole[name]], inputs["targets"], clips)
        both = (first.regressed.prediction, second.regressed.prediction)
        rows.append(ceiling_row(step, matched.regressed.prediction, both, matched.regressed.truth))
    return {CEILING_TITLE: rows}


def _ground(
    inputs: Mapping[str, list[Artifact]], clips: Clips, all_clips: Clips, design: Design, compute: Compute
) -> Ground:
    """Load the truth, the oracle and the baselines that know nothing of the brain."""
    classifier = VideoClassifier(resolve_weights(design.params.weights, design.params.revision), compute)
    videos = Videos.load(inputs["truth"][0])
    truth = System("truth", videos.frames[all_clips.places(clips.ids)], classifier, videos.fps_hz)
    training_mean = baselines.mean_frame(videos.frames[all_clips.of("train")])
    others = trivial_systems(truth, truth, training_mean, of_prediction=False)
    for artifact in inputs.get("baselines", []):
        others.append(_system(str(artifact.manifest.parameters["step"]), artifact, clips, classifier))
    oracle = [_system("oracle", artifact, clips, classifier) for artifact in inputs.get("oracle", [])]
    return Ground(truth, training_mean, others, oracle[0] if oracle else None)


def _system(name: str, artifact: Artifact, clips: Clips, classifier: VideoClassifier) -> System:
    """Load videos that must be of these clips, in this order."""
    videos = Videos.load(artifact)
    if videos.clip_ids != clips.ids:
        raise DataError(f"{artifact.ref} holds other clips than those under evaluation")
    return System(name, videos.frames, classifier, videos.fps_hz)


def _matches(predictions: Sequence[Artifact], targets: Sequence[Artifact], clips: Clips) -> Iterator[tuple[str, Match]]:
    """Yield each prediction's step and its match with the targets, which are found by the ref that it names."""
    by_ref = {str(artifact.ref): artifact for artifact in targets}
    for artifact in predictions:
        predicted = Predictions.load(artifact)
        if predicted.truth not in by_ref:
            raise DataError(f"{artifact.ref} predicts {predicted.truth}, which is not among the targets")
        source = by_ref[predicted.truth]
        target = Targets.load(source)
        values = predicted.values[find_clips(artifact, predicted.clip_ids, clips.ids)].reshape(len(clips), -1)
        flat = target.values.reshape(len(target.values), -1)
        truth, training = flat[find_clips(source, target.clips.ids, clips.ids)], flat[target.clips.of("train")]
        yield str(artifact.manifest.parameters["step"]), match(values, truth, training)


def _rounded(value: Any) -> Any:
    """Return a number as the document holds it: six digits, and None where a single block gives no interval."""
    if not isinstance(value, float):
        return value
    return round(value, 6) if math.isfinite(value) else None


def _transfer_table(
    inputs: Mapping[str, list[Artifact]], clips: Clips, design: Design
) -> dict[str, list[dict[str, Any]]]:
    """Compare decoders trained on other subjects: each row's difference is to the first row."""
    matches = _matches(inputs.get("transfer", []), inputs.get("targets", []), clips)
    scores = {step: score_match(matched, design) for step, matched in matches}
    if not scores:
        return {}
    first, *others = scores.values()
    pairs = [
        paired_difference(
            each.per_clip,
            first.per_clip,
            design.clusters,
            n_boot=design.params.n_boot,
            n_draws=design.params.n_draws,
            seed=design.seed,
            method=design.params.interval,
        )
        for each in others
    ]
    adjusted = holm(np.array([pair.test.p for pair in pairs]))
    rows: list[dict[str, Any]] = [
        {"decoder": name, "identification": score.value, "lo": score.ci95[0], "hi": score.ci95[1], "p": score.p}
        for name, score in scores.items()
    ]
    for row, pair, p_holm in zip(rows[1:], pairs, adjusted, strict=True):
        gain = pair.interval
        row |= {"gain": gain.value, "gain_lo": gain.lo, "gain_hi": gain.hi, "gain_p": pair.test.p}
        row["gain_p_holm"] = float(p_holm)
    rows = [{key: _rounded(value) for key, value in row.items()} for row in rows]
    return {"Decoders trained on the other subjects": rows}
