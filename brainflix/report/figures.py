"""Figures as inline SVG that takes its text colour and font from the page, so that they fit light and dark alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

from brainflix.report.scores import Row, uses_truth
from brainflix.report.words import baseline_title

# From grey to red at even lightness, so that neither end drowns in a light or a dark page.
COLOURS = ("#98a1ac", "#c3a26a", "#e89a35", "#e6652c", "#d92d3a")
_LEVELS = 24
_EDGE_MM, _DOT_MM, _LETTER_MM = 9.0, 3.4, 8.0
_PLOT_WIDTH, _PLOT_HEIGHT, _MARGIN = 132, 20, 7


def flat_map(
    positions_mm: NDArray[np.float64],
    values: NDArray[np.float64],
    areas: Sequence[str],
    *,
    largest: float,
    title: str,
) -> Markup:
    """Draw one hemisphere's grayordinates on the flattened cortex, coloured by a value, areas labelled.

    Args:
        positions_mm: array of shape (n_grayordinates, 2), flat-map position in mm, y up.
        values: array of shape (n_grayordinates,); NaN is drawn faint.
        areas: area of each grayordinate.
        largest: value of the strongest colour; 0 has the weakest.
        title: text for readers who do not see the figure.
    """
    low, high = positions_mm.min(axis=0) - _EDGE_MM, positions_mm.max(axis=0) + _EDGE_MM
    width, height = high - low
    drawn = (positions_mm - low) * (1, -1) + (0, height)
    shares = np.where(np.isfinite(values), np.clip(values / largest, 0, 1), -1)
    levels = np.where(shares < 0, -1, np.minimum(shares * _LEVELS, _LEVELS - 1)).astype(int)
    parts = []
    # The strongest dots are drawn last, so that none of them is hidden
    for level in np.unique(levels):
        dots = "".join(f"M{x:.1f} {y:.1f}h0" for x, y in drawn[levels == level])
        colour, opacity = (COLOURS[0], 0.35) if level < 0 else (colour_at(level / (_LEVELS - 1)), 1)
        parts.append(f'<path d="{dots}" stroke="{colour}" stroke-opacity="{opacity}"/>')
    for area, (x, y) in place_labels(drawn, areas).items():
        parts.append(f'<text x="{x:.1f}" y="{y + 0.35 * _LETTER_MM:.1f}">{escape(area)}</text>')
    return Markup(
        f'<svg class="flat-map" role="img" aria-label="{escape(title)}" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'fill="none" stroke-width="{_DOT_MM}" stroke-linecap="round" font-size="{_LETTER_MM}">{"".join(parts)}</svg>'
    )


def colour_at(share: float) -> str:
    """Return the colour of a share from 0 to 1 of the strongest value, as `#rrggbb`."""
    stops = np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in COLOURS])
    at = np.linspace(0, 1, len(COLOURS))
    return "#" + "".join(f"{round(np.interp(share, at, channel)):02x}" for channel in stops.T)


def gradient() -> str:
    """Return the colours of `flat_map` as a CSS gradient, weakest first."""
    return f"linear-gradient(90deg, {', '.join(COLOURS)})"


def place_labels(positions: NDArray[np.float64], areas: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Return where to write each area's name: at its point nearest to its centroid, moved until no two names overlap.

    Args:
        positions: array of shape (n_grayordinates, 2), in the unit of the letters' size.
        areas: area of each grayordinate; areas without a name get no label.
    """
    labels = np.array(areas, dtype=object)
    names = [name for name in dict.fromkeys(areas) if name]
    if not names:
        return {}
    places = np.array([_middle(positions[labels == name]) for name in names])
    sizes = np.array([(0.62 * _LETTER_MM * len(name) + 2, 1.02 * _LETTER_MM) for name in names])
    for _ in range(200):
        if not _push_apart(places, sizes):
            break
    return {name: (float(x), float(y)) for name, (x, y) in zip(names, places, strict=True)}


def _middle(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The point nearest to the centroid: an area may be bent, or in two pieces."""
    middle: NDArray[np.float64] = points[np.argmin(np.linalg.norm(points - points.mean(axis=0), axis=1))]
    return middle


def _push_apart(places: NDArray[np.float64], sizes: NDArray[np.float64]) -> bool:
    """Move overlapping boxes apart a little, in place, each pair along the axis on which it overlaps least."""
    moved = False
    for i in range(len(places)):
        for j in range(i):
            apart = places[i] - places[j]
            overlap = (sizes[i] + sizes[j]) / 2 - np.abs(apart)
            if (overlap > 0).all():
                axis = int(np.argmin(overlap))
                step = np.zeros(2)
                step[axis] = (overlap[axis] / 2 + 0.05) * (1 if apart[axis] >= 0 else -1)
                places[i] += step
                places[j] -= step
                moved = True
    return moved


def interval_plot(row: Row) -> Markup:
    """Draw a metric's value and interval on one line with chance (bar), baselines (ticks) and ceiling (diamond)."""
    numbers = (row.value, row.lo, row.hi, row.ceiling, *row.rivals)
    known = [value for value in numbers if value is not None]
    if row.value is None:
        return Markup("")
    low, high = min(known), max(known)

    def at(value: float) -> float:
        share = (value - low) / (high - low) if high > low else 0.5
        return round(_MARGIN + share * (_PLOT_WIDTH - 2 * _MARGIN), 1)

    fair = {name: value for name, value in row.baselines.items() if not uses_truth(name)}
    parts = [f'<line class="axis" x1="0" x2="{_PLOT_WIDTH}" y1="10" y2="10"/>']
    parts += [
        _tick("rival", at(value), 6, 14, baseline_title(name)) for name, value in fair.items() if value is not None
    ]
    if row.reference is not None:
        parts.append(_tick("chance", at(row.reference), 2, 18, "chance"))
    if row.ceiling is not None:
        x = at(row.ceiling)
        shape = f"M{x} 5.5 L{x + 4.5} 10 L{x} 14.5 L{x - 4.5} 10 Z"
        parts.append(f'<path class="oracle" d="{shape}"><title>ceiling</title></path>')
    if row.lo is not None and row.hi is not None:
        parts.append(f'<line class="interval" x1="{at(row.lo)}" x2="{at(row.hi)}" y1="10" y2="10"/>')
    parts.append(f'<circle class="value" cx="{at(row.value)}" cy="10" r="4"><title>value</title></circle>')
    size = f'viewBox="0 0 {_PLOT_WIDTH} {_PLOT_HEIGHT}" width="{_PLOT_WIDTH}" height="{_PLOT_HEIGHT}"'
    return Markup(f'<svg class="interval-plot" {size} aria-hidden="true">{"".join(parts)}</svg>')


def _tick(kind: str, x: float, top: int, bottom: int, name: str) -> str:
    return f'<line class="{kind}" x1="{x}" x2="{x}" y1="{top}" y2="{bottom}"><title>{escape(name)}</title></line>'
