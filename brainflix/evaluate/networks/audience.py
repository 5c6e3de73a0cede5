"""Show the clips of a scene to the networks whose weights are here.

Weights are asked for once each. What cannot be had is listed as skipped with the command that gets it, and nothing
takes its place (docs/scoring.md, Weights).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from brainflix.errors import MissingError
from brainflix.evaluate.metric_params import LPIPS
from brainflix.evaluate.networks.checkpoints import Checkpoint, Located, locate
from brainflix.evaluate.networks.features import Extraction, Features, Network, extract
from brainflix.evaluate.networks.packages import import_package
from brainflix.evaluate.scene import Scene
from brainflix.evaluate.staging import check_room
from brainflix.scratch import zeros_in

if TYPE_CHECKING:
    from brainflix.device import Compute

# What must be installed, by weights. SwAV's file needs the network that it is loaded into, LPIPS AlexNet.
VISION = ("torchvision",)
INSTALLED = {
    **dict.fromkeys(("alexnet", "inception", "effnet", "raft", "swav"), VISION),
    LPIPS: (*VISION, "lpips"),
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
        scene: the clips.
        how: cache and batches.
        device: where networks run.
        folder: for output that may not fit in memory.
        keeps: whether what is heard is kept, which memory must hold.
        said: what networks are known to say of sets, by the network's pin and kind, and by set.
        heard: what they said here, of the same form; whoever keeps it writes it down.
    """

    scene: Scene
    how: Extraction
    device: str
    folder: Path
    keeps: bool = False
    said: Mapping[str, Mapping[str, Features]] = field(default_factory=dict)
    heard: dict[str, dict[str, Features]] = field(default_factory=dict)

    def compute(self) -> Compute:
        """Return where networks run. It is imported with torch, which pixels alone need not wait for."""
        from brainflix.device import pick_compute

        return pick_compute(self.device, "float32")

    def show(self, network: Network) -> dict[str, Features]:
        """Return a network's output by video set, arrays of shape (n_clips, ...)."""
        known = self.said.get(network.name, {})
        found = {
            name: known[name] if name in known else extract(network, videos, self.how)
            for name, videos in self.scene.sets.items()
        }
        if self.keeps:
            self.heard[network.name] = found
        return found

    @contextmanager
    def show_large(self, network: Network, names: Sequence[str] = ()) -> Iterator[dict[str, Features]]:
        """Give the same on disk, as long as the block lasts, for output as large as the clips or larger."""
        sets = self.scene.sets
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            yield {
                name: extract(network, sets[name], self.how, partial(_on_disk, Path(folder) / f"{number}.f32"))
                for number, name in enumerate(names or sets)
            }


def _on_disk(file: Path, shape: tuple[int, ...]) -> Features:
    check_room(file.parent, 4 * int(np.prod(shape)))
    return zeros_in(file, shape, np.float32)


def find_weights(keys: Sequence[str], table: Mapping[str, Checkpoint]) -> dict[str, Located | Absent]:
    """Look for weights, each once, and fetch them where the network may be used."""
    return {key: _find(key, table) for key in keys}


def _find(key: str, table: Mapping[str, Checkpoint]) -> Located | Absent:
    if key in INSTALLED:
        for package in INSTALLED[key]:
            try:
                import_package(package)
            except MissingError as error:
                return Absent(": ".join(filter(None, (error.what, error.why))), error.next)
    try:
        if key in table:
            return locate(table[key])
        # Imported here: torch comes with it, which weights that are not there need not wait for.
        from brainflix.evaluate.networks.backbones import locate_backbone

        return locate_backbone("alexnet" if key == LPIPS else key)
    except MissingError as error:
        return Absent("weights missing", error.next)
