"""The part of every protocol: artifacts of videos against the truth, scored as `score` scores folders.

Frames come from the artifacts as they are stored, a clip at a time, so that memory does not grow with the film.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from brainflix.evaluate import document, extras
from brainflix.evaluate.keeping import Kept
from brainflix.evaluate.known import Known
from brainflix.evaluate.networks.checkpoints import CHECKPOINTS, Checkpoint
from brainflix.evaluate.protocol_params import ProtocolParams, StrictParams
from brainflix.evaluate.scorecard import Line, Scorecard
from brainflix.evaluate.scoring import Choices, How, Scored, score_source
from brainflix.evaluate.sources import of_inputs
from brainflix.io.weights import resolve_weights
from brainflix.parts.contract import Inputs
from brainflix.parts.part import FIT
from brainflix.parts.work import Work
from brainflix.store.kept import KeptFiles
from brainflix.store.spools import rows_folder

Rows = Sequence[Mapping[str, Any]]


def score(params: ProtocolParams, inputs: Inputs, work: Work) -> Scorecard:
    """Score videos, and under `strict` regressed targets, under the protocol of `params`.

    Raises:
        DataError: a role holds several artifacts, clips or targets are missing, or frames do not fit the protocol.
        MissingError: the video classifier that `strict` names is not there.
    """
    choices = choices_of(params, inputs, work)
    if inputs.get(FIT):
        choices = replace(choices, given=Known.load(inputs[FIT][0]).given())
    with tempfile.TemporaryDirectory(prefix="brainflix-evaluate-") as folder:
        scored = score_source(of_inputs(inputs), choices, Path(folder), work.progress.track)
        lines, tables = _beside(params, inputs, scored)
        details = {"compared": document.compared(scored), **document.details(scored, str(inputs["truth"][0].ref))}
        extras.check_line_names(scored.result.lines, lines)
        lines = {**scored.result.lines, **lines}
        return Scorecard(choices.name, scored.scene.ids, lines, {**tables, **document.tables(scored, lines)}, details)


def choices_of(params: ProtocolParams, inputs: Inputs, work: Work) -> Choices:
    """Return what a step chose to score, and how."""
    # Asked for first: the manifest names the device, and the number of threads holds.
    compute = work.compute()
    read = [artifact for artifacts in inputs.values() for artifact in artifacts]
    return Choices(
        protocol=params.protocol,
        metrics=params.chosen(),
        checkpoints=_checkpoints(params),
        how=How(
            bug_compat=params.bug_compat,
            settings=params.settings(work.seed),
            cache=work.cache,
            device=str(compute.device),
            clips_per_batch=work.clips_per_batch,
            workers=torch.get_num_threads(),
        ),
        kept=Kept(KeptFiles(rows_folder(work.store.root, work.ref, read, compute.where()))),
    )


def _checkpoints(params: ProtocolParams) -> dict[str, Checkpoint]:
    """Return the table of checkpoints with what the parameters pin.

    Raises:
        MissingError: the classifier that `strict` names is not there.
    """
    given = params.checkpoints.items()
    pinned = {key: replace(CHECKPOINTS[key], name=each.weights, revision=each.revision) for key, each in given}
    if isinstance(params, StrictParams):
        if any("videomae" in each.about.weights for each in params.chosen().values()):
            # A table that lacks the classifier's lines would have other p's under the same name.
            resolve_weights(params.weights, params.revision)
        pinned["videomae"] = replace(CHECKPOINTS["videomae"], name=params.weights, revision=params.revision)
    return CHECKPOINTS | pinned


def _beside(params: ProtocolParams, inputs: Inputs, scored: Scored) -> tuple[dict[str, Line], dict[str, Rows]]:
    """Return the lines and tables that only `strict` has."""
    scene, design = scored.scene, scored.design
    if not isinstance(params, StrictParams) or scene.film is None:
        return {}, {}
    lines, targets = extras.score_targets(inputs, scene.ids, scene.film, design, params.retrieval_k)
    tables: dict[str, Rows] = {
        **extras.transfer_table(inputs, scene.ids, design),
        **targets,
        **extras.spread_table(scene, scored.result),
        **extras.half_table(inputs, scene.ids),
    }
    return lines, tables
