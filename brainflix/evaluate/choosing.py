"""Which metrics of `score` names mean under a protocol, and which of them given clips allow."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from brainflix.errors import UsageError
from brainflix.evaluate.folders.catalogue import families, model_metrics
from brainflix.evaluate.staging import Inputs
from brainflix.evaluate.result import Result
from brainflix.evaluate.protocols import Protocol
from brainflix.evaluate.video_metrics import METRICS
from brainflix.wording import did_you_mean

# Asking for the first gives all: end-point error never stands alone, PSNR in both averages (docs/scoring.md, Metrics).
TOGETHER = {"epe": ("epe", "epe_static", "epe_normalised", "skill"), "psnr": ("psnr", "psnr_pooled")}


def choose_metrics(names: Sequence[str] | None, protocol: Protocol, *, bug_compat: bool = False) -> tuple[str, ...]:
    """Return the metrics that names mean under a protocol; None means all.

    Raises:
        UsageError: a name is unknown, or of a flavour that the protocol does not use.
    """
    modelled = model_metrics(protocol)
    named = {*protocol.ssim, *protocol.extra, *(protocol.bug_extra if bug_compat else ())}
    alone = tuple(name for name, metric in METRICS.items() if name in named or not metric.special)
    groups = {"ssim": protocol.ssim, **TOGETHER, **families(modelled)}
    if names is None:
        return (*(name for name in alone if not METRICS[name].asked), *modelled)
    chosen: set[str] = set()
    for name in names:
        if name not in groups and name not in (*alone, *modelled):
            known = [*groups, *alone, *modelled]
            what = f"unknown metric {name!r} under protocol {protocol.name}"
            raise UsageError(what, next=did_you_mean(name, set(known)))
        chosen.update(groups.get(name, (name,)))
    return tuple(name for name in (*alone, *modelled) if name in chosen)


def possible_metrics(
    wanted: Sequence[str], inputs: Inputs, result: Result, *, block: int, n_draws: int
) -> tuple[str, ...]:
    """Return the metrics of videos that these clips allow; `result` notes why the others are left out."""
    n_frames = inputs.truth.shape[1]
    moving = {name for name, metric in METRICS.items() if metric.motion}
    matched = {name for name, metric in METRICS.items() if metric.null == "matched"}
    timed = {name for name, metric in METRICS.items() if metric.timed}
    alone = len(inputs.ids) < 2 or not n_draws
    bars = (
        (moving, n_frames < 2, "one frame has no motion", "give clips of two frames or more"),
        ({"motion_energy"}, find_spec("moten") is None, "pymoten missing", "pip install pymoten"),
        ({"smoothness"}, n_frames < 3, "two frames cannot be shuffled", "give clips of three frames or more"),
        (matched, block > 1, "clips come in blocks", "score clips apart in time, without --block"),
        (timed, inputs.fps_hz is None, "the frame rate is unknown", "give --fps-truth"),
        ({"ssim_excess"}, alone, "nothing is permuted", "give two clips or more, and --repairings above 0"),
    )
    return tuple(result.pass_bars([name for name in wanted if name in METRICS], bars))
