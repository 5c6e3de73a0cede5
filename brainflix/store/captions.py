"""Captions: one text per clip, decoded from predictions or from targets; text beside the numbers of `schema`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

from brainflix.errors import DataError
from brainflix.store.artifact import Artifact
from brainflix.store.checks import check_ids, check_length, load_as, set_fields, write_json

MAX_CHARACTERS = 1000


@dataclass(frozen=True, eq=False)
class Captions:
    """What was put into words: `captions`, one text (may be empty) for each clip of `clip_ids`.

    `truth` names the ref of the targets that the words stand for; `attrs` (JSON) says how they came about.

    Raises:
        DataError: lengths disagree, an id is unsafe or double, or a caption is no text, has line breaks or other
            control characters, or is longer than `MAX_CHARACTERS`.
    """

    FILE: ClassVar[str] = "captions.json"
    captions: tuple[str, ...]
    clip_ids: tuple[str, ...]
    truth: str
    attrs: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Normalise types and check."""
        set_fields(self, captions=tuple(self.captions), clip_ids=tuple(self.clip_ids), attrs=dict(self.attrs))
        check_ids("clip_ids", self.clip_ids)
        check_length("captions", self.captions, len(self.clip_ids), "clips")
        for clip_id, caption in zip(self.clip_ids, self.captions, strict=True):
            _check_caption(clip_id, caption)

    def save(self, staging: Path) -> dict[str, object]:
        """Write the captions as text, without arrays; return what they note."""
        body = {"captions": self.captions, "clip_ids": self.clip_ids, "truth": self.truth, "attrs": self.attrs}
        write_json(staging / self.FILE, body)
        return dict(self.attrs)

    @classmethod
    def load(cls, artifact: Artifact) -> Self:
        """Read the captions of an artifact.

        Raises:
            MissingError: the artifact holds none.
            DataError: they do not hold together; the artifact is named.
        """
        return load_as(cls, artifact, lambda: artifact.json(cls.FILE))

    @classmethod
    def are_in(cls, artifact: Artifact) -> bool:
        """Say whether an artifact holds captions."""
        return any(entry.path == cls.FILE for entry in artifact.manifest.files)


def _check_caption(clip_id: str, caption: str) -> None:
    if not isinstance(caption, str):
        raise DataError(f"the caption of {clip_id!r} is no text", why=f"found {type(caption).__name__}")
    if not caption.isprintable():
        raise DataError(f"the caption of {clip_id!r} holds control characters")
    if len(caption) > MAX_CHARACTERS:
        found = f"it has {len(caption)} characters, {MAX_CHARACTERS} are allowed"
        raise DataError(f"the caption of {clip_id!r} is too long", why=found)
