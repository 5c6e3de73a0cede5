"""What every dataset declares about itself. Light: importing a declaration reads no data and no heavy library."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Writer = Callable[[Mapping[str, Any], int | None, Path], None]


@dataclass(frozen=True)
class Dataset:
    """One dataset.

    Attributes:
        name, title: for the command line and for people.
        subjects: subject numbers.
        tr_s: time between volumes in seconds.
        clip_s: length of a clip in seconds.
        licence, access, source, citation: its terms ("embedded", "open", "terms" or "manual") and where it comes from.
        revision: pinned revision; part of every key.
        simulated: whether the brains are simulated; every report says so.
        stimulus_params: the parameters that the stimuli depend on; the others only touch the brain data.
        fetch: `module:function` that brings the raw files of the stimuli (subject None) or of one subject.
    """

    name: str
    title: str
    subjects: tuple[int, ...]
    tr_s: float
    clip_s: float
    licence: str
    access: str
    source: str
    citation: str
    revision: str
    simulated: bool
    stimulus_params: tuple[str, ...]
    fetch: str
