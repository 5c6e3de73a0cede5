"""`score`: from folders of clips to one document; `schema.json` says what it holds."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from brainflix.errors import DataError, UsageError
from brainflix.evaluate.folders.inputs import Inputs, Source, Track, paired, side_by_side, stage_inputs
from brainflix.evaluate.folders.scoring import Plan, score_folder, score_logits
from brainflix.evaluate.protocols import Protocol, check_bug_compat, find_protocol, flow_grey
from brainflix.evaluate.scorecard import Line, plain_table
from brainflix.evaluate.video_metrics import METRICS
from brainflix.io.clip_folder import open_clips
from brainflix.io.logits import read_logits
from brainflix.store.provenance import installed_versions, software_versions
from brainflix.wording import did_you_mean

SCHEMA = 1
# Asking for the first gives all: end-point error never stands alone (metrics spec 2.8), PSNR in both averages (2.3).
TOGETHER = {"epe": ("epe", "epe_static", "epe_normalised", "skill"), "psnr": ("psnr", "psnr_pooled")}
PACKAGES = ("av", "pillow", "opencv-python-headless")
CLASSIFIER = "MCG-NJU/videomae-base-finetuned-kinetics"
GET_LOGITS = f"hf download {CLASSIFIER}, classify both sets with it, and give --logits-truth and --logits-pred"


@dataclass(frozen=True)
class Request:
    """What is to be scored, as the command line gives it; `None` leaves a choice to the protocol or the files.

    Attributes:
        pred, truth: where the clips are; no truth where clips are side by side.
        layout: "paired" or "side-by-side".
        protocol: name of a protocol.
        bug_compat: reproduce what its released scripts got wrong.
        metrics: names; None for all.
        fps_pred, fps_truth: frames per second.
        padding_px: border of the grid of side-by-side clips.
        logits_pred, logits_truth: npz files of class scores.
        block, n_draws, seed, workers: as of `Plan`.
    """

    pred: Path
    truth: Path | None = None
    layout: str = "paired"
    protocol: str = "strict"
    bug_compat: bool = False
    metrics: tuple[str, ...] | None = None
    fps_pred: float | None = None
    fps_truth: float | None = None
    padding_px: int | None = None
    logits_pred: Path | None = None
    logits_truth: Path | None = None
    block: int = 1
    n_draws: int = 10_000
    seed: int = 0
    workers: int = 1


@dataclass
class Result:
    """Lines by metric, and what was left out: {metric, status, next}."""

    lines: dict[str, Line] = field(default_factory=dict)
    skipped: list[dict[str, str]] = field(default_factory=list)

    def skip(self, metrics: Sequence[str], why: str, next: str) -> None:
        """Note metrics that cannot be computed."""
        self.skipped += [{"metric": name, "status": f"skipped: {why}", "next": next} for name in metrics]


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
    source = _open(request, protocol)
    with tempfile.TemporaryDirectory(prefix="brainflix-score-") as name:
        folder = Path(name)
        inputs = stage_inputs(
            source,
            protocol,
            folder,
            fps_truth=request.fps_truth,
            fps_prediction=request.fps_pred,
            track=track,
        )
        result = Result()
        plan = _plan(request, protocol, _possible(wanted, inputs, request, result))
        if plan.metrics:
            result.lines.update(score_folder(inputs, plan, track))
        _score_classes([name for name in wanted if name not in METRICS], request, protocol, inputs, plan, result)
        return _document(request, protocol, inputs, result)


def choose_metrics(names: Sequence[str] | None, protocol: Protocol, *, bug_compat: bool = False) -> tuple[str, ...]:
    """Return the metrics that names mean under a protocol; None means all.

    Raises:
        UsageError: a name is unknown, or of a flavour that the protocol does not use.
    """
    classes = tuple(f"nway_{n}_g{g}" for n in protocol.ways for g in protocol.true_classes)
    named = {*protocol.ssim, *protocol.extra, *(protocol.bug_extra if bug_compat else ())}
    alone = tuple(name for name, metric in METRICS.items() if name in named or not metric.special)
    groups = {"ssim": protocol.ssim, "nway": classes, **TOGETHER}
    if names is None:
        return (*(name for name in alone if not METRICS[name].asked), *classes)
    chosen: set[str] = set()
    for name in names:
        if name not in groups and name not in (*alone, *classes):
            known = [*groups, *alone, *classes]
            what = f"unknown metric {name!r} under protocol {protocol.name}"
            raise UsageError(what, next=did_you_mean(name, set(known)))
        chosen.update(groups.get(name, (name,)))
    return tuple(name for name in (*alone, *classes) if name in chosen)


def _open(request: Request, protocol: Protocol) -> Source:
    """Return the pairs of clips of a request whose flags go together."""
    if (request.logits_pred is None) != (request.logits_truth is None):
        raise UsageError("logits are needed of both sides", next="give --logits-truth and --logits-pred")
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


def _plan(request: Request, protocol: Protocol, metrics: tuple[str, ...]) -> Plan:
    return Plan(
        protocol=protocol.name + (" --bug-compat" if request.bug_compat else ""),
        metrics=metrics,
        ssim=protocol.ssim[0],
        grey=flow_grey(protocol, request.bug_compat),
        block=request.block,
        n_draws=request.n_draws,
        seed=request.seed,
        workers=request.workers,
    )


def _possible(wanted: Sequence[str], inputs: Inputs, request: Request, result: Result) -> tuple[str, ...]:
    """Return the metrics of videos that these clips allow."""
    videos = [name for name in wanted if name in METRICS]
    moving = [name for name in videos if METRICS[name].motion]
    if moving and inputs.truth.shape[1] < 2:
        result.skip(moving, "one frame has no motion", "give clips of two frames or more")
        videos = [name for name in videos if name not in moving]
    if "motion_energy" in videos and find_spec("moten") is None:
        result.skip(["motion_energy"], "pymoten missing", "pip install pymoten")
        videos.remove("motion_energy")
    if "smoothness" in videos and inputs.truth.shape[1] < 3:
        result.skip(["smoothness"], "two frames cannot be shuffled", "give clips of three frames or more")
        videos.remove("smoothness")
    matched = [name for name in videos if METRICS[name].null == "matched"]
    if matched and request.block > 1:
        result.skip(matched, "clips come in blocks", "score clips apart in time, without --block")
        videos = [name for name in videos if name not in matched]
    timed = [name for name in videos if METRICS[name].timed]
    if timed and np.isnan(inputs.fps_hz).any():
        result.skip(timed, "the frame rate is unknown", "give --fps-truth")
        videos = [name for name in videos if name not in timed]
    if "ssim_excess" in videos and (len(inputs.ids) < 2 or not request.n_draws):
        result.skip(["ssim_excess"], "nothing is re-paired", "give two clips or more, and --repairings above 0")
        videos.remove("ssim_excess")
    return tuple(videos)


def _score_classes(
    names: Sequence[str], request: Request, protocol: Protocol, inputs: Inputs, plan: Plan, result: Result
) -> None:
    """Score N-way accuracies from logits; a classifier is never substituted."""
    if request.logits_truth is None or request.logits_pred is None:
        result.skip(names, "weights missing", GET_LOGITS)
        return
    truth, prediction = (read_logits(path, inputs.ids) for path in (request.logits_truth, request.logits_pred))
    if truth.shape != prediction.shape:
        raise DataError(f"logits of the truth are {truth.shape}, of the prediction {prediction.shape}")
    for n in protocol.ways:
        for g in protocol.true_classes:
            name = f"nway_{n}_g{g}"
            if name in names and truth.shape[1] < g + n - 1:
                result.skip([name], f"{truth.shape[1]} classes are too few", f"give logits of {g + n - 1} or more")
            elif name in names:
                result.lines[name] = score_logits(truth, prediction, inputs.rank, n, g, plan)


def _document(request: Request, protocol: Protocol, inputs: Inputs, result: Result) -> dict[str, Any]:
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
        "scores": {name: _plain(line, rows[name]) for name, line in result.lines.items()},
        "skipped": result.skipped,
        "notes": [*protocol.notes, *inputs.notes],
        "versions": {**software_versions(), **installed_versions(PACKAGES)},
    }


def _plain(line: Line, row: dict[str, Any]) -> dict[str, Any]:
    """Return one line's row of the table with its clips' values."""
    per_clip = [float(value) if math.isfinite(value) else None for value in np.asarray(line.score.per_clip)]
    return {**row, "primary": line.primary, "per_clip": per_clip}
