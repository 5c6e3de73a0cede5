"""Responses: the brain's answer to each trial, with the space that its columns live in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from brainflix.errors import DataError
from brainflix.store.arrays import write_array
from brainflix.store.artifact import Artifact
from brainflix.store.checks import check_finite, check_ids, check_length, load_as, set_fields, write_json
from brainflix.store.clips import Clips

_COLUMN_BYTES = 64 << 20
_PER_TRIAL: dict[str, type[np.signedinteger[Any]]] = {"clip": np.int32, "repeat": np.int16, "run": np.int16}


@dataclass(frozen=True, eq=False)
class Responses:
    """Responses to clips: `response` (n_trials, n_grayordinates) float32, one row per trial, in the order of the runs.

    Per trial: `clip` (n_trials,) int32 index into `clips`, or -1 for a volume of a run that answers no clip and is kept
    as its neighbours' window (gaps of a film); `repeat` and `run` (n_trials,) int16, `run` indexing `run_names`. Per
    grayordinate: `area` and `structure` (text), `index` (n_grayordinates,) int32 (vertex number; in a volume, a
    parcellation or a picture the place in C order, with `structure` naming the space), any `stats` (name ->
    (n_grayordinates,) numbers, NaN allowed), `masks` (name -> (n_grayordinates,) bool).

    Raises:
        DataError: lengths disagree, a response is not finite, or an index points outside.
    """

    FILE: ClassVar[str] = "space.json"
    response: np.ndarray[Any, Any]
    clip: np.ndarray[Any, Any]
    repeat: np.ndarray[Any, Any]
    run: np.ndarray[Any, Any]
    run_names: tuple[str, ...]
    clips: Clips
    area: tuple[str, ...]
    structure: tuple[str, ...]
    index: np.ndarray[Any, Any]
    stats: Mapping[str, np.ndarray[Any, Any]] = field(default_factory=dict)
    masks: Mapping[str, np.ndarray[Any, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Normalise types and check."""
        set_fields(self, response=np.asarray(self.response, np.float32), index=np.asarray(self.index, np.int32))
        set_fields(self, **{name: _integers(name, getattr(self, name), kind) for name, kind in _PER_TRIAL.items()})
        set_fields(self, run_names=tuple(self.run_names), area=tuple(self.area), structure=tuple(self.structure))
        set_fields(self, stats={name: np.asarray(each) for name, each in self.stats.items()})
        set_fields(self, masks={name: np.asarray(each, bool) for name, each in self.masks.items()})
        if self.response.ndim != 2:
            raise DataError("response must be (n_trials, n_grayordinates)", why=f"its shape is {self.response.shape}")
        for name in _PER_TRIAL:
            check_length(name, getattr(self, name), self.n_trials, "trials")
        per_column: dict[str, Any] = {"area": self.area, "structure": self.structure, "index": self.index}
        for name, values in {**per_column, **self.stats, **self.masks}.items():
            check_length(name, values, self.n_grayordinates, "grayordinates")
        check_ids("run_names", self.run_names)
        _check_range("clip", self.clip, len(self.clips), "clips", lowest=-1)
        _check_range("run", self.run, len(self.run_names), "runs")
        check_finite("response", self.response)

    @property
    def n_trials(self) -> int:
        """Number of trials."""
        return int(self.response.shape[0])

    @property
    def n_grayordinates(self) -> int:
        """Number of grayordinates."""
        return int(self.response.shape[1])

    def trials(self, split: str | Sequence[str]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """Return every trial of a split: the clip index (n,) int32 of each, and the responses (n, n_grayordinates).

        Raises:
            UsageError: there is no such split.
        """
        chosen = np.flatnonzero(np.isin(self.clip, self.clips.of(split)))
        return self.clip[chosen], self.response[chosen]

    def rows(self, split: str | Sequence[str]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """Return the clips of a split, each averaged over its repeats, in the order of the clips.

        Returns the clip indices (n,) int32 (clips without any trial are left out) and the means (n, n_grayordinates)
        float32, accumulated in float64.

        Raises:
            UsageError: there is no such split.
        """
        chosen = np.flatnonzero(np.isin(self.clip, self.clips.of(split)))
        order = chosen[np.argsort(self.clip[chosen], kind="stable")]
        clip, starts, counts = np.unique(self.clip[order], return_index=True, return_counts=True)
        if (counts == 1).all():
            return clip, self.response[order]
        means = np.empty((len(clip), self.n_grayordinates), np.float32)
        step = max(1, _COLUMN_BYTES // (8 * len(order)))
        for first in range(0, self.n_grayordinates, step):
            tile = self.response[order, first : first + step].astype(np.float64)
            means[:, first : first + step] = np.add.reduceat(tile, starts, axis=0) / counts[:, None]
        return clip, means

    def take_columns(self, columns: np.ndarray[Any, Any]) -> Responses:
        """Return the same trials at some columns (n_columns,), in that order."""
        return replace(
            self,
            response=self.response[:, columns],
            area=tuple(self.area[c] for c in columns),
            structure=tuple(self.structure[c] for c in columns),
            index=self.index[columns],
            stats={name: values[columns] for name, values in self.stats.items()},
            masks={name: values[columns] for name, values in self.masks.items()},
        )

    def save(self, staging: Path) -> None:
        """Write the responses as rows, one file per run of the most common length."""
        lengths = np.bincount(self.run, minlength=1)
        lengths = lengths[lengths > 0]
        rows = int(np.bincount(lengths).argmax()) if lengths.size else None
        dims = ("trial", "grayordinate")
        write_array(staging, "response", self.response, dims=dims, layout="rows", rows_per_shard=rows)
        for name in _PER_TRIAL:
            write_array(staging, name, getattr(self, name), dims=("trial",))
        names = {}
        for label in ("area", "structure"):
            words, codes = np.unique(np.array(getattr(self, label), dtype=object), return_inverse=True)
            names[label] = words.tolist()
            write_array(staging, label, codes.astype(np.int32), dims=("grayordinate",))
        write_array(staging, "index", self.index, dims=("grayordinate",))
        for group, arrays in (("stats", self.stats), ("masks", self.masks)):
            for name, values in arrays.items():
                write_array(staging, f"{group}/{name}", values, dims=("grayordinate",))
        self.clips.save(staging)
        write_json(staging / self.FILE, {**names, "run_names": self.run_names})

    @classmethod
    def load(cls, artifact: Artifact) -> Self:
        """Read the responses of an artifact.

        Raises:
            MissingError: the artifact holds none.
            IntegrityError: a file is absent or a chunk is damaged.
            DataError: they do not hold together; the artifact is named.
        """
        clips = Clips.load(artifact)
        return load_as(cls, artifact, lambda: {**_read(artifact, cls.FILE), "clips": clips})


def _read(artifact: Artifact, file: str) -> dict[str, Any]:
    space = artifact.json(file)
    arrays = {name: artifact.load(name) for name in ("response", "index", *_PER_TRIAL)}
    labels = {label: _words(artifact, label, space.get(label, [])) for label in ("area", "structure")}
    groups: dict[str, dict[str, Any]] = {"stats": {}, "masks": {}}
    for name in artifact.names():
        group, _, member = name.partition("/")
        if member and group in groups:
            groups[group][member] = artifact.load(name)
    return {**arrays, **labels, **groups, "run_names": tuple(space.get("run_names", ()))}


def _words(artifact: Artifact, label: str, words: list[str]) -> tuple[str, ...]:
    codes = artifact.load(label)
    if codes.size and not (codes.min() >= 0 and codes.max() < len(words)):
        raise DataError(f"{artifact.ref}: {label} has codes without a name")
    return tuple(words[code] for code in codes)


def _integers(name: str, values: Any, kind: type[np.signedinteger[Any]]) -> np.ndarray[Any, Any]:
    given = np.asarray(values)
    if given.size and not (np.issubdtype(given.dtype, np.integer) and (given == given.astype(kind)).all()):
        raise DataError(f"{name} must hold integers that fit into {kind.__name__}", why=f"its type is {given.dtype}")
    return given.astype(kind)


def _check_range(name: str, values: np.ndarray[Any, Any], count: int, of: str, lowest: int = 0) -> None:
    if values.size and not (values.min() >= lowest and values.max() < count):
        raise DataError(f"{name} points outside the {count} {of}", why=f"from {values.min()} to {values.max()}")
