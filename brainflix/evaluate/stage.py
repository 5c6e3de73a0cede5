"""The door of `evaluate`: reconstructions and predictions against the truth, one table of scores for a subject.

Roles: `videos` (what is scored), `truth` (frames of all clips), and optionally `oracle` and `baselines` (videos of
the same clips), `predictions` with `targets` (identification of regressed targets), `transfer` (predictions of decoders
trained on other subjects, compared in pairs with the first of them).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from brainflix import registry
from brainflix.contract import Job, Tools
from brainflix.errors import DataError
from brainflix.memo import Latest
from brainflix.store.publish import Staging
from brainflix.store.store import Artifact

if TYPE_CHECKING:
    import numpy as np

    from brainflix.evaluate.protocol import Design
    from brainflix.evaluate.score import Score
    from brainflix.evaluate.systems import System
    from brainflix.store.schema import Clips

VERSION = 1


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


def run(job: Job, inputs: Mapping[str, list[Artifact]], out: Staging, tools: Tools) -> None:
    """Score videos and predictions, write scores.json and the per-clip values."""
    from brainflix.evaluate.params import StrictParams
    from brainflix.evaluate.protocol import NAME, make_design
    from brainflix.evaluate.systems import video_metrics
    from brainflix.store.arrays import write_array
    from brainflix.store.checks import write_json
    from brainflix.store.schema import Clips

    params = StrictParams.model_validate(job.params)
    dataset = registry.find("dataset", job.dataset).load()
    all_clips = Clips.load(inputs["truth"][0])
    clips = all_clips.take(all_clips.places(inputs["videos"][0].json("videos.json")["clip_ids"]))
    design = make_design(clips, dataset.clip_s, params, job.seed)
    scores = _score_videos(job, inputs, clips, all_clips, design, tools)
    identified = _score_predictions(inputs.get("predictions", []), inputs.get("targets", []), clips, design)
    scores |= {f"identification_{name}": score for name, score in identified.items()}
    primary = [m.name for m in video_metrics(params.ways) if m.primary] + [f"identification_{n}" for n in identified]
    about = {m.name: m.about for m in video_metrics(params.ways)}
    for name, score in scores.items():
        write_array(out.path, f"per_clip/{name}", score.per_clip, dims=("clip",), layout="whole")
    document = {
        "protocol": NAME,
        "subject": job.subject,
        "simulated": dataset.simulated,
        "n_clips": len(clips),
        "clip_ids": clips.ids,
        "primary": primary,
        "scores": {name: _entry(name, score, about) for name, score in scores.items()},
        "tables": _transfer_table(inputs, clips, design),
        "notes": ["simulated data"] if dataset.simulated else [],
    }
    write_json(out.path / "scores.json", document)


def _entry(name: str, score: Score, about: Mapping[str, str]) -> dict[str, Any]:
    """Return a score's JSON without its per-clip values, which are arrays of the artifact."""
    plain = {key: value for key, value in score.to_dict().items() if key != "per_clip"}
    told = about.get(name, f"pairwise identification of the regressed target {name.removeprefix('identification_')}")
    return {**plain, "about": told, "unit": "dB" if name == "psnr" else "", "higher_is_better": True}


def _score_videos(
    job: Job, inputs: Mapping[str, list[Artifact]], clips: Clips, all_clips: Clips, design: Design, tools: Tools
) -> dict[str, Score]:
    """Score the videos beside every baseline and the oracle."""
    from brainflix.evaluate.protocol import score_videos, trivial_systems
    from brainflix.evaluate.systems import System

    shared_inputs = [*inputs["truth"], *inputs.get("oracle", []), *inputs.get("baselines", [])]
    key = (str(job.params), job.seed, tuple(clips.ids), *(artifact.manifest.key for artifact in shared_inputs))
    ground = _grounds.get(key, lambda: _ground(inputs, clips, all_clips, design, tools))
    prediction = System("prediction", _frames_of(inputs["videos"][0], clips), ground.truth.classifier)
    own = trivial_systems(prediction, ground.truth, ground.training_mean, of_prediction=True)
    return score_videos(prediction, ground.truth, [*own, *ground.others], ground.oracle, design)


