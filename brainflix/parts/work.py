"""What a part is given beside its parameters and inputs: tools, which never change a result, and whose work it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from brainflix.parts.find import find
from brainflix.progress import Progress, Silent
from brainflix.store.refs import Ref

if TYPE_CHECKING:
    from brainflix.device import Compute
    from brainflix.parts.dataset import Dataset
    from brainflix.store.store import Store

# Where raw files wait, in the store's folder: an artifact shares their bytes, which only one file system can.
DOWNLOADS = ".downloads"


@dataclass(frozen=True)
class Intake:
    """How raw files come, and where they wait until all of them are whole.

    Attributes:
        folder: where they wait; it outlives the process, so that nothing is fetched twice.
        source: folder of files that a person fetched, to be adopted instead of fetching.
        agreed: whether the user has just agreed to the data set's terms.
        secret: what the user has just typed that the data set asks for; never shown, never kept.
        offline: open no connection.
        workers: files that are fetched side by side.
        retries: how often a file may break off without progress, or start anew, before it is given up.
        silence_s: how long a server may be silent.
        patience_s: how long a file may come slower than 1 KiB a second.
    """

    folder: Path
    source: Path | None = None
    agreed: bool = False
    offline: bool = False
    workers: int = 8
    retries: int = 5
    silence_s: float = 30.0
    patience_s: float = 300.0
    secret: str = field(default="", repr=False)


@dataclass(frozen=True)
class Tools:
    """What a job may use and what never changes its result.

    Attributes:
        store: for checkpoints of the job's own work.
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
        experiment: label of the run, which its manifests note.
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
    experiment: str = ""

    @property
    def intake(self) -> Intake:
        """How raw files come."""
        return self.given or Intake(self.store.root / DOWNLOADS)


@dataclass(frozen=True, kw_only=True)
class Work(Tools):
    """One job's tools, and whose job it is.

    Attributes:
        ref: where the main output goes; what waits for this job is found by it.
        stage, step: the verb and the recipe's name of the step, empty if it has only one.
        part: the name of the part.
        subject: subject number, or None for a step of all subjects or of none.
        seed: seed of everything random.
        dataset_name: name of the data set; `dataset` is its declaration.
        recipe: name of the recipe.
    """

    ref: Ref
    stage: str = ""
    step: str = ""
    part: str = ""
    subject: int | None = None
    seed: int = 0
    dataset_name: str = ""
    recipe: str = ""

    @property
    def dataset(self) -> Dataset:
        """What the data set declares of itself.

        Raises:
            UsageError: there is no such data set.
        """
        found: Dataset = find("dataset", self.dataset_name).load()
        return found
