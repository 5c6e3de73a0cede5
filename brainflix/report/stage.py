"""The door of `report`: everything that a recipe made in, one self-contained HTML page out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from brainflix.parts.contract import Job, Tools
from brainflix.store.publish import Staging

if TYPE_CHECKING:
    from brainflix.store.artifact import Artifact

VERSION = 3


def run(job: Job, inputs: Mapping[str, list[Artifact]], out: Staging, tools: Tools) -> None:
    """Write `report.html`; what is missing among the inputs is said on the page."""
    from brainflix.report.collect import collect
    from brainflix.report.page import render

    report = collect(job, inputs, tools.store)
    page = render(report).encode("utf-8")
    (out.path / "report.html").write_bytes(page)
    n_videos = sum(len(gallery.shown) for gallery in report.galleries)
    out.notes |= {"bytes": len(page), "n_videos": n_videos, "problems": list(report.problems)}
    tools.progress.say(f"report of {len(report.sheets)} score tables and {n_videos} videos, {len(page) / 1e6:.1f} MB")
