"""What an alignment did to rows that it was not fitted on: how alike subjects are before and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.align.choose import WINDOW, group_matching
from brainflix.align.quality import isc_leave_one_out, time_segment_matching

# Fewer rows than this say nothing about segments.
FEWEST_ROWS = 3 * WINDOW


@dataclass(frozen=True, eq=False)
class Agreement:
    """Agreement of a group, each subject with the mean of the others.

    Attributes:
        isc_before, isc_after: correlation over time of each column, mean over subjects, (n_columns,).
        found_before, found_after: fraction of segments found by their pattern.
        chance: the fraction expected by chance.
        n_rows: rows that it was measured on.
    """

    isc_before: NDArray[np.float64]
    isc_after: NDArray[np.float64]
    found_before: float
    found_after: float
    chance: float
    n_rows: int

    def notes(self) -> dict[str, Any]:
        """Return what a manifest says of it."""
        return {
            "isc_before": round(float(np.nanmean(self.isc_before)), 4),
            "isc_after": round(float(np.nanmean(self.isc_after)), 4),
            "segments_found_before": round(self.found_before, 4),
            "segments_found_after": round(self.found_after, 4),
            "segments_found_by_chance": round(self.chance, 4),
            "n_rows_of_agreement": self.n_rows,
        }


def agreement(before: Sequence[NDArray[Any]], after: Sequence[NDArray[Any]]) -> Agreement | None:
    """Compare a group before and after alignment on the same rows; None for one subject or too few rows.

    Args:
        before: per subject, rows (n, n_columns), the same moments.
        after: the same rows aligned.
    """
    if len(before) < 2 or len(before[0]) < FEWEST_ROWS:
        return None
    isc = [_mean_isc(group) for group in (before, after)]
    found = [group_matching(group) for group in (before, after)]
    chance = time_segment_matching(before[0], before[1], window=WINDOW).chance
    return Agreement(isc[0], isc[1], found[0], found[1], chance, len(before[0]))


def _mean_isc(group: Sequence[NDArray[Any]]) -> NDArray[np.float64]:
    each = isc_leave_one_out(np.stack(group))
    counts = np.isfinite(each).sum(axis=0)
    out = np.full(each.shape[1], np.nan)
    np.divide(np.nansum(each, axis=0), counts, out=out, where=counts > 0)
    return out
