"""A picture of what an alignment did: agreement of columns and of segments, before and after."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from brainflix.align.agreement import Agreement

_BEFORE, _AFTER = "#9aa5b1", "#1f6f8b"


def draw(agreement: Agreement, title: str, path: Path) -> None:
    """Draw the distribution of inter-subject correlation over columns, and the fraction of segments found."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.2), layout="constrained")
    FigureCanvasAgg(figure)
    columns, segments = figure.subplots(1, 2, width_ratios=(3, 1))
    bins = np.linspace(-1, 1, 61)
    for values, colour, name in (
        (agreement.isc_before, _BEFORE, "before"),
        (agreement.isc_after, _AFTER, "after"),
    ):
        known = values[np.isfinite(values)]
        columns.hist(
            known, bins=bins, color=colour, alpha=0.6, label=f"{name}, mean {round(known.mean(), 2) + 0.0:.2f}"
        )
    columns.set_xlabel("correlation of a column with the mean of the other subjects")
    columns.set_ylabel("columns")
    columns.legend(frameon=False)
    found = [agreement.found_before, agreement.found_after]
    bars = segments.bar(["before", "after"], found, color=[_BEFORE, _AFTER])
    segments.bar_label(bars, fmt="%.2f")
    segments.axhline(agreement.chance, color="black", linewidth=0.8, linestyle="--")
    segments.annotate("chance", (0.5, agreement.chance), ha="center", va="bottom", fontsize=8)
    segments.set_ylim(0, 1.1)
    segments.set_ylabel("segments found")
    for axes in (columns, segments):
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(f"{title}: {agreement.n_rows} rows that no map was fitted on", fontsize=10)
    figure.savefig(path, dpi=120, metadata={"Software": None})
