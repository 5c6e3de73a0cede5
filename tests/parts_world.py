"""A store with two simulated subjects of twelve short segments and one target, and jobs on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np
from pydantic import BaseModel

from brainflix.engine.job import Job
from brainflix.parts.find import find
from brainflix.parts.stages import category_of
from brainflix.parts.work import Tools
from brainflix.store.refs import Ref
from brainflix.store.schema import Clips, Responses, Targets
from brainflix.store.store import Staging, Store

N_SEGMENTS, N_EACH, COLUMNS = 12, 6, 40
TARGET = Ref("targets", "toy-clip", "0" * 12)
BOLD = [Ref("aligned", f"toy-sub-{subject}", "0" * 12) for subject in (1, 2)]


def make_clips() -> Clips:
    """Return clips of seg1 to seg12 in order; seg11 is for validation, seg12 for testing."""
    number = np.repeat(np.arange(1, N_SEGMENTS + 1), N_EACH)
    return Clips(
        ids=tuple(f"clip{i:03d}" for i in range(len(number))),
        segment=tuple(f"seg{n}" for n in number),
        onset_s=np.tile(np.arange(N_EACH) * 2.0, N_SEGMENTS),
        split=np.clip(number - 10, 0, 2),
        caption=("",) * len(number),
    )


def fill(store: Store, *, test_response: float | None = None, test_target: float | None = None) -> None:
    """Publish both subjects' responses and the target; a number given replaces all values of the test clips."""
    rng, clips = np.random.default_rng(0), make_clips()
    test = clips.of("test")
    factors = rng.normal(size=(len(clips), 4))
    mixing = rng.normal(size=(4, COLUMNS))
    target = factors @ rng.normal(size=(4, 5))
    if test_target is not None:
        target[test] = test_target
    with store.publish(TARGET, stage="targets", stage_version=1, parameters={}, inputs={}, fsync=False) as out:
        Targets(target, clips).save(out.path)
    for ref in BOLD:
        response = factors @ mixing + rng.normal(size=(len(clips), COLUMNS))
        if test_response is not None:
            response[test] = test_response
        with store.publish(ref, stage="align", stage_version=1, parameters={}, inputs={}, fsync=False) as out:
            Responses(
                response=response,
                clip=np.arange(len(clips)),
                repeat=np.zeros(len(clips), int),
                run=np.arange(len(clips)) // N_EACH,
                run_names=tuple(f"run{i}" for i in range(N_SEGMENTS)),
                clips=clips,
                area=("V1",) * COLUMNS,
                structure=("left",) * COLUMNS,
                index=np.arange(COLUMNS),
                masks={"selected": np.ones(COLUMNS, bool)},
            ).save(out.path)


def job(stage: str, part: str, kind: str, params: Mapping[str, Any], inputs: Mapping[str, tuple[Ref, ...]]) -> Job:
    """Return a job of subject 1 on this world."""
    ref, chosen = Ref(kind, f"toy-{part}", "1" * 12), chosen_params(stage, part, params)
    return Job(stage, "", part, 1, chosen, ref, inputs, seed=0, dataset="demo", recipe="toy", revision="")


def fit_job(made: Job, *shared: str) -> Job:
    """Return the job of what a part fits once for several subjects, on these of the job's roles."""
    roles = {role: made.inputs[role] for role in shared}
    return replace(made, subject=None, ref=replace(made.ref, kind="model"), inputs=roles, is_fit=True)


def chosen_params(stage: str, part: str, params: Mapping[str, Any]) -> BaseModel:
    """Return a part's parameters as the plan validates them."""
    return find(category_of(stage), part).load_params().model_validate(dict(params))


def call(part: Callable[..., Any], job: Job, inputs: Mapping[str, Any], tools: Tools) -> Any:
    """Call a part as its stage does, and return what it made."""
    return part(job.params, inputs, job.work(tools))


def do(job: Job, inputs: Mapping[str, Any], out: Staging, tools: Tools) -> None:
    """Do a job through its stage's door as the engine does, into a staging."""
    stage = import_module(f"brainflix.{job.stage}.stage")
    made = stage.run(find(category_of(job.stage), job.part).load(), job.params, inputs, job.work(tools))
    out.notes |= made.save(out.path) or {}
