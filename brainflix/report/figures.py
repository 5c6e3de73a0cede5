"""Figures as inline SVG that takes its text colour and font from the page, so that they fit light and dark alike."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

from brainflix.report.scores import Row

# From grey to red at even lightness, so that neither end drowns in a light or a dark page.
COLOURS = ("#98a1ac", "#c3a26a", "#e89a35", "#e6652c", "#d92d3a")
# Stands for the page's text colour, which is put in afterwards.
_INK = "#010203"
_PLOT_WIDTH, _PLOT_HEIGHT, _MARGIN = 132, 20, 7


def flat_map(
    positions_mm: NDArray[np.float64],
    values: NDArray[np.float64],
    areas: Sequence[str],
    *,
    largest: float,
    title: str,
    prefix: str,
) -> Markup:
    """Draw one hemisphere's grayordinates on the flattened cortex, coloured by a value, areas labelled.

    Args:
        positions_mm: array of shape (n_grayordinates, 2), flat-map position in mm.
        values: array of shape (n_grayordinates,); NaN is drawn faint.
        areas: area of each grayordinate.
        largest: value of the strongest colour; 0 has the weakest.
        title: text for readers who do not see the figure.
        prefix: unique on the page, put before the ids in the SVG.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": prefix}):
        low, high = positions_mm.min(axis=0) - 8, positions_mm.max(axis=0) + 8
        width, height = high - low
        figure = Figure(figsize=(5.2, 5.2 * height / width), dpi=200)
        FigureCanvasAgg(figure)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal")
        axes.axis("off")
        known = np.isfinite(values)
        order = np.argsort(np.where(known, values, -np.inf), kind="stable")
        colours = LinearSegmentedColormap.from_list("page", COLOURS)(np.clip(values[order] / largest, 0, 1))
        colours[~known[order]] = (0.6, 0.63, 0.67, 0.3)
        where = positions_mm[order]
        axes.scatter(where[:, 0], where[:, 1], s=13, c=colours, linewidths=0, rasterized=True)
        for area, (x, y) in label_places(positions_mm, areas).items():
            axes.text(x, y, area, ha="center", va="center", fontsize=9, color=_INK)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return inline_svg(buffer.getvalue(), title, prefix)


def label_places(positions_mm: NDArray[np.float64], areas: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Return where to write each area's name: its point nearest to its centroid (an area may be bent or in two pieces)."""
    names = np.array(areas, dtype=object)
    places: dict[str, tuple[float, float]] = {}
    for area in dict.fromkeys(areas):
        points = positions_mm[names == area]
        nearest = points[np.argmin(np.linalg.norm(points - points.mean(axis=0), axis=1))]
        places[area] = (float(nearest[0]), float(nearest[1]))
    return places


def inline_svg(text: str, title: str, prefix: str) -> Markup:
    """Cut a stand-alone SVG to its element, let it scale, make its ids unique and its ink the page's."""
    body = text[text.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", body, count=1)
    body = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", body, count=1)
    body = re.sub(r'\bid="', f'id="{prefix}-', body)
    body = re.sub(r'(href="#|url\(#)', rf"\1{prefix}-", body)
    body = body.replace(_INK, "currentColor")
    label = f'<svg role="img" aria-label="{escape(title)}" class="figure"'
    return Markup(body.replace("<svg", label, 1).strip())


def gradient() -> str:
    """Return the colours of `flat_map` as a CSS gradient, weakest first."""
    return f"linear-gradient(90deg, {', '.join(COLOURS)})"


def interval_plot(row: Row) -> Markup:
    """Draw a metric's value with its interval on one line with chance (bar), the baselines (ticks) and the oracle (diamond)."""
    numbers = (row.value, row.lo, row.hi, row.ceiling, *row.rivals)
    known = [value for value in numbers if value is not None]
    if row.value is None:
        return Markup("")
    low, high = min(known), max(known)

    def at(value: float) -> float:
        share = (value - low) / (high - low) if high > low else 0.5
        return round(_MARGIN + share * (_PLOT_WIDTH - 2 * _MARGIN), 1)

    parts = [f'<line class="axis" x1="0" x2="{_PLOT_WIDTH}" y1="10" y2="10"/>']
    parts += [_tick("rival", at(value), 6, 14, name) for name, value in row.baselines.items() if value is not None]
    if row.reference is not None:
        parts.append(_tick("chance", at(row.reference), 2, 18, "chance"))
    if row.ceiling is not None:
        x = at(row.ceiling)
        parts.append(f'<path class="oracle" d="M{x} 5.5 L{x + 4.5} 10 L{x} 14.5 L{x - 4.5} 10 Z"><title>oracle</title></path>')
    if row.lo is not None and row.hi is not None:
        parts.append(f'<line class="interval" x1="{at(row.lo)}" x2="{at(row.hi)}" y1="10" y2="10"/>')
    parts.append(f'<circle class="value" cx="{at(row.value)}" cy="10" r="4"><title>value</title></circle>')
    size = f'viewBox="0 0 {_PLOT_WIDTH} {_PLOT_HEIGHT}" width="{_PLOT_WIDTH}" height="{_PLOT_HEIGHT}"'
    return Markup(f'<svg class="interval-plot" {size} aria-hidden="true">{"".join(parts)}</svg>')


def _tick(kind: str, x: float, top: int, bottom: int, name: str) -> str:
    return f'<line class="{kind}" x1="{x}" x2="{x}" y1="{top}" y2="{bottom}"><title>{escape(name)}</title></line>'
