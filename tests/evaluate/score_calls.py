"""Requests of `score` as tests write them: paths as they are, and the design's choices by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from brainflix.evaluate.design import Settings
from brainflix.evaluate.request import Request

OF_DESIGN = ("permutations", "block", "block_s", "seed")


def request(pred: Path | str, truth: Path | str | None = None, **choices: Any) -> Request:
    """Return a request; `permutations`, `block`, `block_s` and `seed` go to its settings."""
    settings = {name: choices.pop(name) for name in OF_DESIGN if name in choices}
    return Request(
        pred=str(pred), truth=None if truth is None else str(truth), settings=Settings(**settings), **choices
    )
