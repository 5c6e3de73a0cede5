"""The door of `extract-targets`: one artifact per target, for all clips."""

from __future__ import annotations

from brainflix.parts.contract import call as run

__all__ = ["VERSION", "run"]

VERSION = 2
