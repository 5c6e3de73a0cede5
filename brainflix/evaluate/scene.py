"""All clips of one table as they are compared: truth, prediction, and what both are measured by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError
from brainflix.evaluate.design import Design, Settings, apart, by_blocks, by_film
from brainflix.evaluate.flow import Grey
from brainflix.evaluate.videos import VideoSet

TRUTH, PREDICTION, ORACLE = "truth", "prediction", "oracle"
SAMPLE = "sample "
# Baselines that are made of what the prediction shows; all other sets are the same for every subject.
OF_PREDICTION = ("blurred", "static_first")
# Those whose frames are all equal: they need no network to have no flow.
STILL = ("grey", "train_mean", "static_first", "truth_first")


@dataclass(frozen=True, eq=False)
class Film:
    """Where clips lie: `segment`, a name for each, and `onset_s` (n_clips,), seconds from the segment's start."""

    segment: tuple[str, ...]
    onset_s: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Scene:
    """Clips as they are compared; their frames lie on disk.

    Attributes:
        ids: clip ids in the order of the film, or in natural order.
        truth, prediction: the two sides.
        baselines: by name, what any decoder must beat: made of the two, and those that were given.
        oracle: the true targets through the same generator, if there is one.
        samples: reconstructions of the same clips with other seeds.
        shape: frames, height and width that are compared.
        fps_hz: frames per second of what is compared; None where the truth has no clock, or clips differ.
        grey: how optical flow takes luminance.
        rank: array of shape (n_clips,), place of each clip by a hash of what it shows, whatever its name.
        film: where the clips lie, if that is known.
        truth_sha256: of all true frames that are compared, with their clips' ids.
        own_size: whether the clips kept the truth's own size.
        codecs: by side, what the pixels went through.
        notes: what was changed on the way.
    """

    ids: tuple[str, ...]
    truth: VideoSet
    prediction: VideoSet
    baselines: Mapping[str, VideoSet]
    oracle: VideoSet | None
    samples: tuple[VideoSet, ...]
    shape: tuple[int, int, int]
    fps_hz: float | None
    grey: Grey
    rank: NDArray[np.int64]
    film: Film | None
    truth_sha256: str
    own_size: bool = False
    codecs: Mapping[str, list[str]] | None = None
    notes: tuple[str, ...] = ()

    @property
    def n_clips(self) -> int:
        """How many clips there are."""
        return len(self.ids)

    @cached_property
    def others(self) -> dict[str, VideoSet]:
        """Every set beside truth and prediction, by name."""
        found = dict(self.baselines)
        if self.oracle is not None:
            found[ORACLE] = self.oracle
        return found | {f"{SAMPLE}{number}": each for number, each in enumerate(self.samples, start=1)}

    @property
    def sets(self) -> dict[str, VideoSet]:
        """Every set by name."""
        return {TRUTH: self.truth, PREDICTION: self.prediction, **self.others}


def check_names(given: Mapping[str, object]) -> None:
    """Refuse given baselines that have the name of another set.

    Raises:
        DataError: one has.
    """
    taken = {TRUTH, PREDICTION, ORACLE, "mismatched", *OF_PREDICTION, *STILL}
    for name in given:
        if name in taken or name.startswith(SAMPLE):
            raise DataError(f"a baseline cannot be called {name!r}", why="another set of videos has that name")


def is_baseline(name: str) -> bool:
    """Say whether a set's values are those of a baseline, by its name."""
    return name not in (TRUTH, PREDICTION, ORACLE) and not name.startswith(SAMPLE)


def design_of(scene: Scene, settings: Settings, folder: Path | None = None) -> Design:
    """Choose the design that what is known of the clips allows (docs/scoring.md, Chance).

    Args:
        scene: the clips.
        settings: what is chosen.
        folder: takes what grows with the clips; None holds it in memory.

    Raises:
        UsageError: a block of so many clips is not possible.
    """
    if scene.film is not None:
        return by_film(scene.film.segment, scene.film.onset_s, settings, scene.rank, folder)
    if settings.block != 1:
        return by_blocks(scene.n_clips, settings)
    return apart(scene.rank, settings, folder)
