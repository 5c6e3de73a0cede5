"""Small artifacts of frames, and jobs that make targets of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel

from brainflix.engine.job import Job
from brainflix.parts.params import AnyParams
from brainflix.parts.work import Tools
from brainflix.store.refs import Ref
from brainflix.store.schema import Clips, Videos
from brainflix.store.store import Artifact, Store

if TYPE_CHECKING:
    from brainflix.device import Compute

FRAMES = Ref("targets", "film-frames", "0123456789ab")


def random_frames(n_clips: int, n_frames: int = 3, size: int = 8, seed: int = 0) -> np.ndarray:
    """Return frames (n_clips, n_frames, size, size, 3), uint8."""
    return np.random.default_rng(seed).integers(0, 256, (n_clips, n_frames, size, size, 3), dtype=np.uint8)


def clips_of(n: int) -> Clips:
    """Return the table of `n` clips of one film."""
    ids = tuple(f"clip_{i:03d}" for i in range(n))
    return Clips(ids, ("film",) * n, np.arange(n) * 2.0, np.zeros(n), ("",) * n)


def publish_frames(store: Store, frames: np.ndarray) -> Artifact:
    """Publish frames as the `frames` extractor does."""
    clips = clips_of(len(frames))
    with store.publish(FRAMES, stage="targets", stage_version=1, parameters={}, inputs={}, fsync=False) as out:
        clips.save(out.path)
        Videos(frames, clips.ids, 2.0).save(out.path)
    return store.open(FRAMES)


def job_of(part: str, params: BaseModel | None = None, key: str = "00000000000f", seed: int = 0) -> Job:
    """Return the job of one target."""
    ref = Ref("targets", f"film-{part}", key)
    return Job("targets", part, part, None, params or AnyParams(), ref, {"frames": (FRAMES,)}, seed, "demo", "r", "1")


def tools_of(store: Store, clips_per_batch: int = 16) -> Tools:
    """Return tools that compute on the CPU in float32."""

    def compute() -> Compute:
        # Not at the top: the processes that tests start need no torch.
        from brainflix.device import pick_compute

        return pick_compute("cpu", "float32")

    return Tools(store, compute, clips_per_batch=clips_per_batch)


def files_of(folder: Path) -> dict[str, bytes]:
    """Return the bytes of each file of a folder but a manifest."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "manifest.json")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}
