"""Score one table: every line that is chosen, of every video set, wherever the clips come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from brainflix.evaluate.choosing import CATEGORY, Choice
from brainflix.evaluate.clipwise import Known, own_values
from brainflix.evaluate.gathering import signs
from brainflix.evaluate.lines import make_line
from brainflix.evaluate.metric import ClipMetric, Excess, Found, Measured, MetricWork, Skipped
from brainflix.evaluate.metric_params import ACROSS
from brainflix.evaluate.nway_curve import Curve
from brainflix.evaluate.pairings import FEW, Pairings, pair_all, scratch_bytes
from brainflix.evaluate.permutations import Permuted
from brainflix.evaluate.result import Result
from brainflix.evaluate.scene import PREDICTION, Scene
from brainflix.evaluate.staging import check_room
from brainflix.parts.find import find

Clipwise = Mapping[str, ClipMetric]


@dataclass(frozen=True, eq=False)
class Ground:
    """Values of sets that no subject changes, which need not be computed again.

    Attributes:
        own: by line and video set, (n_clips,) each.
        floors: by the line that an excess is made of and by video set, its mean over strangers, (n_clips,).
    """

    own: Known = field(default_factory=dict)
    floors: Known = field(default_factory=dict)


def score_scene(
    scene: Scene,
    chosen: Mapping[str, Choice],
    work: MetricWork,
    protocol: str,
    result: Result,
    ground: Ground | None = None,
) -> None:
    """Score the lines that the clips allow into a result.

    Args:
        scene: the clips.
        chosen: the lines, in the order of the table.
        work: what metrics are given; its `wanted` lines are scored.
        protocol: name that stands on every number.
        result: takes lines, values, curves, and what was left out.
        ground: what is known already.

    Raises:
        DataError: a network cannot take the clips, or the user's files do not go together.
        ResourceError: the disk for files is too small.
    """
    ground = ground or Ground()
    found = _ask(scene, chosen, work, result)
    excess = {name: each.of for name, each in found.items() if isinstance(each, Excess) and name in work.wanted}
    needed = {*work.wanted, *excess.values()}
    clipwise = {n: each for n, each in found.items() if isinstance(each, ClipMetric) and n in needed}
    measured = {name: each for name, each in found.items() if isinstance(each, Measured)}
    pairings = Pairings({}, {})
    if clipwise:
        check_room(work.folder, scratch_bytes(scene, clipwise, work.design))
        own = own_values(scene, clipwise, work, ground.own)
        pairings = pair_all(scene, clipwise, excess, own, work, ground.floors)
        for name, metric in clipwise.items():
            measured[name] = _of_clips(name, metric, own.values[name], own.n_nan[name], pairings, work)
        for name, of in excess.items():
            if of in pairings.floors:
                measured[name] = _of_excess(name, measured[of], of, pairings)
    wanted = [name for name in chosen if name in work.wanted]
    lines = [name for name in (*wanted, *(f"{each}{ACROSS}" for each in wanted)) if name in measured]
    for name in work.track(lines, "lines"):
        each = measured[name]
        result.lines[name] = make_line(chosen[name.removesuffix(ACROSS)].about, each, work.design, protocol)
        result.values[name] = dict(each.own)
        if each.curve is not None:
            result.curves[each.curve[0]] = each.curve[1]


def _ask(scene: Scene, chosen: Mapping[str, Choice], work: MetricWork, result: Result) -> dict[str, Any]:
    """Ask every part of a wanted line once, and note what it skips."""
    found: dict[str, Any] = {}
    parts = list(dict.fromkeys(chosen[line].part for line in chosen if line in work.wanted))
    for name in work.track(parts, "kinds of metrics"):
        for line, each in _answer(name, scene, chosen, work).items():
            if isinstance(each, Skipped):
                if line in work.wanted:
                    result.skip([line], each.why, each.next)
                continue
            found[line] = each
    return found


def _answer(name: str, scene: Scene, chosen: Mapping[str, Choice], work: MetricWork) -> Found:
    """Return what a part says; what it has measured over all clips is kept for a run that is stopped."""
    lines = sorted(line for line in work.wanted if line in chosen and chosen[line].part == name)
    about = "part", name, lines, {key: each.pin for key, each in work.weights.items()}
    found: Found | None = work.kept.get(*about, of=(Measured, Permuted, Curve))
    if found is None:
        params = next(each.params for each in chosen.values() if each.part == name)
        found = find(CATEGORY, name).load()(params, scene, work)
        if found and all(isinstance(each, Measured) for each in found.values()):
            work.kept.put(found, *about)
    return found


def _of_clips(
    name: str, metric: ClipMetric, values: Mapping[str, Any], n_nan: int, pairings: Pairings, work: MetricWork
) -> Measured:
    tested = pairings.permuted.get(name)
    if metric.null == "signs":
        tested = signs(values[PREDICTION], work.design.clusters)
    return Measured(dict(values), tested, n_nan, metric.chance, metric.is_rate)


def _of_excess(name: str, measured: Measured, of: str, pairings: Pairings) -> Measured:
    """Return a line minus its mean over strangers, of every set."""
    floors = pairings.floors[of]
    own = {each: values - floors[each] for each, values in measured.own.items()}
    remark = FEW if pairings.is_sampled and len(own) > 1 else ""
    return replace(measured, own=own, permuted=pairings.permuted[name], chance=0.0, remark=remark)
