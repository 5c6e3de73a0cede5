"""What all subjects are measured against, scored once: baselines that know nothing of the brain, and the oracle.

Their values, their floors, what networks say of them and the training mean are an artifact, which each subject's job
reads under the role `fit`. It counts only where a subject is compared with the very same true frames; else everything
is computed anew.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from brainflix.evaluate.artifacts import choices_of
from brainflix.evaluate.choosing import CATEGORY
from brainflix.evaluate.clipwise import own_values
from brainflix.evaluate.known import NOWHERE, Known, facts
from brainflix.evaluate.metric import ClipMetric, Excess
from brainflix.evaluate.pairings import floors_of
from brainflix.evaluate.protocol_params import ProtocolParams
from brainflix.evaluate.result import Result
from brainflix.evaluate.scene import OF_PREDICTION, TRUTH, Scene
from brainflix.evaluate.scoring import Prepared, prepare
from brainflix.evaluate.sources import of_ground
from brainflix.parts.contract import Inputs
from brainflix.parts.find import find
from brainflix.parts.work import Work

# Metrics whose networks say little enough of a clip to be kept.
SHOWING = ("nway", "clip")


def fit(params: ProtocolParams, inputs: Inputs, work: Work) -> Known:
    """Score every set that no subject changes.

    Raises:
        DataError: clips are missing, or frames do not fit the protocol.
    """
    choices, source = choices_of(params, inputs, work), of_ground(inputs)
    if not source.ids:
        return Known(NOWHERE, {}, {}, {}, None)
    with tempfile.TemporaryDirectory(prefix="brainflix-ground-") as folder:
        # The truth stands in for a prediction, which these sets do not depend on.
        ready = prepare(source, choices, Path(folder), work.progress.track, Result(), keeps=True)
        scene = _without_predictions(ready.scene)
        ready = replace(
            ready, scene=scene, work=replace(ready.work, audience=replace(ready.work.audience, scene=scene))
        )
        own, floors = _of_clips(ready)
        said = _said(ready)
        frames = scene.baselines.get("train_mean")
        mean = None if frames is None else frames[0][0]
        return Known(facts(scene, ready.design), own, floors, said, mean)


def _without_predictions(scene: Scene) -> Scene:
    kept = {name: each for name, each in scene.baselines.items() if name not in OF_PREDICTION}
    return replace(scene, baselines=kept)


def _of_clips(ready: Prepared) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return values and floors of the metrics of single clips, by line and set."""
    scene, work = ready.scene, ready.work
    found: dict[str, Any] = {}
    for name in dict.fromkeys(each.part for line, each in ready.chosen.items() if line in work.wanted):
        if not _has_network(name, ready):
            params = next(each.params for each in ready.chosen.values() if each.part == name)
            found |= find(CATEGORY, name).load()(params, scene, work)
    excess = {each.of for line, each in found.items() if isinstance(each, Excess) and line in work.wanted}
    metrics = {
        line: each
        for line, each in found.items()
        if isinstance(each, ClipMetric) and not each.bare and (line in work.wanted or line in excess)
    }
    if not metrics:
        return {}, {}
    values = own_values(scene, metrics, work).values
    own = {line: {name: sets[name] for name in scene.others} for line, sets in values.items()}
    floors = {line: floors_of(scene, line, metrics[line], work, {}) for line in excess} if ready.design.permutes else {}
    return own, floors


def _has_network(part: str, ready: Prepared) -> bool:
    return any(each.about.weights for each in ready.chosen.values() if each.part == part)


def _said(ready: Prepared) -> Mapping[str, Any]:
    """Return what networks say of the truth and of every set that no subject changes."""
    audience = ready.work.audience
    for name in SHOWING:
        lines = [line for line, each in ready.chosen.items() if each.part == name and line in ready.work.wanted]
        if lines:
            params = ready.chosen[lines[0]].params
            find(CATEGORY, name).load()(params, ready.scene, ready.work)
    names = (TRUTH, *ready.scene.others)
    return {network: {name: sets[name] for name in names} for network, sets in audience.heard.items()}
