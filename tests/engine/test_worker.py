"""A job's description and the store are all that a process needs to do it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import brainflix
from brainflix.engine.job import Job, job_of
from brainflix.errors import UsageError
from brainflix.store.store import Store

TINY = str(Path(__file__).parents[1] / "recipes" / "tiny.yaml")
ONE = {"BRAINFLIX_WORKERS": "1", "OMP_NUM_THREADS": "1", "BRAINFLIX_DEVICE": "cpu"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> brainflix.Plan:
    """A run of the tiny recipe, to the end of `regress` and of `reconstruct`."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ONE.items():
            patch.setenv(name, value)
        store = tmp_path_factory.mktemp("worker") / "store"
        planned = brainflix.plan(TINY, store, stage="reconstruct")
        brainflix.run(planned)
        brainflix.run(TINY, store, stage="regress")
    return planned


def contents(store: Store, job: Job) -> dict[str, str]:
    return {entry.path: entry.sha256 for entry in store.manifest(job.ref).files}


@pytest.mark.parametrize("stage", ["align", "regress", "reconstruct"])
def test_a_fresh_process_does_any_job_from_the_store_alone(made: brainflix.Plan, tmp_path: Path, stage: str) -> None:
    job = next(each.job for each in made if each.job.stage == stage)
    assert job_of(json.loads(json.dumps(job.described()))) == job
    # Only what the job reads is there.
    alone = Store(tmp_path / "store")
    for ref in (ref for refs in job.inputs.values() for ref in refs):
        shutil.copytree(made.store.path(ref), alone.path(ref), dirs_exist_ok=True)
    command = [sys.executable, "-m", "brainflix.engine.worker", "--store", str(alone.root)]
    done = subprocess.run(
        command, input=json.dumps(job.described()), capture_output=True, text=True, env={**os.environ, **ONE}
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(job.ref)
    assert contents(alone, job) == contents(made.store, job)


def test_another_packages_part_is_not_taken_for_the_planned_one(made: brainflix.Plan) -> None:
    described = made.jobs[-1].job.described() | {"package": "delphi 1.2"}
    with pytest.raises(UsageError, match=r"planned with delphi 1\.2"):
        job_of(described)
    with pytest.raises(UsageError, match=r"no reconstruct part is called .zeroscoop."):
        job_of(made.jobs[-1].job.described() | {"part": "zeroscoop"})
