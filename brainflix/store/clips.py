"""Clips: the pieces of film that were shown, in their fixed order, and the split that each belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from brainflix.errors import DataError, UsageError
from brainflix.store.artifact import Artifact
from brainflix.store.checks import check_finite, check_ids, check_length, load_as, set_fields, write_json
from brainflix.wording import count, suggest

SPLITS = ("train", "val", "test")
"""Names of the splits; the number of a split is its place."""


def groups_of(contents: Sequence[str]) -> np.ndarray[Any, Any]:
    """Return a group number for each item, equal where the contents are, such as digests of films: (n_items,)."""
    first: dict[str, int] = {}
    return np.array([first.setdefault(content, place) for place, content in enumerate(contents)], np.int32)


@dataclass(frozen=True, eq=False)
class Clips:
    """The clips of an experiment in their fixed order.

    `ids`, `segment` (the file that a clip was cut from) and `caption` (may be empty text) hold one text per clip;
    `onset_s` (n_clips,) is the start within the segment in seconds; `split` (n_clips,) int8 is 0 train, 1 val, 2 test.
    `dup_group` (n_clips,) int32 is equal for clips that show the same film, which no split may separate; by default
    each clip is a group of its own.

    Raises:
        DataError: lengths disagree, an id is unsafe or double, an onset is not finite, a split is unknown,
            or a group of equal clips lies in two splits.
    """

    FILE: ClassVar[str] = "clips.json"
    ids: tuple[str, ...]
    segment: tuple[str, ...]
    onset_s: np.ndarray[Any, Any]
    split: np.ndarray[Any, Any]
    caption: tuple[str, ...]
    dup_group: np.ndarray[Any, Any] = field(default_factory=lambda: np.zeros(0, np.int32))

    def __post_init__(self) -> None:
        """Normalise types and check."""
        set_fields(self, ids=tuple(self.ids), segment=tuple(self.segment), caption=tuple(self.caption))
        set_fields(self, onset_s=np.asarray(self.onset_s, np.float64), split=np.asarray(self.split, np.int8))
        check_ids("clip ids", self.ids)
        groups = self.dup_group if np.size(self.dup_group) else np.arange(len(self.ids))
        set_fields(self, dup_group=np.asarray(groups, np.int32))
        for name in ("segment", "onset_s", "split", "caption", "dup_group"):
            check_length(name, getattr(self, name), len(self.ids), "clips")
        check_finite("onset_s", self.onset_s)
        if not np.isin(self.split, range(len(SPLITS))).all():
            raise DataError("a clip has an unknown split", why="0 is train, 1 val, 2 test")
        self._check_groups()

    def _check_groups(self) -> None:
        """Refuse a split that lets the same film be learnt and tested."""
        order = np.lexsort((self.split, self.dup_group))
        group, split = self.dup_group[order], self.split[order]
        torn = np.flatnonzero((group[1:] == group[:-1]) & (split[1:] != split[:-1]))
        if torn.size:
            one, other = (self.ids[order[at]] for at in (torn[0], torn[0] + 1))
            raise DataError("clips that show the same film lie in different splits", why=f"such as {one} and {other}")

    def __len__(self) -> int:
        """Return the number of clips."""
        return len(self.ids)

    def of(self, split: str | Sequence[str]) -> np.ndarray[Any, Any]:
        """Return the indices (n,) int64 of the clips of one split, or of several.

        Raises:
            UsageError: there is no such split.
        """
        names = (split,) if isinstance(split, str) else tuple(split)
        for name in names:
            if name not in SPLITS:
                raise UsageError(f"there is no split {name!r}", why=suggest(name, SPLITS) or f"{', '.join(SPLITS)}")
        return np.flatnonzero(np.isin(self.split, [SPLITS.index(name) for name in names]))

    def places(self, ids: Sequence[str]) -> np.ndarray[Any, Any]:
        """Return the index (n,) int64 of each of `ids`.

        Raises:
            DataError: a clip is not among them; it is named.
        """
        where = {each: place for place, each in enumerate(self.ids)}
        unknown = [each for each in ids if each not in where]
        if unknown:
            raise DataError(f"{count(len(unknown), 'clip')} unknown here", why=f"the first is {unknown[0]!r}")
        return np.array([where[each] for each in ids], np.int64)

    def take(self, index: Sequence[int] | np.ndarray[Any, Any]) -> Clips:
        """Return the clips at `index` (n,), in that order."""
        at = np.asarray(index, np.int64)
        texts = {name: tuple(getattr(self, name)[i] for i in at) for name in ("ids", "segment", "caption")}
        return Clips(onset_s=self.onset_s[at], split=self.split[at], dup_group=self.dup_group[at], **texts)

    def save(self, staging: Path) -> None:
        """Write `clips.json` into a staging folder."""
        body = {"ids": self.ids, "segment": self.segment, "caption": self.caption}
        numbers = {name: getattr(self, name).tolist() for name in ("onset_s", "split", "dup_group")}
        write_json(staging / self.FILE, {**body, **numbers})

    @classmethod
    def load(cls, artifact: Artifact) -> Self:
        """Read the clips of an artifact.

        Raises:
            MissingError: the artifact holds none.
            DataError: they do not hold together; the artifact is named.
        """
        return load_as(cls, artifact, lambda: artifact.json(cls.FILE))
