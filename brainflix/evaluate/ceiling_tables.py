"""What limits a score, as tables: the luck of the generator's seed, and what repeats allow a decoder to reach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError
from brainflix.evaluate.ceilings import sampling_spread, target_ceiling
from brainflix.evaluate.targets_metrics import profile_correlation

SPREAD_TITLE = "Luck of the generator's seed"
CEILING_TITLE = "What repeats allow regressed targets"


def spread_rows(values: Mapping[str, Mapping[str, NDArray[np.float64]]], sets: Sequence[str]) -> list[dict[str, Any]]:
    """Return a row for each metric: how its values spread over reconstructions with different seeds.

    Args:
        values: by metric and video set, (n_clips,) each.
        sets: the reconstruction under evaluation and further samples of the same clips, two or more in all.
    """
    rows = []
    for metric, own in values.items():
        if not all(name in own for name in sets):
            continue
        table = np.stack([own[name] for name in sets], axis=1)
        found = sampling_spread(table)
        # Of the clips that every sample has a value for: otherwise samples would differ by which clips they lack.
        common = table[np.isfinite(table).all(axis=1)]
        means = common.mean(axis=0) if len(common) else np.full(table.shape[1], np.nan)
        rows.append(
            {
                "metric": metric,
                "n_seeds": len(sets),
                "mean": float(means.mean()),
                "sd_of_means": float(means.std(ddof=1)),
                "sd_within_clip": found.sd,
                "share_of_variance": found.share,
                "n_clips": found.n_clips,
            }
        )
    return [rounded(row) for row in rows]


def ceiling_row(
    step: str, whole: NDArray[Any], halves: tuple[NDArray[Any], NDArray[Any]], truth: NDArray[Any]
) -> dict[str, Any]:
    """Return the row of one regressed target: its profile correlation beside the largest that its repeats allow.

    Args:
        step: of the prediction from all repeats.
        whole: that prediction, (n_clips, n_dims).
        halves: predictions by the same decoder from one half of each clip's repeats, and from the other.
        truth: the targets, (n_clips, n_dims).

    Raises:
        DataError: shapes differ.
    """
    if not whole.shape == halves[0].shape == halves[1].shape == truth.shape:
        raise DataError(f"{step} and its halves are of other clips or targets")
    found = target_ceiling(*halves)
    reached = profile_correlation(whole, truth)
    known = np.isfinite(found.ceiling) & np.isfinite(reached)
    return rounded(
        {
            "target": step,
            "profile_correlation": _mean(reached[known]),
            "ceiling": _mean(found.ceiling[known]),
            "reliability": _mean(found.reliability[known]),
            "n_dims": int(known.sum()),
            "n_undefined": int(found.n_undefined),
            "n_negative": int(found.n_negative),
        }
    )


def _mean(values: NDArray[Any]) -> float:
    return float(values.mean()) if values.size else float("nan")


def rounded(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row as documents hold it: numbers with six digits; what is not defined or not finite becomes None."""
    plain = {key: None if isinstance(value, float) and not np.isfinite(value) else value for key, value in row.items()}
    return {key: round(value, 6) if isinstance(value, float) else value for key, value in plain.items()}