def _ground(
    inputs: Mapping[str, list[Artifact]], clips: Clips, all_clips: Clips, design: Design, tools: Tools
) -> Ground:
    """Load the truth, the oracle and the baselines that know nothing of the brain."""
    from brainflix.evaluate import baselines
    from brainflix.evaluate.classifier import VideoClassifier
    from brainflix.evaluate.protocol import trivial_systems
    from brainflix.evaluate.systems import System
    from brainflix.io.weights import resolve_weights
    from brainflix.store.schema import Videos

    classifier = VideoClassifier(resolve_weights(design.params.weights, design.params.revision), tools.compute())
    frames = Videos.load(inputs["truth"][0]).frames
    truth = System("truth", frames[all_clips.places(clips.ids)], classifier)
    training_mean = baselines.mean_frame(frames[all_clips.of("train")])
    others = trivial_systems(truth, truth, training_mean, of_prediction=False)
    for artifact in inputs.get("baselines", []):
        others.append(System(str(artifact.manifest.parameters["step"]), _frames_of(artifact, clips), classifier))
    oracle = [System("oracle", _frames_of(artifact, clips), classifier) for artifact in inputs.get("oracle", [])]
    return Ground(truth, training_mean, others, oracle[0] if oracle else None)


def _frames_of(artifact: Artifact, clips: Clips) -> np.ndarray:
    """Return the frames of videos that must be of these clips, in this order."""
    from brainflix.store.schema import Videos

    videos = Videos.load(artifact)
    if videos.clip_ids != clips.ids:
        raise DataError(f"{artifact.ref} holds other clips than those under evaluation")
    return videos.frames


def _score_predictions(
    predictions: Sequence[Artifact], targets: Sequence[Artifact], clips: Clips, design: Design
) -> dict[str, Score]:
    """Score regressed targets; predictions and targets are matched by the ref that each prediction names."""
    from brainflix.evaluate.protocol import score_prediction
    from brainflix.store.schema import Predictions, Targets

    by_ref = {str(artifact.ref): artifact for artifact in targets}
    scores = {}
    for artifact in predictions:
        predicted = Predictions.load(artifact)
        if predicted.truth not in by_ref:
            raise DataError(f"{artifact.ref} predicts {predicted.truth}, which is not among the targets")
        target = Targets.load(by_ref[predicted.truth])
        place = {clip_id: i for i, clip_id in enumerate(predicted.clip_ids)}
        values = predicted.values[[place[clip_id] for clip_id in clips.ids]].reshape(len(clips), -1)
        flat = target.values.reshape(len(target.values), -1)
        truth, training = flat[target.clips.places(clips.ids)], flat[target.clips.of("train")]
        scores[str(artifact.manifest.parameters["step"])] = score_prediction(values, truth, training, design)
    return scores


def _transfer_table(
    inputs: Mapping[str, list[Artifact]], clips: Clips, design: Design
) -> dict[str, list[dict[str, Any]]]:
    """Compare decoders trained on other subjects: each row's difference is to the first row."""
    from brainflix.evaluate.protocol import paired_difference

    scores = _score_predictions(inputs.get("transfer", []), inputs.get("targets", []), clips, design)
    if not scores:
        return {}
    first = next(iter(scores.values()))
    rows = []
    for name, score in scores.items():
        row = {"decoder": name, "identification": score.value, "lo": score.ci95[0], "hi": score.ci95[1], "p": score.p}
        if score is not first:
            paired = paired_difference(score, first, design)
            row |= {
                "gain": paired["difference"],
                "gain_lo": paired["lo"],
                "gain_hi": paired["hi"],
                "gain_p": paired["p"],
            }
        rows.append({key: round(value, 6) if isinstance(value, float) else value for key, value in row.items()})
    return {"Decoders trained on the other subjects": rows}
