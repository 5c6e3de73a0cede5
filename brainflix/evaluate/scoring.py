"""From pairs of clips to lines: stage them, choose who meets whom, look for weights, score."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from brainflix.evaluate.choosing import Choice, allowed
from brainflix.evaluate.design import Design, Settings
from brainflix.evaluate.keeping import Kept
from brainflix.evaluate.metric import Files, MetricWork
from brainflix.evaluate.metric_params import FEATURES, nway_name
from brainflix.evaluate.networks.audience import Absent, Audience, find_weights
from brainflix.evaluate.networks.checkpoints import CHECKPOINTS, Checkpoint, Located
from brainflix.evaluate.networks.features import Extraction, Features
from brainflix.evaluate.protocols import Protocol, flow_grey
from brainflix.evaluate.result import Result
from brainflix.evaluate.scene import Scene, design_of
from brainflix.evaluate.scorer import Ground, score_scene
from brainflix.evaluate.sources import Source
from brainflix.evaluate.staging import Staging, Track, make_scene
from brainflix.evaluate.staging_notes import Size
from brainflix.evaluate.videos import Frames


@dataclass(frozen=True, kw_only=True)
class How:
    """How clips are scored, whoever asks for it.

    Attributes:
        bug_compat: reproduce what the protocol's released scripts got wrong.
        fps_pred, fps_truth: frames per second, whatever the clips say; None takes what they say.
        settings: permutations, blocks, bootstrap and seed.
        cache: folder that keeps what networks say of clips; None keeps nothing.
        device: where networks run.
        clips_per_batch: clips that go through a network at once.
        workers: threads.
    """

    bug_compat: bool = False
    fps_pred: float | None = None
    fps_truth: float | None = None
    settings: Settings = field(default_factory=Settings)
    cache: Path | None = None
    device: str = "auto"
    clips_per_batch: int = 20
    workers: int = 1


@dataclass(frozen=True, kw_only=True)
class Given:
    """What is known before anything is computed, of sets that no subject changes.

    Attributes:
        ground: of a scene, values of its sets, if what is known is of the same clips.
        mean_frame: of a size, the training mean.
        said: of a scene, what networks say of its sets.
    """

    ground: Callable[[Scene, Design], Ground] = lambda scene, design: Ground()
    mean_frame: Callable[[Size], Frames | None] = lambda size: None
    said: Callable[[Scene], Mapping[str, Mapping[str, Features]]] = lambda scene: {}


@dataclass(frozen=True, eq=False)
class Choices:
    """What is scored.

    Attributes:
        protocol: what is compared.
        metrics: the lines, as `choose_metrics` returns them.
        checkpoints: which weights to take, by key.
        how: it is done.
        logits, features: files of the user, which come before weights.
        given: what is known already.
        kept: what a run that was stopped has computed already.
    """

    protocol: Protocol
    metrics: Mapping[str, Choice]
    how: How
    checkpoints: Mapping[str, Checkpoint] = field(default_factory=lambda: CHECKPOINTS)
    logits: Files | None = None
    features: Files | None = None
    given: Given = field(default_factory=Given)
    kept: Kept = field(default_factory=Kept)

    @property
    def name(self) -> str:
        """What stands on every number."""
        return self.protocol.name + (" --bug-compat" if self.how.bug_compat else "")


@dataclass(frozen=True, eq=False)
class Scored:
    """What came out.

    Attributes:
        scene: the clips as they were compared; their frames lie in the folder that was given.
        design: who met whom.
        choices: what was scored.
        result: lines, values, curves and what was left out, in the order of the metrics.
        weights: the checkpoints that were used, by key.
    """

    scene: Scene
    design: Design
    choices: Choices
    result: Result
    weights: Mapping[str, Located]


@dataclass(frozen=True, eq=False)
class Prepared:
    """Clips, design and weights, ready to be scored.

    Attributes:
        scene, design: as of `Scored`.
        chosen: the lines that were asked for.
        work: what metrics are given; its `wanted` lines can be scored.
    """

    scene: Scene
    design: Design
    chosen: Mapping[str, Choice]
    work: MetricWork


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
    result = Result()
    ready = prepare(source, choices, folder, track, result)
    ground = choices.given.ground(ready.scene, ready.design)
    score_scene(ready.scene, choices.metrics, ready.work, choices.name, result, ground)
    result.sort(list(choices.metrics))
    return Scored(ready.scene, ready.design, choices, result, ready.work.weights)


def prepare(
    source: Source, choices: Choices, folder: Path, track: Track, result: Result, *, keeps: bool = False
) -> Prepared:
    """Stage clips, choose who meets whom, and look for weights; arguments and errors as of `score_source`.

    `result` notes which lines cannot be scored; with `keeps`, what networks say is kept for whoever writes it down.
    """
    how = choices.how
    scene = make_scene(source, choices.protocol, _staging(choices, folder, track))
    design = design_of(scene, how.settings, folder)
    extraction = Extraction(how.cache, how.clips_per_batch, track, choices.kept)
    audience = Audience(scene, extraction, how.device, folder, keeps, choices.given.said(scene))
    wanted, weights = _ready(scene, allowed(choices.metrics, scene, design, result), choices, result)
    work = MetricWork(
        design=design,
        wanted=frozenset(wanted),
        audience=audience,
        folder=folder,
        directions={name: each.about.higher_is_better for name, each in choices.metrics.items()},
        weights=weights,
        logits=choices.logits,
        features=choices.features,
        workers=how.workers,
        track=track,
        kept=choices.kept,
    )
    return Prepared(scene, design, choices.metrics, work)


def _staging(choices: Choices, folder: Path, track: Track) -> Staging:
    how = choices.how
    return Staging(
        folder,
        fps_truth=how.fps_truth,
        fps_prediction=how.fps_pred,
        grey=flow_grey(choices.protocol, how.bug_compat),
        workers=how.workers,
        track=track,
        mean_frame=choices.given.mean_frame,
    )


def _ready(scene: Scene, lines: list[str], choices: Choices, result: Result) -> tuple[list[str], dict[str, Located]]:
    """Return the lines all of whose weights are here, and these weights."""
    needs = {name: choices.metrics[name].about.weights for name in lines}
    given = _given_in_files(scene, lines, choices)
    keys = sorted({key for name in lines if name not in given for key in needs[name] if key != FEATURES})
    found = find_weights(keys, choices.checkpoints)
    ready, weights = list[str](), dict[str, Located]()
    for name in lines:
        absent = [each for key in needs[name] if isinstance(each := found.get(key), Absent)]
        if name not in given and absent:
            result.skip([name], absent[0].why, absent[0].next)
            continue
        ready.append(name)
        if name not in given:
            weights |= {key: each for key in needs[name] if isinstance(each := found.get(key), Located)}
    return ready, weights


def _given_in_files(scene: Scene, lines: list[str], choices: Choices) -> set[str]:
    """Return the lines that the user's class scores make, which then need no network."""
    if choices.logits is None:
        return set()
    from brainflix.io.logits import read_logits

    level = "video" if read_logits(choices.logits[0], scene.ids).ndim == 2 else "frame"
    protocol = choices.protocol
    names = {nway_name(n, level, g) for n in protocol.ways for g in protocol.true_classes}
    return names & set(lines)
