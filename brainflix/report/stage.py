"""The door of `report`: what a recipe made of its subjects, or of some, in; one self-contained HTML page out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from brainflix.parts.contract import Inputs, Notes
from brainflix.parts.work import Work

VERSION = 6
FILE = "report.html"


@dataclass(frozen=True)
class Page:
    """A page, and what the manifest notes of it."""

    content: bytes
    notes: Notes

    def save(self, folder: Path) -> Notes:
        """Write the page."""
        (folder / FILE).write_bytes(self.content)
        return self.notes


def run(part: None, params: BaseModel, inputs: Inputs, work: Work) -> Page:
    """Make the page; what is missing among the inputs is said on it."""
    from brainflix.report.collect import collect
    from brainflix.report.page import render

    report = collect(params, inputs, work)
    page = render(report).encode("utf-8")
    n_videos = sum(len(gallery.shown) for gallery in report.galleries)
    found = f"score tables: {len(report.sheets)}, videos: {n_videos}"
    work.progress.say(f"report with {found}, {len(page) / 1e6:.1f} MB")
    return Page(page, {"bytes": len(page), "n_videos": n_videos, "problems": list(report.problems)})
