"""Which lines names mean under a protocol, and which of them given clips allow. Nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from brainflix.errors import UsageError
from brainflix.evaluate.metric_params import FEATURES, About, MetricParams
from brainflix.evaluate.protocols import Protocol
from brainflix.evaluate.result import Result
from brainflix.parts.find import find, parts
from brainflix.parts.part import BRAINFLIX
from brainflix.wording import did_you_mean

if TYPE_CHECKING:
    from pydantic import BaseModel

    from brainflix.evaluate.design import Design
    from brainflix.evaluate.scene import Scene

CATEGORY = "metric"
NO_STRANGERS = "chance cannot be measured: no clip lies far enough from another"
# Asking for the first gives all: end-point error never stands alone, PSNR in both averages (docs/scoring.md, Metrics).
TOGETHER = {
    "epe": ("epe", "epe_static", "epe_normalised", "skill"),
    "psnr": ("psnr", "psnr_pooled"),
    "epe_raft": ("epe_raft", "epe_raft_static", "skill_raft"),
    "clip_tc": ("clip_tc", "clip_tc_truth", "clip_tc_difference"),
    "clip_tc_all": ("clip_tc_all", "clip_tc_all_truth", "clip_tc_all_difference"),
}
# Beginnings of names that mean all lines that begin so.
FAMILIES = ("nway", "identification", "clip_score")
# The order of the table beside that of the parts: what a headline uses comes first.
FIRST = ("ssim_excess", "pixcorr", "flow_cosine")


@dataclass(frozen=True)
class Choice:
    """One line that can be scored: the part that scores it, with its parameters, and what it is."""

    part: str
    params: BaseModel
    about: About


def lines_of(protocol: Protocol, *, bug_compat: bool = False, plugins: Sequence[str] = ()) -> dict[str, Choice]:
    """Return the lines that a protocol has, by name, in the order of the table.

    Args:
        protocol: whose.
        bug_compat: whether what is wrong by accident is among them.
        plugins: metrics of other packages that are asked for, which are imported.
    """
    named = {*protocol.ssim, *protocol.extra, *(protocol.bug_extra if bug_compat else ())}
    found: dict[str, Choice] = {}
    for name, part in parts(CATEGORY).items():
        if part.package != BRAINFLIX and name not in plugins:
            continue
        model = part.load_params()
        if issubclass(model, MetricParams):
            params: BaseModel = model.under(protocol, bug_compat=bug_compat)
            abouts = params.lines() if isinstance(params, MetricParams) else {}
        else:
            params, abouts = model(), {}
        for line, about in (abouts or {name: About(about=part.summary, asked=True)}).items():
            if not about.special or line in named:
                found[line] = Choice(name, params, about)
    order = [*(name for name in FIRST if name in found), *(name for name in found if name not in FIRST)]
    return {name: found[name] for name in order}


def choose_metrics(names: Sequence[str] | None, protocol: Protocol, *, bug_compat: bool = False) -> dict[str, Choice]:
    """Return the lines that names mean under a protocol, by name; None means all that need not be asked for.

    Raises:
        UsageError: a name is unknown, or of a flavour that the protocol does not use.
    """
    plugins = [name for name in names or () if name in parts(CATEGORY) and find(CATEGORY, name).package != BRAINFLIX]
    every = lines_of(protocol, bug_compat=bug_compat, plugins=plugins)
    if names is None:
        return {name: each for name, each in every.items() if not each.about.asked}
    groups: dict[str, tuple[str, ...]] = {"ssim": protocol.ssim, **TOGETHER}
    groups |= {name: tuple(line for line in every if line.startswith(name)) for name in FAMILIES}
    groups |= {name: tuple(line for line, each in every.items() if each.part == name) for name in plugins}
    chosen: set[str] = set()
    for name in names:
        if name not in groups and name not in every:
            what = f"unknown metric {name!r} under protocol {protocol.name}"
            raise UsageError(what, next=did_you_mean(name, {*groups, *every}))
        chosen.update(groups.get(name, (name,)))
    return {name: each for name, each in every.items() if name in chosen}


def describe_metrics(protocol: Protocol) -> list[dict[str, str]]:
    """Return the metrics of a protocol: name, about, unit, and what each needs beside the clips."""
    found = []
    plugins = [name for name, part in parts(CATEGORY).items() if part.package != BRAINFLIX]
    for name, choice in lines_of(protocol, bug_compat=True, plugins=plugins).items():
        about = choice.about
        needs = ["--bug-compat"] if name in protocol.bug_extra else ["to be asked for"] if about.asked else []
        needs += ["frame rates"] if about.timed and not about.weights else []
        needs += about.weights
        found.append({"name": name, "about": about.about, "unit": about.unit, "needs": ", ".join(needs)})
    return found


def allowed(chosen: Mapping[str, Choice], scene: Scene, design: Design, result: Result) -> list[str]:
    """Return the lines that these clips allow; `result` notes why the others are left out."""
    return [name for name, each in chosen.items() if not _is_barred(name, each.about, scene, design, result)]


def _is_barred(name: str, about: About, scene: Scene, design: Design, result: Result) -> bool:
    """Note the first bar that holds a line back, if any does."""
    n_frames, height, width = scene.shape
    side, size = min(height, width), f"frames of {width}x{height}"
    alone = "give two clips or more, and --permutations above 0"
    no_motion = "one frame has no motion" if about.frames == 2 else "two frames cannot be shuffled"
    frames = "two frames" if about.frames == 2 else "three frames"
    lone = "one clip is no set" if about.weights == (FEATURES,) else "one clip cannot be told from others"
    bars: tuple[tuple[Any, str, str], ...] = (
        (n_frames < about.frames, no_motion, f"give clips of {frames} or more"),
        (
            about.package and find_spec(about.package[0]) is None,
            f"{about.package[1]} missing" if about.package else "",
            f"pip install {about.package[1]}" if about.package else "",
        ),
        (scene.n_clips < about.clips, lone, "give two clips or more"),
        (about.timed and scene.fps_hz is None, "the frame rate is unknown", "give --fps-truth"),
        (
            about.permuted and not design.permutes,
            "nothing is permuted",
            alone,
        ),
        (about.permuted and not design.has_chance, NO_STRANGERS, "score longer segments, or several"),
        (
            side < about.least_px,
            f"{size} are too small",
            f"give clips of {about.least_px} px or more",
        ),
        (
            height % about.multiple_px or width % about.multiple_px,
            f"{size} do not divide by {about.multiple_px}",
            f"give clips whose sides are multiples of {about.multiple_px}",
        ),
    )
    for applies, why, advice in bars:
        if applies:
            result.skip([name], why, advice)
            return True
    return False
