"""`score`: any videos against any other: folders, exported artifacts, artifacts of the store."""

from __future__ import annotations

import json as json_module
import os
import warnings
from typing import Annotated

import typer

from brainflix.cli import options
from brainflix.cli.output import Output, write_file
from brainflix.errors import Renamed, UsageError

Where = Annotated[str, typer.Option("--pred", metavar="DIR|REF", help="The clips to score.")]
WhereTruth = Annotated[str | None, typer.Option("--truth", metavar="DIR|REF", help="The clips that were shown.")]
WhereOracle = Annotated[
    str | None,
    typer.Option("--oracle", metavar="DIR|REF", help="The true targets through the same generator: the ceiling."),
]
Baselines = Annotated[
    list[str] | None,
    typer.Option("--baseline", metavar="NAME=DIR|REF", help="Videos that any decoder must beat; may be given again."),
]
Permutations = Annotated[
    int | None,
    typer.Option(
        "--permutations", min=0, metavar="N", help="Exchanges of clips for p at most; 0 for no p.", show_default="10000"
    ),
]
# The name before this one, still read.
Former = Annotated[int | None, typer.Option("--repairings", min=0, hidden=True)]
EXAMPLE = (
    "brainflix score --pred decoded/ --truth shown/ --fps-pred 8 --fps-truth 3 --out scores.json",
    "brainflix score --pred videos/demo-sub-1-video --truth targets/demo-frames --oracle videos/demo-oracle",
    "brainflix score --pred released/ --layout side-by-side --padding 2 --protocol mindvideo",
    "brainflix score --pred decoded/ --truth shown/ --metrics nway --checkpoint videomae=my-videomae/ --offline",
)


def register(app: typer.Typer) -> None:
    """Add `score` to the command line."""
    app.command("score", epilog=options.example(*EXAMPLE))(score)


def score(
    pred: Where,
    truth: WhereTruth = None,
    oracle: WhereOracle = None,
    baseline: Baselines = None,
    layout: options.Layout = "paired",
    protocol: options.ProtocolName = "strict",
    bug_compat: options.BugCompat = False,
    metrics: options.MetricNames = None,
    fps_pred: options.FpsPred = None,
    fps_truth: options.FpsTruth = None,
    padding: options.Padding = None,
    block: options.Block = 1,
    permutations: Permutations = None,
    repairings: Former = None,
    logits_pred: options.LogitsPred = None,
    logits_truth: options.LogitsTruth = None,
    features_pred: options.FeaturesPred = None,
    features_truth: options.FeaturesTruth = None,
    checkpoint: options.Checkpoints = None,
    seed: options.Seed = 0,
    device: options.Device = None,
    offline: options.Offline = None,
    cache: options.CacheFolder = None,
    workers: options.Workers = None,
    out_file: options.ScoreFile = None,
    store: options.StorePath = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Score any videos against any other.

    Either side is a folder, an artifact that `store export` wrote, or the ref of an artifact. The last two know where
    clips lie in their film, so that chance and intervals are those of `evaluate`.

    A folder holds a file for each clip (a video, an animation, npy, npz, zarr), a sub-folder of frames (PNG, JPG ...)
    for each clip, or one array of all clips. Clips are paired by name. The truth's clock decides which frames meet.

    Metrics that need a network fetch its weights from the Hub, at a pinned commit, when they are first asked for; what
    networks say of a clip is kept in the cache. Without the weights these metrics are listed as skipped, with the
    command that gets them. --checkpoint takes others in their place, --logits-* what a classifier said elsewhere.
    """
    out = Output(json=json)
    from brainflix.cli.score_tables import tables_of
    from brainflix.cli.session import check_device, open_settings, open_store
    from brainflix.evaluate.design import Settings
    from brainflix.evaluate.request import Request, score_request

    settings = open_settings(workers=workers, device=device, offline=offline, cache=cache)
    check_device(settings, must_be_there=True)
    request = Request(
        pred=pred,
        truth=truth,
        oracle=oracle,
        baselines=tuple(baseline or ()),
        store=lambda: open_store(store),
        layout=layout,
        protocol=protocol,
        bug_compat=bug_compat,
        metrics=_metric_names(metrics),
        fps_pred=fps_pred,
        fps_truth=fps_truth,
        padding_px=padding,
        logits_pred=logits_pred,
        logits_truth=logits_truth,
        settings=Settings(permutations=_permutations(permutations, repairings), block=block, seed=seed),
        features_pred=features_pred,
        features_truth=features_truth,
        checkpoints=tuple(checkpoint or ()),
        workers=settings.workers or os.cpu_count() or 1,
        cache=settings.cache,
        device=settings.device,
        clips_per_batch=settings.clips_per_batch,
    )
    with out.working():
        document = score_request(request, out.track)
    if out_file is not None:
        write_file(out_file, json_module.dumps(document, indent=2, allow_nan=False) + "\n")
    out.result(document, tables=tables_of(document))
    for note in document["notes"]:
        out.say(f"note: {note}")


def _permutations(given: int | None, former: int | None) -> int:
    """Return how many permutations are asked for, by either name.

    Raises:
        UsageError: both names are given.
    """
    if former is None:
        return 10_000 if given is None else given
    if given is not None:
        raise UsageError("--repairings and --permutations are one option", next="give --permutations alone")
    warnings.warn("--repairings is now --permutations", Renamed, stacklevel=2)
    return former


def _metric_names(text: str | None) -> tuple[str, ...] | None:
    """Return the metrics that were asked for, None for all.

    Raises:
        UsageError: the list is empty.
    """
    if text is None:
        return None
    names = options.names_in(text)
    if not names:
        raise UsageError("--metrics names no metric", next="brainflix list metrics")
    return names
