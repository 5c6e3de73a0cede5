"""Show the clips of `score` to the networks whose weights are here, and score what these say of them.

Weights are asked for once each. What cannot be had is listed as skipped with the command that gets it, and nothing
takes its place (docs/scoring.md, Weights).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from brainflix.errors import MissingError
from brainflix.evaluate.clip_pool import clip_pool, in_order
from brainflix.evaluate.folders import catalogue
from brainflix.evaluate.staging import Inputs, check_room
from brainflix.evaluate.folders.scoring import BASELINES, PREDICTION, derive
from brainflix.evaluate.folders.semantic import TRUTH
from brainflix.evaluate.staged import Staged
from brainflix.evaluate.networks.checkpoints import Checkpoint, Located, locate
from brainflix.evaluate.networks.features import Extraction, Features, Network, Videos, extract
from brainflix.evaluate.networks.packages import import_package

if TYPE_CHECKING:
    from brainflix.device import Compute

SYSTEMS = (TRUTH, PREDICTION, *BASELINES)
# What must be installed, by weights. SwAV's file needs the network that it is loaded into, LPIPS AlexNet.
VISION = ("torchvision",)
INSTALLED = {
    **dict.fromkeys(("alexnet", "inception", "effnet", "raft", "swav"), VISION),
    catalogue.LPIPS: (*VISION, "lpips"),
}


@dataclass(frozen=True)
class Absent:
    """Weights, or the package that they need, that are not here: what to say, and how to get them."""

    why: str
    next: str


@dataclass(frozen=True, eq=False)
class Audience:
    """The video sets that a network sees, and how its output is kept.

    Attributes:
        inputs: the clips.
        how: cache and batches.
        compute: where networks run.
        folder: for output that may not fit in memory.
        workers: threads for what is no network.
    """

    inputs: Inputs
    how: Extraction
    compute: Compute
    folder: Path
    workers: int = 1

    @cached_property
    def videos(self) -> dict[str, Videos]:
        """The video sets by name. Blurring is slow, so that of the prediction is made once, on disk."""
        inputs, n = self.inputs, len(self.inputs.ids)
        check_room(self.folder, inputs.prediction.nbytes)
        soft = Staged(self.folder / "blurred.u8", inputs.prediction.shape)
        with clip_pool(self.workers) as pool:
            for row, clip in enumerate(in_order(pool, partial(derive, "blurred", inputs), range(n))):
                soft[row] = clip
        found = {name: Videos(n, partial(derive, name, inputs)) for name in BASELINES}
        for name, clips in ((TRUTH, inputs.truth), (PREDICTION, inputs.prediction), ("blurred", soft)):
            found[name] = Videos(n, clips.__getitem__)
        return found

    def show(self, network: Network) -> dict[str, Features]:
        """Return a network's output by video set, arrays of shape (n_clips, ...)."""
        return {name: extract(network, self.videos[name], self.how) for name in SYSTEMS}

    @contextmanager
    def show_large(self, network: Network, names: Sequence[str] = SYSTEMS) -> Iterator[dict[str, Features]]:
        """Give the same on disk, as long as the block lasts, for output as large as the clips or larger."""
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            place = Path(folder)
            yield {
                name: extract(network, self.videos[name], self.how, partial(_on_disk, place / name)) for name in names
            }


def _on_disk(file: Path, shape: tuple[int, ...]) -> Features:
    check_room(file.parent, 4 * int(np.prod(shape)))
    return np.memmap(file, np.float32, "w+", shape=shape)


def find_weights(keys: Sequence[str], table: Mapping[str, Checkpoint]) -> dict[str, Located | Absent]:
    """Look for weights, each once, and fetch them where the network may be used."""
    return {key: _find(key, table) for key in keys}


def _find(key: str, table: Mapping[str, Checkpoint]) -> Located | Absent:
    if key in INSTALLED:
        for package in INSTALLED[key]:
            try:
                import_package(package)
            except MissingError as error:
                return Absent(f"{package} missing", error.next)
    try:
        if key in table:
            return locate(table[key])
        # Imported here: torch comes with it, which weights that are not there need not wait for.
        from brainflix.evaluate.networks.backbones import locate_backbone

        return locate_backbone("alexnet" if key == catalogue.LPIPS else key)
    except MissingError as error:
        return Absent("weights missing", error.next)
