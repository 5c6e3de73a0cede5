"""What the part `strict` adds: regressed targets, decoders of other subjects, what repeats and seeds allow.

Roles: `predictions` with `targets`, `transfer` (predictions of decoders trained on other subjects, compared in pairs
with the first of them), `samples` (reconstructions of the same clips with other seeds), `halves` (pairs of predictions
of one target by one decoder from the odd and the even repeats).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from brainflix.errors import DataError
from brainflix.evaluate.ceiling_tables import CEILING_TITLE, SPREAD_TITLE, ceiling_row, spread_rows
from brainflix.evaluate.design import Design
from brainflix.evaluate.paired_rows import Rows, adjusted, paired_rows
from brainflix.evaluate.ranges import RATE
from brainflix.evaluate.result import Result
from brainflix.evaluate.scene import PREDICTION, SAMPLE, Film, Scene
from brainflix.evaluate.scorecard import Line
from brainflix.evaluate.target_lines import target_lines, target_row
from brainflix.evaluate.vectors import Match, match, score_match
from brainflix.store.artifact import Artifact
from brainflix.store.lookup import find_clips
from brainflix.store.schema import Predictions, Targets

Inputs = Mapping[str, Sequence[Artifact]]
TARGETS_TITLE, TRANSFER_TITLE = "Regressed targets, all clips together", "Decoders trained on the other subjects"


def score_targets(
    inputs: Inputs, ids: Sequence[str], film: Film, design: Design, retrieval_k: Sequence[int]
) -> tuple[dict[str, Line], dict[str, Rows]]:
    """Return the lines of every regressed target, and the table of what belongs to each as a whole.

    Raises:
        DataError: a target, or a clip of a prediction, is missing.
    """
    lines: dict[str, Line] = {}
    rows = []
    for step, matched in matches(inputs.get("predictions", ()), inputs.get("targets", ()), ids):
        lines |= target_lines(step, matched, film, design, retrieval_k)
        rows.append(target_row(step, matched.regressed))
    return lines, {TARGETS_TITLE: rows} if rows else {}


def check_line_names(video: Mapping[str, Line], targets: Mapping[str, Line]) -> None:
    """Refuse a target's step whose lines have names of metrics of videos.

    Raises:
        DataError: one has; `identification_clip` is both what CLIP says of frames and a target called `clip`.
    """
    for name in video:
        if name in targets:
            step = name.rpartition("_")[2]
            raise DataError(f"the step {step} and the metric {name} have one name", next="call the step otherwise")


def spread_table(scene: Scene, result: Result) -> dict[str, Rows]:
    """Return how scores spread over samples, if there are any."""
    if not scene.samples:
        return {}
    sets = [PREDICTION, *(f"{SAMPLE}{number}" for number in range(1, len(scene.samples) + 1))]
    return {SPREAD_TITLE: spread_rows(result.values, sets)}


def matches(
    predictions: Sequence[Artifact], targets: Sequence[Artifact], ids: Sequence[str]
) -> Iterator[tuple[str, Match]]:
    """Yield each prediction's step and its match with the targets, which are found by the ref that it names.

    Raises:
        DataError: a target, or a clip, is missing.
    """
    by_ref = {str(artifact.ref): artifact for artifact in targets}
    for artifact in predictions:
        predicted = Predictions.load(artifact)
        if predicted.truth not in by_ref:
            raise DataError(f"{artifact.ref} predicts {predicted.truth}, which is not among the targets")
        source = by_ref[predicted.truth]
        target = Targets.load(source)
        values = predicted.values[find_clips(artifact, predicted.clip_ids, ids)].reshape(len(ids), -1)
        flat = target.values.reshape(len(target.values), -1)
        truth, training = flat[find_clips(source, target.clips.ids, ids)], flat[target.clips.of("train")]
        yield str(artifact.manifest.parameters["step"]), match(values, truth, training)


def half_table(inputs: Inputs, ids: Sequence[str]) -> dict[str, Rows]:
    """Compare predictions from all repeats with what predictions from their halves allow.

    Raises:
        DataError: the halves do not come in pairs of one target, or that target has no prediction from all repeats.
    """
    halves = list(matches(inputs.get("halves", ()), inputs.get("targets", ()), ids))
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
    whole = {Predictions.load(artifact).truth: artifact for artifact in reversed(inputs.get("predictions", ()))}
    rows = []
    for name, (_, first), (_, second) in zip(names[::2], halves[::2], halves[1::2], strict=True):
        if name not in whole:
            raise DataError(f"{name} has halves but no prediction from all repeats", next="add it to predictions")
        ((step, matched),) = matches([whole[name]], inputs["targets"], ids)
        both = (first.regressed.prediction, second.regressed.prediction)
        rows.append(ceiling_row(step, matched.regressed.prediction, both, matched.regressed.truth))
    return {CEILING_TITLE: rows}


def transfer_table(inputs: Inputs, ids: Sequence[str], design: Design) -> dict[str, Rows]:
    """Compare decoders trained on other subjects: each row's difference is to the first row."""
    found = matches(inputs.get("transfer", ()), inputs.get("targets", ()), ids)
    scores = {step: score_match(matched, design) for step, matched in found}
    return {TRANSFER_TITLE: adjusted(paired_rows(scores, "identification", design, RATE))} if scores else {}
