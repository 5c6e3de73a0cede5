"""The page that compares runs: measured scores, paired differences, and published numbers apart from both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from brainflix import __version__
from brainflix.evaluate.leaderboard import Difference, Run
from brainflix.evaluate.published import CONFIDENCE, Published, published
from brainflix.report.page import environment, mark, policy
from brainflix.report.scores import Row, read_sheet


@dataclass(frozen=True)
class Board:
    """What the page shows.

    Attributes:
        dataset, protocol, simulated, n_clips, seed: of all runs.
        columns, refs: name and ref of each run, the first being what the others are compared with.
        rows: each metric with its score in every run.
        differences: of the others from the first.
        published: known numbers for this data set.
    """

    dataset: str
    protocol: str
    simulated: bool
    n_clips: int
    seed: int
    columns: tuple[str, ...]
    refs: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Row, ...]], ...]
    differences: tuple[Difference, ...]
    published: tuple[Published, ...]


def make_board(
    runs: Sequence[Run],
    metrics: Sequence[str],
    found: Sequence[Difference],
    *,
    dataset: str,
    refs: Sequence[str],
    seed: int,
) -> Board:
    """Gather what the page shows of compared runs."""
    sheets = [read_sheet(run.document, ref=run.name) for run in runs]
    by_name = [{row.metric: row for row in sheet.rows} for sheet in sheets]
    return Board(
        dataset=dataset,
        protocol=sheets[0].protocol,
        simulated=any(sheet.simulated for sheet in sheets),
        n_clips=len(runs[0].document["clip_ids"]),
        seed=seed,
        columns=tuple(run.name for run in runs),
        refs=tuple(refs),
        rows=tuple((metric, tuple(rows[metric] for rows in by_name)) for metric in metrics),
        differences=tuple(found),
        published=tuple(each for each in published() if each.dataset == dataset),
    )


def render(board: Board) -> str:
    """Return the page as one HTML document that asks nothing of the network and runs no script."""
    template = environment().get_template("leaderboard.html")
    return template.render(board=board, policy=policy(""), mark=mark, confidence=CONFIDENCE, version=__version__)
