"""What recipes and parts were called, and are called now: old names are read, with a line that says the new."""

from __future__ import annotations

import warnings

from brainflix.errors import Renamed

RECIPES = {
    "cc2017-brain-netflix": "cc2017--as-brain-netflix",
    "cc2017-mind-animator": "cc2017--as-mind-animator",
    "cc2017-mindvideo": "cc2017--as-mindvideo",
    "hcp7t-mind-animator": "hcp7t--as-mind-animator",
}
PARTS = {("targets", "captions"): "token-states"}


def part_now(stage: str, name: str) -> str:
    """Return what a part of a stage is called now."""
    new = PARTS.get((stage, name), name)
    if new != name:
        warnings.warn(f"the {stage} part {name} is now called {new}", Renamed, stacklevel=2)
    return new
