"""What stages hand to each other: clips, responses, targets, predictions, videos; each saves itself and checks itself.

Numbers are zarr arrays, text is JSON. `save` writes into a staging folder, `load` reads an artifact; both check.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from brainflix.errors import DataError, UsageError
from brainflix.store.arrays import Layout, create_array, write_array
from brainflix.store.artifact import Artifact
from brainflix.store.checks import (
    check_finite,
    check_ids,
    check_length,
    fits_float16,
    load_as,
    set_fields,
    write_json,
)
from brainflix.store.clips import SPLITS, Clips
from brainflix.store.responses import Responses

if TYPE_CHECKING:
    import zarr

__all__ = [
    "SPLITS",
    "Clips",
    "Predictions",
    "Responses",
    "Targets",
    "Videos",
    "check_storable",
    "create_frames",
    "create_targets",
]


@dataclass(frozen=True, eq=False)
class Targets:
    """What a decoder regresses: `values` (n_clips, *shape) float32 of `clips`, and `attrs` (JSON) saying what they are.

    `dtype` is what is stored: "float32", or "float16", which halves the file.

    Raises:
        DataError: lengths disagree or a value is not finite.
    """

    FILE: ClassVar[str] = "targets.json"
    values: np.ndarray[Any, Any]
    clips: Clips
    attrs: Mapping[str, Any] = field(default_factory=dict)
    dtype: str = "float32"

    def __post_init__(self) -> None:
        """Normalise types and check."""
        set_fields(self, values=np.asarray(self.values, np.float32), attrs=dict(self.attrs))
        check_length("values", self.values, len(self.clips), "clips")
        check_finite("values", self.values)

    def save(self, staging: Path) -> None:
        """Write the targets as column tiles.

        Raises:
            UsageError: another dtype is asked for.
            DataError: a value is too large for float16.
        """
        check_storable(self.values, self.dtype)
        _write(staging, "values", self.values.astype(self.dtype, copy=False), "clip", layout="tiles")
        self.clips.save(staging)
        write_json(staging / self.FILE, {"attrs": self.attrs})

    @classmethod
    def load(cls, artifact: Artifact) -> Self:
        """Read the targets of an artifact as float32; raises as `Clips.load`, and IntegrityError for damaged chunks."""
        clips = Clips.load(artifact)
        return load_as(
            cls, artifact, lambda: {**artifact.json(cls.FILE), "values": artifact.load("values"), "clips": clips}
        )


@dataclass(frozen=True, eq=False)
class Predictions:
    """What was predicted: `values` (n_clips, *shape) float32 for the clips `clip_ids`; `truth` names the targets' ref.

    Raises:
        DataError: lengths disagree, an id is unsafe or double, or a value is not finite.
    """

    FILE: ClassVar[str] = "predictions.json"
    values: np.ndarray[Any, Any]
    clip_ids: tuple[str, ...]
    truth: str
    attrs: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Normalise types and check."""
        set_fields(self, values=np.asarray(self.values, np.float32), attrs=dict(self.attrs))
        set_fields(self, clip_ids=tuple(self.clip_ids))
        check_ids("clip_ids", self.clip_ids)
        check_length("values", self.values, len(self.clip_ids), "clips")
        check_finite("values", self.values)

    def save(self, staging: Path) -> dict[str, object]:
        """Write the predictions as rows; return what they note."""
        _write(staging, "values", self.values, "clip", layout="rows")
        write_json(staging / self.FILE, {"clip_ids": self.clip_ids, "truth": self.truth, "attrs": self.attrs})
        return dict(self.attrs)

    @classmethod
    def load(cls, artifact: Artifact) -> Self:
        """Read the predictions of an artifact; raises as `Targets.load`."""
        return load_as(cls, artifact, lambda: {**artifact.json(cls.FILE), "values": artifact.load("values")})


@dataclass(frozen=True, eq=False)
class Videos:
    """Videos: `frames` (n_clips, n_frames, height, width, 3) uint8 RGB of the clips `clip_ids`, at `fps_hz`.

    Raises:
        DataError: shape or type is another, lengths disagree, an id is unsafe or double, or the rate is not positive.
    """

    FILE: ClassVar[str] = "videos.json"
    DIMS: ClassVar[tuple[str, ...]] = ("clip", "frame", "height", "width", "channel")
    frames: np.ndarray[Any, Any]
    clip_ids: tuple[str, ...]
    fps_hz: float

    def __post_init__(self) -> None:
        """Normalise types and check."""
        set_fields(self, frames=np.asarray(self.frames), clip_ids=tuple(self.clip_ids), fps_hz=float(self.fps_hz))
        check_ids("clip_ids", self.clip_ids)
        if self.frames.ndim != 5 or self.frames.shape[-1] != 3 or self.frames.dtype != np.uint8:
            found = f"found {self.frames.shape} {self.frames.dtype}"
            raise DataError("frames must be (n_clips, n_frames, height, width, 3) uint8", why=found)
        check_length("frames", self.frames, len(self.clip_ids), "clips")
        if not 0 < self.fps_hz < np.inf:
            raise DataError(f"fps_hz is {self.fps_hz}", why="a frame rate is positive and finite")

    def save(self, staging: Path) -> None:
        """Write the frames as rows."""
        write_array(staging, "frames", self.frames, dims=self.DIMS, layout="rows")
        write_json(staging / self.FILE, {"clip_ids": self.clip_ids, "fps_hz": self.fps_hz})

    @classmethod
    def load(cls, artifact: Artifact) -> Self:
        """Read the videos of an artifact; raises as `Targets.load`."""
        return load_as(cls, artifact, lambda: {**artifact.json(cls.FILE), "frames": artifact.load("frames")})


def check_storable(values: npt.ArrayLike, dtype: str) -> None:
    """Check that targets, float32 (n_clips, *shape) or some of them, can be stored in a dtype.

    Raises:
        UsageError: it is neither float16 nor float32.
        DataError: a value is too large for float16.
    """
    if dtype not in ("float16", "float32"):
        raise UsageError(f"targets cannot be stored as {dtype!r}", why="float16 or float32")
    if dtype == "float16" and not fits_float16(np.asarray(values)):
        raise DataError("the targets do not fit into float16", why="a value is beyond 65504; store float32")


def create_targets(staging: Path, shape: Sequence[int], dtype: np.dtype[Any]) -> zarr.Array[Any]:
    """Make the empty array of targets (n_clips, *shape), laid out as by `Targets.save`, to be filled in whole tiles."""
    return create_array(staging, "values", shape, dtype, dims=_dims("clip", len(shape)), layout="tiles")


def create_frames(staging: Path, shape: Sequence[int]) -> zarr.Array[Any]:
    """Make the empty array of frames (n_clips, n_frames, height, width, 3) in the layout of `Videos.save`."""
    return create_array(staging, "frames", shape, np.uint8, dims=Videos.DIMS, layout="rows")


def _write(staging: Path, name: str, values: np.ndarray[Any, Any], first: str, *, layout: Layout) -> None:
    write_array(staging, name, values, dims=_dims(first, values.ndim), layout=layout)


def _dims(first: str, count: int) -> tuple[str, ...]:
    return (first, *(f"axis_{axis}" for axis in range(1, count)))
