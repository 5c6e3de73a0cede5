"""The door of `explain`: predictions, a regressor's or a network's, in; maps of grayordinates out."""

from __future__ import annotations

from brainflix.parts.contract import call as run

__all__ = ["VERSION", "run"]

VERSION = 1
