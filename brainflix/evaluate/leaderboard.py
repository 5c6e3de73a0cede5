"""Several runs on the same clips: their scores side by side, and the paired difference of each from the first."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError, UsageError
from brainflix.evaluate.comparison import holm, paired_difference
from brainflix.evaluate.ranges import ANYTHING, Range
from brainflix.wording import count, did_you_mean


@dataclass(frozen=True, eq=False)
class Run:
    """One scored run.

    Attributes:
        name: unique among the runs compared.
        document: content of its scores.json.
        per_clip: by metric, values of shape (n_clips,) in the order of the document's `clip_ids`.
        truth: a digest of the frames that it was scored against; of older scores, refs of them.
        made: what else its numbers depend on, by name: the scorer, frames and size, weights.
        blocks: array of shape (n_clips,), stimulus block of each clip.
        dataset: name of the data set; empty where nobody knows.
        ref: of the artifact; empty of a document.
    """

    name: str
    document: Mapping[str, Any]
    per_clip: Mapping[str, NDArray[np.float64]]
    truth: tuple[str, ...]
    made: Mapping[str, str] = field(default_factory=dict)
    blocks: NDArray[Any] = field(default_factory=lambda: np.zeros(0, np.int64))
    dataset: str = ""
    ref: str = ""

    def values(self, metric: str, clip_ids: Sequence[str]) -> NDArray[np.float64]:
        """Return one metric's values in the order of `clip_ids`."""
        place = {clip: index for index, clip in enumerate(self.document["clip_ids"])}
        return self.per_clip[metric][[place[clip] for clip in clip_ids]]


@dataclass(frozen=True)
class Difference:
    """How another run differs from the first on one metric.

    Attributes:
        metric, first, other: what is compared.
        difference, lo, hi: mean of (other - first) over clips, and the limits of its 95 % interval.
        p, p_holm: of the paired sign-flip test over blocks, and adjusted over all differences of the table.
        p_min, n_group: smallest p that so many blocks can give, and how many patterns of signs they have.
        n_clusters: blocks that are compared.
        n, n_nan: clips compared, and clips left out because either value is undefined.
        better: whether the difference points in the metric's good direction; None where it has none.
    """

    metric: str
    first: str
    other: str
    difference: float
    lo: float
    hi: float
    p: float
    p_holm: float
    p_min: float
    n_group: int
    n_clusters: int
    n: int
    n_nan: int
    better: bool | None

    @property
    def interval_text(self) -> str:
        """The limits of the interval for a reader; without them, how few blocks there are."""
        if math.isnan(self.lo):
            return f"none ({count(self.n_clusters, 'block')})"
        return f"{self.lo:+.3f} to {self.hi:+.3f}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values; NaN becomes None."""
        plain = asdict(self)
        return {key: None if isinstance(each, float) and math.isnan(each) else each for key, each in plain.items()}


def check_comparable(runs: Sequence[Run]) -> None:
    """Check that all runs were scored on the same clips, against the same truth, under one protocol, by the same means.

    Raises:
        UsageError: fewer than two runs.
        DataError: they differ.
    """
    if len(runs) < 2:
        raise UsageError("one run has nothing to be compared with", next="name two scores or more")
    first = runs[0]
    for other in runs[1:]:
        for what, own, theirs in (
            ("protocol", first.document["protocol"], other.document["protocol"]),
            # Weights count where both used them: tables may hold different metrics.
            *((name, first.made[name], other.made[name]) for name in sorted(first.made.keys() & other.made.keys())),
            ("truth", ", ".join(first.truth), ", ".join(other.truth)),
        ):
            if own != theirs:
                raise DataError(
                    f"{first.name} and {other.name} cannot be compared", why=f"{what}: {own}, against {theirs}"
                )
        apart = set(first.document["clip_ids"]) ^ set(other.document["clip_ids"])
        if apart:
            why = f"{count(len(apart), 'clip')} in one only, such as {min(apart)}"
            raise DataError(f"{first.name} and {other.name} were scored on other clips", why=why)


def choose_metrics(runs: Sequence[Run], wanted: Sequence[str] = ()) -> list[str]:
    """Return the metrics to compare: those wanted, or the primary ones, that every run has.

    Raises:
        UsageError: a wanted metric is not in every run.
        DataError: the runs share none.
    """
    shared = [name for name in runs[0].per_clip if all(name in run.per_clip for run in runs)]
    for name in wanted:
        if name not in shared:
            raise UsageError(f"not every run has a metric {name!r}", why=did_you_mean(name, shared))
    chosen = list(wanted) or [name for name in runs[0].document["primary"] if name in shared]
    if not chosen:
        raise DataError("the runs share no primary metric", next="choose some with --metrics")
    return chosen


def differences(
    runs: Sequence[Run],
    metrics: Sequence[str],
    clusters: NDArray[Any],
    *,
    n_draws: int = 10_000,
    seed: int = 0,
) -> list[Difference]:
    """Compare every run with the first, metric by metric, and adjust p over all of them (docs/scoring.md, Holm).

    Args:
        runs: as `check_comparable` accepts them.
        metrics: names that all have.
        clusters: stimulus block of each clip, in the order of the first run's clips.
        n_draws, seed: of the sign flips.
    """
    first, clip_ids, lines = runs[0], runs[0].document["clip_ids"], runs[0].document["scores"]
    pairs = [(metric, other) for metric in metrics for other in runs[1:]]
    found = [
        paired_difference(
            other.values(metric, clip_ids),
            first.values(metric, clip_ids),
            clusters,
            n_draws=n_draws,
            seed=seed,
            within=_range(lines[metric]),
        )
        for metric, other in pairs
    ]
    adjusted = holm(np.array([each.test.p for each in found]))
    return [
        Difference(
            metric=metric,
            first=first.name,
            other=other.name,
            difference=each.interval.value,
            lo=each.interval.lo,
            hi=each.interval.hi,
            p=each.test.p,
            p_holm=float(p_holm),
            p_min=each.test.p_min,
            n_group=each.test.n_group,
            n_clusters=each.interval.n_clusters,
            n=each.interval.n,
            n_nan=each.interval.n_nan,
            better=_is_better(each.interval.value, lines[metric]["higher_is_better"]),
        )
        for (metric, other), each, p_holm in zip(pairs, found, adjusted, strict=True)
    ]


def _range(line: Mapping[str, Any]) -> Range:
    """Return what a score can be, as its line says; older documents do not say it."""
    least, most = line.get("range") or (None, None)
    return (ANYTHING[0] if least is None else float(least), ANYTHING[1] if most is None else float(most))


def _is_better(difference: float, higher_is_better: bool | None) -> bool | None:
    """Say whether a difference points in the good direction; none and an undefined one do not."""
    if higher_is_better is None:
        return None
    return difference > 0 if higher_is_better else difference < 0
