"""What a run that was stopped has left for the next one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from brainflix.engine.job import Job
from brainflix.parts.work import DOWNLOADS
from brainflix.store.disk import tree_bytes
from brainflix.store.spools import spool_folder
from brainflix.store.store import Store
from brainflix.wording import format_bytes


def kept_line(jobs: Sequence[Job], n_done: int, store: Store) -> str:
    """Return what is kept of a run of these jobs that was stopped after `n_done` of them, for people."""
    said = [f"kept: {n_done} of {len(jobs)} jobs"]
    if n_done < len(jobs):
        job = jobs[n_done]
        waiting = tree_bytes(_waits_in(job, store))
        said += [f"of {job.ref} {format_bytes(waiting)}"] if waiting else []
        if job.stage == "train" and (n := len(store.refs("model", f"{job.ref.name}.ckpt"))):
            said.append(f"{n} checkpoints of {job.ref.name}")
    return ", ".join(said)


def _waits_in(job: Job, store: Store) -> Path:
    """Return the folder in which what is done of a job waits."""
    if job.stage == "download":
        return store.root / DOWNLOADS / job.dataset
    return spool_folder(store.root, job.ref)
