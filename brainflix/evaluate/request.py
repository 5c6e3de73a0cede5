"""`score`: from folders of clips to one document; `schema.json` says what it holds."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from brainflix.errors import UsageError
from brainflix.evaluate.choosing import choose_metrics
from brainflix.evaluate.folders.engine import Choices, How, Scored, score_source
from brainflix.evaluate.folders.given import Files
from brainflix.evaluate.staging import Source, Track, paired, side_by_side
from brainflix.evaluate.networks.checkpoints import replace_checkpoints
from brainflix.evaluate.protocols import Protocol, check_bug_compat, find_protocol
from brainflix.evaluate.scorecard import Line, plain_table
from brainflix.io.clip_folder import open_clips
from brainflix.store.provenance import installed_versions, software_versions

SCHEMA = 1
PACKAGES = ("av", "pillow", "opencv-python-headless")


@dataclass(frozen=True)
class Request(How):
    """What is to be scored and how, as the command line gives it; `None` leaves a choice to the protocol or the files.

    Attributes:
        pred, truth: where the clips are; no truth where clips are side by side.
        layout: "paired" or "side-by-side".
        protocol: name of a protocol.
        metrics: names; None for all.
        padding_px: border of the grid of side-by-side clips.
        logits_pred, logits_truth: npz files of class scores, of clips or of frames.
        features_pred, features_truth: npz files of features, for distances of sets.
        checkpoints: what the user gives in place of checkpoints, as of `replace_checkpoints`.
    """

    pred: Path
    truth: Path | None = None
    layout: str = "paired"
    protocol: str = "strict"
    metrics: tuple[str, ...] | None = None
    padding_px: int | None = None
    logits_pred: Path | None = None
    logits_truth: Path | None = None
    features_pred: Path | None = None
    features_truth: Path | None = None
    checkpoints: tuple[str, ...] = ()


def score_folders(request: Request, track: Track = lambda items, what: iter(items)) -> dict[str, Any]:
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
    wanted = choose_metrics(request.metrics, protocol, bug_compat=request.bug_compat)
    checkpoints = replace_checkpoints(request.checkpoints)
    logits = _both(request.logits_truth, request.logits_pred, "logits")
    features = _both(request.features_truth, request.features_pred, "features")
    choices = Choices(protocol, wanted, checkpoints, request, logits, features)
    source = _open(request, protocol)
    with tempfile.TemporaryDirectory(prefix="brainflix-score-") as folder:
        return _document(request, protocol, score_source(source, choices, Path(folder), track))


def _open(request: Request, protocol: Protocol) -> Source:
    """Return the pairs of clips of a request whose flags go together."""
    if request.layout == "paired":
        if request.truth is None:
            raise UsageError("there is nothing to compare with", next="give --truth, or --layout side-by-side")
        if request.padding_px is not None:
            raise UsageError("--padding is for --layout side-by-side")
        return paired(open_clips(request.pred), open_clips(request.truth))
    if request.layout != "side-by-side":
        raise UsageError(f"unknown layout {request.layout!r}", next="use paired or side-by-side")
    if request.truth is not None:
        raise UsageError("--truth is for --layout paired", why="side-by-side clips hold their truth on the left")
    midpoint = request.bug_compat and protocol.midpoint_bug
    if request.padding_px is None and not midpoint:
        why = "how wide the grid's border is cannot be told from its pixels"
        raise UsageError("side-by-side clips need --padding", why=why, next="2 for torchvision's grids, 0 for none")
    return side_by_side(open_clips(request.pred), request.padding_px or 0, midpoint=midpoint)


def _both(truth: Path | None, prediction: Path | None, what: str) -> Files | None:
    """Return two files that go together, None if neither is given."""
    if truth is not None and prediction is not None:
        return truth, prediction
    if truth is None and prediction is None:
        return None
    raise UsageError(f"{what} are needed of both sides", next=f"give --{what}-truth and --{what}-pred")


def _document(request: Request, protocol: Protocol, scored: Scored) -> dict[str, Any]:
    inputs, result = scored.inputs, scored.result
    _, n_frames, height, width, _ = inputs.truth.shape
    rows = plain_table(result.lines)
    return {
        "schema": SCHEMA,
        "protocol": {
            "name": protocol.name,
            "frame_rule": protocol.frame_rule,
            "n_frames": n_frames,
            "height": height,
            "width": width,
            "bug_compat": protocol.bug_compat if request.bug_compat else None,
        },
        "pred": str(request.pred),
        "truth": None if request.truth is None else str(request.truth),
        "layout": request.layout,
        "source_codec": inputs.codecs,
        "samples_per_clip": 1,
        "selection": "none",
        "n_clips": len(inputs.ids),
        "clip_ids": list(inputs.ids),
        "block": request.block,
        "max_repairings": request.n_draws,
        "seed": request.seed,
        "checkpoints": {key: {"source": each.name, "revision": each.pin} for key, each in scored.weights.items()},
        "scores": {name: _plain(line, rows[name]) for name, line in result.lines.items()},
        "curves": {name: curve.to_dict() for name, curve in result.curves.items()},
        "skipped": result.skipped,
        "notes": [*protocol.notes, *inputs.notes],
        "versions": {**software_versions(), **installed_versions(PACKAGES)},
    }


def _plain(line: Line, row: dict[str, Any]) -> dict[str, Any]:
    """Return one line's row of the table with its clips' values."""
    return {**row, "primary": line.primary, "per_clip": line.score.to_dict()["per_clip"]}
