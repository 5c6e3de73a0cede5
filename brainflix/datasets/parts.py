"""The data sets, in the order in which they are listed: one line each. What each declares stands in its own folder."""

from __future__ import annotations

from importlib import import_module

from brainflix.parts.part import Part, Table

NAMES = (
    "demo",
    "cc2017",
    "cc2017_neuroclips",
    "mindvideo",
    "bmd",
    "had",
    "algonauts2021",
    "hcp7t",
    "fudan",
    "algonauts2025",
    "studyforrest",
)


def _gathered() -> Table:
    """Return the data sets' own tables as one."""
    found: dict[str, dict[str, Part]] = {}
    for name in NAMES:
        table: Table = import_module(f"brainflix.datasets.{name}.parts").PARTS
        for category, declared in table.items():
            found.setdefault(category, {}).update(declared)
    return found


PARTS = _gathered()
