"""N-way accuracy for every number of choices, and the area below that curve: one number that no choice of n enters.

2-way accuracy hardly tells good systems apart, 50-way hardly bad ones; a curve does (docs/scoring.md, N-way accuracy).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import UsageError
from brainflix.evaluate import nway

Floats = NDArray[np.float64]
# Values of n that a document holds; the area is over all of them.
MOST_POINTS = 50


@dataclass(frozen=True, eq=False)
class Curve:
    """Accuracy over n = 2, 3, ... up to all classes.

    Attributes:
        n: array of shape (n_points,), numbers of choices, about evenly spaced in their logarithm, both ends included.
        accuracy: array of shape (n_points,), mean over all items.
        chance: array of shape (n_points,), accuracy of scores without information.
        area: mean of the accuracy over every n, not over these points alone.
        area_chance: the same of chance.
    """

    n: NDArray[np.int64]
    accuracy: Floats
    chance: Floats
    area: float
    area_chance: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "n": self.n.tolist(),
            "accuracy": self.accuracy.tolist(),
            "chance": self.chance.tolist(),
            "area": self.area,
            "area_chance": self.area_chance,
        }


def accuracy_curve(counts: nway.Counts, g: int, k: int = 1, ties: nway.Ties = "fair") -> Curve:
    """Return the N-way top-k accuracy over all n from 2 to the number of distractors plus one.

    For k = 1 and without ties the area of one item is (M - b) / (M (b + 1)), b of its M distractors above it: a
    reciprocal rank, brought to 1 for the first place and to 0 for the last.

    Args:
        counts: rank counts of any shape with one number of distractors.
        g: true classes of each item, which chance depends on.
        k: success is to be among the k best.
        ties: "lose", "win" or "fair".

    Raises:
        UsageError: items with different numbers of distractors, no item, no true class, or an impossible k or tie rule.
    """
    if not isinstance(counts.pool, int):
        raise UsageError("items with different numbers of distractors have no curve in common")
    if not counts.above.size or g < 1:
        raise UsageError(f"no curve of {counts.above.size} items with {g} true classes")
    ns = np.arange(2, counts.pool + 2)
    accuracy = nway.curve(counts, ns.tolist(), k, ties)
    chance = np.array([nway.chance(n, k, g) for n in ns.tolist()])
    shown = np.unique(np.rint(np.geomspace(2, ns[-1], MOST_POINTS)).astype(np.int64)) - 2
    return Curve(ns[shown], accuracy[shown], chance[shown], float(accuracy.mean()), float(chance.mean()))
