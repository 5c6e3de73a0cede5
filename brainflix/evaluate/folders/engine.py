"""Score pairs of clips under a protocol, wherever they come from: folders of files, or artifacts of the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from brainflix.evaluate.folders.asked import Asked, score_asked
from brainflix.evaluate.choosing import possible_metrics
from brainflix.evaluate.folders.given import Files
from brainflix.evaluate.staging import Inputs, Source, Track, check_room, stage_inputs
from brainflix.evaluate.lines import make_table
from brainflix.evaluate.folders.plan import Plan
from brainflix.evaluate.result import Result
from brainflix.evaluate.folders.scoring import score_folder, scratch_bytes
from brainflix.evaluate.networks.checkpoints import Checkpoint, Located
from brainflix.evaluate.networks.features import Extraction
from brainflix.evaluate.protocols import Protocol, flow_grey
from brainflix.evaluate.video_metrics import METRICS


@dataclass(frozen=True, kw_only=True)
class How:
    """How clips are scored, whoever asks for it.

    Attributes:
        bug_compat: reproduce what the protocol's released scripts got wrong.
        fps_pred, fps_truth: frames per second, whatever the clips say; None takes what they say.
        cache: folder that keeps what networks say of clips; None keeps nothing.
        device: where networks run.
        clips_per_batch: clips that go through a network at once.
        block, n_draws, seed, workers: as of `Plan`.
    """

    bug_compat: bool = False
    fps_pred: float | None = None
    fps_truth: float | None = None
    cache: Path | None = None
    device: str = "auto"
    clips_per_batch: int = 20
    block: int = 1
    n_draws: int = 10_000
    seed: int = 0
    workers: int = 1


@dataclass(frozen=True, eq=False)
class Choices:
    """What is scored.

    Attributes:
        protocol: what is compared.
        metrics: names, as `choose_metrics` returns them.
        checkpoints: which weights to take, by key.
        how: it is done.
        logits, features: files of the user, which come before weights.
    """

    protocol: Protocol
    metrics: tuple[str, ...]
    checkpoints: Mapping[str, Checkpoint]
    how: How
    logits: Files | None = None
    features: Files | None = None


@dataclass(frozen=True, eq=False)
class Scored:
    """What came out.

    Attributes:
        inputs: the clips as they were compared; their frames lie in the folder that was given.
        plan: how they were scored; its protocol is the name that stands on every number.
        result: lines, curves and what was left out, in the order of the metrics.
        weights: the checkpoints that were used, by key.
    """

    inputs: Inputs
    plan: Plan
    result: Result
    weights: Mapping[str, Located]


def score_source(source: Source, choices: Choices, folder: Path, track: Track) -> Scored:
    """Score pairs of clips.

    Args:
        source: the pairs.
        choices: what to score, and how.
        folder: for files; whoever gives it removes it.
        track: counts clips.

    Raises:
        DataError: clips cannot be used under the protocol.
        ResourceError: the disk for the files is too small.
    """
    how = choices.how
    inputs = stage_inputs(
        source,
        choices.protocol,
        folder,
        fps_truth=how.fps_truth,
        fps_prediction=how.fps_pred,
        track=track,
    )
    result = Result()
    metrics = possible_metrics(choices.metrics, inputs, result, block=how.block, n_draws=how.n_draws)
    plan = _plan(choices, metrics)
    check_room(folder, scratch_bytes(inputs, plan))
    table = make_table(inputs.rank, plan, folder)
    if plan.metrics:
        result.lines.update(score_folder(inputs, plan, table.repairing, track, folder))
    asked = Asked(
        names=tuple(name for name in choices.metrics if name not in METRICS),
        protocol=choices.protocol,
        inputs=inputs,
        table=table,
        checkpoints=choices.checkpoints,
        logits=choices.logits,
        features=choices.features,
        folder=folder,
        how=Extraction(how.cache, how.clips_per_batch, track),
        device=how.device,
    )
    weights = score_asked(asked, result)
    result.sort(choices.metrics)
    return Scored(inputs, plan, result, weights)


def _plan(choices: Choices, metrics: tuple[str, ...]) -> Plan:
    protocol, how = choices.protocol, choices.how
    return Plan(
        protocol=protocol.name + (" --bug-compat" if how.bug_compat else ""),
        metrics=metrics,
        ssim=protocol.ssim[0],
        grey=flow_grey(protocol, how.bug_compat),
        block=how.block,
        n_draws=how.n_draws,
        seed=how.seed,
        workers=how.workers,
    )
