"""The maps of a whole group into its common space, as an artifact, and the part that an aligner's fit becomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch

from brainflix.align.agreement import Agreement, agreement
from brainflix.align.figure import draw
from brainflix.align.group import read_group
from brainflix.align.maps import LinearMap
from brainflix.linear.ridge import Device
from brainflix.parts.contract import Inputs, Notes, PartFunction
from brainflix.parts.work import Work
from brainflix.progress import Track
from brainflix.store.artifact import Artifact
from brainflix.trained.files import CONFIG, WEIGHTS, read_tensors, write_json, write_tensors

# Training rows of the shared clips of each subject, their segments, the parameters, the device, the count; maps out.
FitGroup = Callable[[Sequence[np.ndarray], np.ndarray, Any, Device, Track], tuple[LinearMap, ...]]
ARCHITECTURE, FIGURE = "group-maps", "agreement.png"
_TRANSPOSED = ".transposed"
_ARRAYS = ("left", "right", "source_mean", "target_mean")


@dataclass(frozen=True, eq=False)
class GroupMaps:
    """One map for each subject of a group.

    Attributes:
        maps: in the order of `subjects`.
        subjects: refs of the responses that were aligned.
        columns: which grayordinates of the subjects' own are mapped, (n_columns,).
        n_shared_clips: training clips that they were fitted on.
        found: what they did to validation rows; None where that says nothing.
        title: of the picture.
    """

    maps: tuple[LinearMap, ...]
    subjects: tuple[str, ...]
    columns: np.ndarray
    n_shared_clips: int
    found: Agreement | None = None
    title: str = ""

    def save(self, folder: Path) -> Notes:
        """Write the maps as a network's files, and a picture of what they do."""
        arrays = {
            f"{number}.{name}": getattr(each, name)
            for number, each in enumerate(self.maps)
            for name in _ARRAYS
            if getattr(each, name) is not None
        }
        write_tensors(folder / WEIGHTS, {"columns": torch.from_numpy(self.columns), **_as_tensors(arrays)})
        config = {
            "architecture": ARCHITECTURE,
            "subjects": list(self.subjects),
            "identity": [each.identity for each in self.maps],
            "n_shared_clips": self.n_shared_clips,
        }
        write_json(folder / CONFIG, config)
        if self.found is not None:
            draw(self.found, self.title, folder / FIGURE)
        return self.notes()

    def notes(self) -> dict[str, object]:
        """Return what a manifest says of them."""
        measured = self.found.notes() if self.found is not None else {}
        return {"n_columns": len(self.columns), "n_shared_clips": self.n_shared_clips, **measured}

    @classmethod
    def load(cls, artifact: Artifact) -> Self:
        """Read the maps of an artifact; what they were measured to do stays in its notes.

        Raises:
            MissingError, IntegrityError: the artifact holds no such maps, or they are damaged.
        """
        tensors = _as_arrays(read_tensors(artifact.file(WEIGHTS)))
        config = artifact.json(CONFIG)
        maps = tuple(
            LinearMap(**{name: tensors.get(f"{number}.{name}") for name in _ARRAYS}, identity=identity)  # type: ignore[arg-type]
            for number, identity in enumerate(config["identity"])
        )
        return cls(maps, tuple(config["subjects"]), tensors["columns"], int(config["n_shared_clips"]))


def _as_tensors(arrays: Mapping[str, np.ndarray]) -> dict[str, torch.Tensor]:
    """Return arrays as tensors, those that lie by columns transposed: a product of another order rounds otherwise."""
    found = {}
    for name, array in arrays.items():
        by_columns = array.ndim > 1 and array.flags.f_contiguous and not array.flags.c_contiguous
        found[f"{name}{_TRANSPOSED}" if by_columns else name] = torch.from_numpy(
            np.ascontiguousarray(array.T if by_columns else array)
        )
    return found


def _as_arrays(tensors: Mapping[str, torch.Tensor]) -> dict[str, np.ndarray]:
    """Return what `_as_tensors` was given."""
    turned = {name: each.numpy() for name, each in tensors.items()}
    return {
        name.removesuffix(_TRANSPOSED): array.T if name.endswith(_TRANSPOSED) else array
        for name, array in turned.items()
    }


def aligner(fit: FitGroup, *, leaves_alone: bool = False) -> PartFunction:
    """Return the part that fits a group's maps on the training rows of the clips that all subjects of `group` saw.

    Args:
        fit: from rows (n_clips, n_columns) of each subject to their maps.
        leaves_alone: it maps nothing, so that subjects need nothing in common.
    """

    def part(params: Any, inputs: Inputs, work: Work) -> GroupMaps:
        group = read_group(inputs["group"])
        shared = group.shared_clips()
        if not leaves_alone:
            group.check_can_align(shared)
        maps = fit(group.rows_of(shared), group.segments(shared), params, work.compute().algebra, work.progress.track)
        # Validation rows: no map was fitted on them, and no result is reported on them.
        held = group.shared_clips("val")
        before = group.rows_of(held, "val") if held else []
        after = [each.apply(rows) for each, rows in zip(maps, before, strict=False)]
        title = f"{work.part} (simulated data)" if work.dataset.simulated else work.part
        refs = tuple(str(artifact.ref) for artifact in inputs["group"])
        return GroupMaps(maps, refs, group.columns, len(shared), agreement(before, after), title)

    return part
