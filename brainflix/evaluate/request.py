"""`score`: from folders, exported artifacts or refs to one document; `schema.json` says what it holds."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brainflix.errors import UsageError
from brainflix.evaluate import document
from brainflix.evaluate.choosing import choose_metrics
from brainflix.evaluate.metric import Files
from brainflix.evaluate.networks.checkpoints import replace_checkpoints
from brainflix.evaluate.protocols import SCHEMA, Protocol, check_bug_compat, find_protocol
from brainflix.evaluate.scene import ORACLE
from brainflix.evaluate.scorecard import Line, plain_table
from brainflix.evaluate.scoring import Choices, How, Scored, score_source
from brainflix.evaluate.shelves import Shelf, of_folder, open_shelf
from brainflix.evaluate.sources import Source, paired, side_by_side
from brainflix.evaluate.staging import Track
from brainflix.store.provenance import installed_versions, software_versions

if TYPE_CHECKING:
    from brainflix.store.store import Store

PACKAGES = ("av", "pillow", "opencv-python-headless")


@dataclass(frozen=True)
class Request(How):
    """What is to be scored and how, as the command line gives it; `None` leaves a choice to the protocol or the files.

    Attributes:
        pred, truth: where the clips are, a path or a ref; no truth where clips are side by side.
        oracle: where the true targets through the same generator are.
        baselines: each NAME=WHERE, further videos of the same clips that any decoder must beat.
        store: opens the store, which only refs need.
        layout: "paired" or "side-by-side".
        protocol: name of a protocol.
        metrics: names; None for all.
        padding_px: border of the grid of side-by-side clips.
        logits_pred, logits_truth: npz files of class scores, of clips or of frames.
        features_pred, features_truth: npz files of features, for distances of sets.
        checkpoints: what the user gives in place of checkpoints, as of `replace_checkpoints`.
    """

    pred: str
    truth: str | None = None
    oracle: str | None = None
    baselines: tuple[str, ...] = ()
    store: Callable[[], Store] | None = None
    layout: str = "paired"
    protocol: str = "strict"
    metrics: tuple[str, ...] | None = None
    padding_px: int | None = None
    logits_pred: Path | None = None
    logits_truth: Path | None = None
    features_pred: Path | None = None
    features_truth: Path | None = None
    checkpoints: tuple[str, ...] = ()


def score_request(request: Request, track: Track = lambda items, what: iter(items)) -> dict[str, Any]:
    """Score the request and return its document, plain JSON values.

    Raises:
        UsageError: an unknown name, or choices that exclude each other.
        MissingError: there is nothing at a path.
        DataError: clips cannot be used.
        ResourceError: the disk for temporary files is too small.
    """
    protocol = find_protocol(request.protocol)
    if request.bug_compat:
        check_bug_compat(protocol)
    choices = Choices(
        protocol=protocol,
        metrics=choose_metrics(request.metrics, protocol, bug_compat=request.bug_compat),
        how=request,
        checkpoints=replace_checkpoints(request.checkpoints),
        logits=_both(request.logits_truth, request.logits_pred, "logits"),
        features=_both(request.features_truth, request.features_pred, "features"),
    )
    source = _open(request, protocol)
    with tempfile.TemporaryDirectory(prefix="brainflix-score-") as folder:
        return _document(request, score_source(source, choices, Path(folder), track))


def _open(request: Request, protocol: Protocol) -> Source:
    """Return the pairs of clips of a request whose flags go together."""
    if request.layout == "paired":
        return _open_pair(request)
    if request.layout != "side-by-side":
        raise UsageError(f"unknown layout {request.layout!r}", next="use paired or side-by-side")
    if request.truth is not None:
        raise UsageError("--truth is for --layout paired", why="side-by-side clips hold their truth on the left")
    if request.oracle or request.baselines:
        raise UsageError("--oracle and --baseline are for --layout paired")
    midpoint = request.bug_compat and protocol.midpoint_bug
    if request.padding_px is None and not midpoint:
        why = "how wide the grid's border is cannot be told from its pixels"
        raise UsageError("side-by-side clips need --padding", why=why, next="2 for torchvision's grids, 0 for none")
    both = of_folder(Path(request.pred))
    if request.settings.block > 1 and both.table is not None and both.table.has_film:
        raise _known_already(both)
    own_size = midpoint and protocol.midpoint_size
    return side_by_side(both, request.padding_px or 0, midpoint=midpoint, own_size=own_size)


def _open_pair(request: Request) -> Source:
    """Return the pairs of two sides, whatever holds them."""
    if request.truth is None:
        raise UsageError("there is nothing to compare with", next="give --truth, or --layout side-by-side")
    if request.padding_px is not None:
        raise UsageError("--padding is for --layout side-by-side")

    def shelf(where: str) -> Shelf:
        return open_shelf(where, _store_of(request))

    prediction, truth = shelf(request.pred), shelf(request.truth)
    for side in (truth, prediction):
        if request.settings.block > 1 and side.table is not None and side.table.has_film:
            raise _known_already(side)
    others = {}
    for text in request.baselines:
        name, sign, where = text.partition("=")
        if not (name and sign and where):
            raise UsageError(f"--baseline {text!r} is not NAME=WHERE")
        if name in others:
            raise UsageError(f"--baseline {name} is given twice")
        others[name] = shelf(where)
    if request.oracle is not None:
        others[ORACLE] = shelf(request.oracle)
    return paired(prediction, truth, others)


def _known_already(side: Shelf) -> UsageError:
    what = "--block is for clips of which nothing is known"
    return UsageError(what, why=f"{side.name} says where its clips lie", next="leave --block out")


def _store_of(request: Request) -> Callable[[], Store]:
    def none() -> Store:
        raise UsageError("refs need a store", next="give --store")

    return request.store or none


def _both(truth: Path | None, prediction: Path | None, what: str) -> Files | None:
    """Return two files that go together, None if neither is given."""
    if truth is not None and prediction is not None:
        return truth, prediction
    if truth is None and prediction is None:
        return None
    raise UsageError(f"{what} are needed of both sides", next=f"give --{what}-truth and --{what}-pred")


def _document(request: Request, scored: Scored) -> dict[str, Any]:
    scene, result = scored.scene, scored.result
    rows = plain_table(result.lines)
    about = document.details(scored, request.truth)
    return {
        "schema": SCHEMA,
        "protocol": {"name": scored.choices.protocol.name, **document.compared(scored)},
        "pred": request.pred,
        "truth": about["truth"],
        "layout": request.layout,
        "source_codec": scene.codecs,
        "samples_per_clip": 1,
        "selection": "none",
        "n_clips": scene.n_clips,
        "clip_ids": list(scene.ids),
        **{name: about[name] for name in ("blocks", "permutations", "scorer", "checkpoints")},
        "scores": {name: _plain(line, rows[name]) for name, line in result.lines.items()},
        "curves": {name: curve.to_dict() for name, curve in result.curves.items()},
        "skipped": result.skipped,
        "notes": document.notes(scored, result.lines),
        "versions": {**software_versions(), **installed_versions(PACKAGES)},
    }


def _plain(line: Line, row: dict[str, Any]) -> dict[str, Any]:
    """Return one line's row of the table with its clips' values."""
    return {**row, "primary": line.primary, "per_clip": line.score.to_dict()["per_clip"]}
