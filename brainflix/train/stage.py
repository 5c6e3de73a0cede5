"""The door of `train`: rows of the training split in, a network out. It never sees a test row."""

from __future__ import annotations

from brainflix.parts.contract import call as run

__all__ = ["VERSION", "run"]

VERSION = 1
