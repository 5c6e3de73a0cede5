"""What a stage is given and what it must give: the only meeting point of the plan and the eight verbs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from brainflix.progress import Progress, Silent
from brainflix.store.refs import Ref

if TYPE_CHECKING:
    from pathlib import Path

    from brainflix.device import Compute
    from brainflix.store.publish import Staging
    from brainflix.store.store import Artifact, Store

# Stage -> the kind of artifact that it makes, in the order in which the verbs run.
STAGES: dict[str, str] = {
    "download": "raw",
    "preprocess": "bold",
    "align": "aligned",
    "targets": "targets",
    "train": "model",
    "regress": "predictions",
    "reconstruct": "videos",
    "evaluate": "scores",
    "report": "report",
}
# Stages that a recipe has sections for.
SECTIONS = tuple(stage for stage in STAGES if stage not in ("download", "report"))
# Where raw files wait, in the store's folder: an artifact shares their bytes, which only one file system can.
DOWNLOADS = ".downloads"
# What a manifest says of a job beside the part's parameters, which therefore cannot have these names.
JOB_FACTS = ("part", "step", "subject", "dataset")


@dataclass(frozen=True)
class Job:
    """One stage of a recipe for one subject: everything that decides its result.

    Attributes:
        stage, step, part: the verb, the recipe's name of the step (empty if it has only one) and the part that does it.
        subject: subject number, or None for a step of all subjects or of none.
        params: validated parameters of the part, as plain values.
        ref: where the result goes.
        inputs: refs by role.
        seed: seed of everything random in the job.
        dataset, recipe, revision: names for provenance.
    """

    stage: str
    step: str
    part: str
    subject: int | None
    params: Mapping[str, Any]
    ref: Ref
    inputs: Mapping[str, tuple[Ref, ...]]
    seed: int
    dataset: str
    recipe: str
    revision: str


@dataclass(frozen=True)
class Intake:
    """How raw files come, and where they wait until all of them are whole.

    Attributes:
        folder: where they wait; it outlives the process, so that nothing is fetched twice.
        source: folder of files that a person fetched, to be adopted instead of fetching.
        agreed: whether the user has just agreed to the data set's terms.
        offline: open no connection.
        workers: files that are fetched side by side.
    """

    folder: Path
    source: Path | None = None
    agreed: bool = False
    offline: bool = False
    workers: int = 8


@dataclass(frozen=True)
class Tools:
    """What a stage may use and what never changes its result.

    Attributes:
        store: for checkpoints of the stage's own work.
        compute: called when a device is first needed, so that light stages do not import torch.
        attention: attention kernel by name.
        progress: where to say how far it is.
        clips_per_batch: clips that go through a network at once.
        checkpoint_epochs: epochs between checkpoints.
        recompute: recompute activations in the backward pass of training, to save memory.
        vae_slicing: autoencoders take one clip or frame at a time.
        vae_tiling: autoencoders take large frames in tiles; where they overlap, pixels differ a little.
        offload: what of a generator waits in main memory: "none", "model" or "sequential".
        cache: folder that keeps what networks say of clips; None keeps nothing.
        given: how raw files come; None takes the store's own folder and asks for nothing.
    """

    store: Store
    compute: Callable[[], Compute]
    attention: str = "auto"
    progress: Progress = field(default_factory=Silent)
    clips_per_batch: int = 16
    checkpoint_epochs: int = 5
    recompute: bool = False
    vae_slicing: bool = False
    vae_tiling: bool = False
    offload: str = "none"
    cache: Path | None = None
    given: Intake | None = None

    @property
    def intake(self) -> Intake:
        """How raw files come."""
        return self.given or Intake(self.store.root / DOWNLOADS)


class Stage(Protocol):
    """The door of a verb: `brainflix.<verb>.stage`."""

    VERSION: int

    def run(self, job: Job, inputs: Mapping[str, list[Artifact]], out: Staging, tools: Tools) -> None:
        """Write the artifact's files below `out.path`."""
        ...
