"""Refs: the names of artifacts, `kind/name@key`, and how they are read from text."""

from __future__ import annotations

import re
from dataclasses import dataclass

from brainflix.errors import UsageError
from brainflix.wording import suggest

KINDS = ("raw", "bold", "aligned", "targets", "model", "predictions", "videos", "maps", "scores", "report")
NAME_RULE = "1 to 64 of A-Z a-z 0-9 . _ -, not starting with a dot"
KEY_DIGITS = 12

_NAME = re.compile(r"(?!\.)[A-Za-z0-9._-]{1,64}")
_KEY = re.compile(rf"[0-9a-f]{{{KEY_DIGITS}}}")
_KEY_PREFIX = re.compile(rf"[0-9a-f]{{4,{KEY_DIGITS}}}")


def is_name(text: str) -> bool:
    """Tell whether `text` is a safe name (of an artifact, a clip, a file): it can never leave its folder."""
    return _NAME.fullmatch(text) is not None


def is_key(text: str) -> bool:
    """Tell whether `text` is a whole artifact key of 12 hex digits."""
    return _KEY.fullmatch(text) is not None


@dataclass(frozen=True, order=True)
class Ref:
    """The whole name of one artifact.

    Raises:
        UsageError: the kind is not one of `KINDS`, the name or the key breaks its rule.
    """

    kind: str
    name: str
    key: str

    def __post_init__(self) -> None:
        """Check the three parts."""
        _check_kind_and_name(self.kind, self.name)
        if not is_key(self.key):
            raise UsageError(f"{self.key!r} is not an artifact key", why=f"a key is {KEY_DIGITS} hex digits")

    def __str__(self) -> str:
        """Return `kind/name@key`."""
        return f"{self.kind}/{self.name}@{self.key}"


@dataclass(frozen=True, order=True)
class PartialRef:
    """A ref as people type it: the key may be absent (the newest) or shortened to its first digits.

    Raises:
        UsageError: the kind is not one of `KINDS`, the name or the key breaks its rule.
    """

    kind: str
    name: str
    key: str | None = None

    def __post_init__(self) -> None:
        """Check the parts."""
        _check_kind_and_name(self.kind, self.name)
        if self.key is not None and not _KEY_PREFIX.fullmatch(self.key):
            raise UsageError(
                f"{self.key!r} is not an artifact key",
                why=f"a key is {KEY_DIGITS} hex digits, or its first 4 or more",
                next="brainflix store ls",
            )

    def __str__(self) -> str:
        """Return `kind/name` or `kind/name@key`."""
        return f"{self.kind}/{self.name}" + (f"@{self.key}" if self.key else "")


def parse_ref(text: str) -> PartialRef:
    """Read `kind/name` or `kind/name@key` (the key may be its first 4 digits or more).

    Raises:
        UsageError: the text has another form, or one of its parts breaks its rule.
    """
    place, at, key = text.strip().partition("@")
    kind, slash, name = place.partition("/")
    if not slash or not kind or "/" in name or (at and not key):
        raise UsageError(f"{text!r} is not a ref", why="a ref is kind/name or kind/name@key", next="brainflix store ls")
    return PartialRef(kind, name, key if at else None)


def whole_ref(text: str) -> Ref:
    """Read `kind/name@key` with all 12 digits.

    Raises:
        UsageError: the key is absent or shortened, or the text is no ref.
    """
    partial = parse_ref(text)
    if partial.key is None:
        raise UsageError(f"{text!r} has no key", why="a whole ref is kind/name@key")
    return Ref(partial.kind, partial.name, partial.key)


def _check_kind_and_name(kind: str, name: str) -> None:
    if kind not in KINDS:
        raise UsageError(
            f"{kind!r} is not a kind of artifact",
            why=suggest(kind, KINDS) or f"the kinds are {', '.join(KINDS)}",
            next="brainflix store ls",
        )
    if not is_name(name):
        raise UsageError(f"{name!r} is not an artifact name", why=f"a name is {NAME_RULE}")
