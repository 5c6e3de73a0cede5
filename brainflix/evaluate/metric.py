"""What a metric is: what it returns to the scorer, and what it is given beside the clips.

A metric is a part like others, called as `part(params, inputs, work)`; its inputs are the scene. It returns its lines
by name, each one of: `ClipMetric`, two functions of which the scorer makes everything in one walk over the clips;
`Excess`, such a line minus its mean over strangers; `Measured`, what a part found by itself over all clips; `Skipped`,
what cannot be scored.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from brainflix.evaluate.blocks import defined_mean
from brainflix.evaluate.design import Design, Ints
from brainflix.evaluate.gathering import ByExchange
from brainflix.evaluate.keeping import Kept
from brainflix.evaluate.nway_curve import Curve
from brainflix.evaluate.permutations import Permuted
from brainflix.evaluate.scene import PREDICTION
from brainflix.evaluate.views import ClipSet, View

if TYPE_CHECKING:
    from brainflix.evaluate.networks.audience import Audience
    from brainflix.evaluate.networks.checkpoints import Located

Floats = NDArray[np.float64]
Files = tuple[Path, Path]
"""Of the truth and of the prediction."""
Null = Literal["permuted", "matched", "signs"]


@dataclass(frozen=True)
class ClipMetric:
    """A metric of single clips.

    Attributes:
        own: of a (truth, prediction), its values (n_values,), one a frame or one in all, NaN where undefined.
        pairs: of (truths, predictions), its values for all pairings, (n_predictions, n_truths), from a sample of
            places; None where there is nothing to permute.
        null: what p is made of: permutations, those among clips of the same true speed, or the signs of the values.
        chance: from theory, NaN where there is none.
        is_rate: whether clips score between never (0) and always (1).
        motion: whether it is made of optical flow.
        bare: whether it is known of the truth alone, so that no baseline has a value of its own.
    """

    own: Callable[[View, View], Floats]
    pairs: Callable[[ClipSet, ClipSet], Floats] | None = None
    null: Null = "permuted"
    chance: float = math.nan
    is_rate: bool = False
    motion: bool = False
    bare: bool = False


@dataclass(frozen=True)
class Excess:
    """The line `of` minus its mean over strangers; the scorer computes that line whether it is asked for or not."""

    of: str


@dataclass(frozen=True, eq=False)
class Measured:
    """What was found over all clips.

    Attributes:
        own: by video set, the clips' values (n_clips,), of the prediction and of others that were seen.
        permuted: chance and p, None where there is no test.
        n_nan: undefined values of the prediction; None counts its undefined clips.
        chance: from theory, NaN where there is none.
        is_rate: whether clips score between never (0) and always (1).
        remark: goes behind what the metric is.
        value: a number that belongs to the whole set; then no clip has a value and nothing is tested.
        curve: N-way accuracy over n, with the name under which documents have it.
    """

    own: Mapping[str, Floats] = field(default_factory=dict)
    permuted: Permuted | None = None
    n_nan: int | None = None
    chance: float = math.nan
    is_rate: bool = False
    remark: str = ""
    value: float | None = None
    curve: tuple[str, Curve] | None = None

    @property
    def prediction(self) -> Floats:
        """The prediction's values, (n_clips,)."""
        return self.own[PREDICTION]

    def below(self, name: str) -> float:
        """Return the mean of another set's values, NaN if none is defined."""
        return defined_mean(self.own[name])


@dataclass(frozen=True)
class Skipped:
    """A line that these clips, or these weights, do not allow: why, and what to do about it."""

    why: str
    next: str


Found = Mapping[str, ClipMetric | Excess | Measured | Skipped]


@dataclass(frozen=True, eq=False)
class MetricWork:
    """What a metric may use beside the clips.

    Attributes:
        design: who meets whom.
        wanted: the lines that are to be scored; a part need not return others.
        directions: by line, whether higher is better; None where no direction is good.
        audience: shows clips to networks.
        weights: the checkpoints that are here, by key.
        logits, features: files of the user, which come before weights.
        folder: for what may not fit in memory.
        workers: threads.
        track: counts clips.
        kept: what a run that was stopped has computed already.
    """

    design: Design
    wanted: frozenset[str]
    audience: Audience
    folder: Path
    directions: Mapping[str, bool | None] = field(default_factory=dict)
    weights: Mapping[str, Located] = field(default_factory=dict)
    logits: Files | None = None
    features: Files | None = None
    workers: int = 1
    track: Callable[..., Iterable[Any]] = lambda items, what: iter(items)
    kept: Kept = field(default_factory=Kept)

    @property
    def seed(self) -> int:
        """Seed of sampled places and of everything random."""
        return self.design.settings.seed


def permuted_rows(rows: Iterable[tuple[Ints, Floats]], design: Design, *, higher_is_better: bool = True) -> Permuted:
    """Return chance and p from rows of all pairings as they come: which predictions, and (n_rows, n_clips)."""
    gathered = ByExchange(design, higher_is_better=higher_is_better)
    for clips, scores in rows:
        gathered.add(clips, scores)
    return gathered.result()
