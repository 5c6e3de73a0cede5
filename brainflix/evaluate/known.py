"""The artifact of what all subjects are measured against: what it holds, how it is written, when it counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.evaluate.design import Design
from brainflix.evaluate.scene import Scene
from brainflix.evaluate.scorer import Ground
from brainflix.evaluate.scoring import Given
from brainflix.store.arrays import write_array
from brainflix.store.artifact import Artifact
from brainflix.store.checks import write_json

Table = Mapping[str, Mapping[str, NDArray[Any]]]
FILE = "ground.json"
# What values are of where there is no clip to score: nothing that is compared.
NOWHERE: Mapping[str, Any] = {"shape": [0, 0, 0], "truth_sha256": ""}


@dataclass(frozen=True, eq=False)
class Known:
    """Values of sets that no subject changes.

    Attributes:
        of: the clips and the true frames that they belong to, plain JSON values.
        own: by line and video set, (n_clips,) each.
        floors: by the line that an excess is made of and by video set, its mean over strangers, (n_clips,).
        said: by network and video set, its output, (n_clips, ...).
        mean_frame: the training mean, (height, width, 3); None without training clips.
    """

    of: Mapping[str, Any]
    own: Table
    floors: Table
    said: Table
    mean_frame: NDArray[np.uint8] | None

    def save(self, folder: Path) -> dict[str, object]:
        """Write the arrays, and what they are of; return what the manifest notes."""
        about: dict[str, Any] = {"of": dict(self.of), "tables": {}}
        for name, table in (("own", self.own), ("floors", self.floors), ("said", self.said)):
            about["tables"][name] = [[line, sorted(sets)] for line, sets in table.items()]
            for number, sets in enumerate(table.values()):
                if sets:
                    values = np.stack([sets[each] for each in sorted(sets)])
                    dims = ("set", "clip", *(f"axis_{axis}" for axis in range(2, values.ndim)))
                    write_array(folder, f"{name}/{number}", values, dims=dims, layout="whole")
        if self.mean_frame is not None:
            write_array(folder, "mean_frame", self.mean_frame, dims=("height", "width", "channel"), layout="whole")
        write_json(folder / FILE, about)
        return {"sets": sorted({name for sets in self.own.values() for name in sets}), "lines": len(self.own)}

    @classmethod
    def load(cls, artifact: Artifact) -> Known:
        """Read what `save` wrote; raises as `Artifact.load`."""
        about, names = artifact.json(FILE), artifact.names()
        tables = {name: _table(artifact, name, rows) for name, rows in about["tables"].items()}
        mean = artifact.load("mean_frame") if "mean_frame" in names else None
        return cls(about["of"], tables["own"], tables["floors"], tables["said"], mean)

    def given(self) -> Given:
        """Return it as scoring takes it: only for the very clips and frames that it belongs to."""
        nothing: Table = {}
        size = self.of["shape"][1:]
        return Given(
            ground=lambda scene, design: Ground(self.own, self.floors) if self.of == facts(scene, design) else Ground(),
            mean_frame=lambda wanted: self.mean_frame if list(wanted) == size else None,
            said=lambda scene: self.said if self.of["truth_sha256"] == scene.truth_sha256 else nothing,
        )


def facts(scene: Scene, design: Design) -> dict[str, Any]:
    """Return what values of sets beside the prediction depend on, plain JSON values."""
    return {
        "clip_ids": list(scene.ids),
        "truth_sha256": scene.truth_sha256,
        "shape": list(scene.shape),
        "fps_hz": scene.fps_hz,
        "said": design.said,
        "seed": design.settings.seed,
        "permutations": design.settings.permutations,
    }


def _table(artifact: Artifact, name: str, rows: Sequence[Sequence[Any]]) -> Table:
    found = {}
    for number, (line, sets) in enumerate(rows):
        values = artifact.load(f"{name}/{number}") if sets else ()
        found[line] = dict(zip(sets, values, strict=True))
    return found
