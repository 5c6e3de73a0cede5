"""A stopped reconstruction goes on after its last whole batch, and makes the files of one that was never stopped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from brainflix.device import Compute
from brainflix.engine.job import Job
from brainflix.errors import DataError
from brainflix.parts.params import AnyParams
from brainflix.parts.work import Tools
from brainflix.reconstruct.generator import Batch
from brainflix.reconstruct.rendering import rendering
from brainflix.store import spools
from brainflix.store.artifact import Artifact
from brainflix.store.refs import Ref
from brainflix.store.schema import Clips, Targets, Videos
from brainflix.store.store import Store

N, SIZE = 7, 6
IDS = tuple(f"test_{i}" for i in range(N))
CLIPS = Clips(IDS, ("film",) * N, np.arange(N) * 2.0, np.full(N, 2), ("",) * N)
VALUES = np.random.default_rng(1).integers(0, 200, (N, 4)).astype(np.float32)


@dataclass
class Noisy:
    """Paints noise from a clip's id and its latents, whatever batch it is in; stops before batch `stop_at`."""

    stop_at: int = 99
    dtype: Any = np.uint8
    seen: list[tuple[str, ...]] = field(default_factory=list)
    notes: Mapping[str, object] = field(default_factory=dict)

    def __call__(self, batch: Batch) -> np.ndarray:
        if len(self.seen) == self.stop_at:
            raise KeyboardInterrupt
        self.seen.append(batch.clip_ids)
        frames = []
        for clip_id, latents in zip(batch.clip_ids, batch.conditions["latents"], strict=True):
            rng = np.random.default_rng([int(clip_id.removeprefix("test_")), *latents.astype(int)])
            frames.append(rng.integers(0, 256, (2, SIZE, SIZE, 3), dtype=np.uint8))
        return np.stack(frames).astype(self.dtype)


def publish(store: Store, values: np.ndarray = VALUES) -> dict[str, list[Artifact]]:
    """Publish frames and latents under keys that do not depend on the values, as another machine's would be."""
    found = {}
    black = Videos(np.zeros((N, 2, SIZE, SIZE, 3), np.uint8), IDS, 1.0)
    for role, saves in {"clips": (CLIPS.save, black.save), "latents": (Targets(values, CLIPS).save,)}.items():
        ref = Ref("targets", f"demo-{role}", "0123456789ab")
        with store.publish(ref, stage="x", stage_version=1, parameters={}, inputs={}, fsync=False) as out:
            for save in saves:
                save(out.path)
        found[role] = [store.open(ref)]
    return found


JOB = Job(
    "reconstruct", "", "fake", 1, AnyParams(), Ref("videos", "demo-sub-1", "00000000000f"), {}, 0, "demo", "r", ""
)


def make(store: Store, inputs: Any, generator: Noisy, out: Path, clips_per_batch: int) -> dict[str, bytes]:
    """Do the job's work into a new folder and return its files."""
    out.mkdir()
    cpu = Compute(torch.device("cpu"), torch.float32, "a test's")
    work = JOB.work(Tools(store, lambda: cpu, clips_per_batch=clips_per_batch))
    rendering(lambda params, inputs, work: generator)(AnyParams(), inputs, work).save(out)
    return {p.relative_to(out).as_posix(): p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("clips_per_batch", [1, 2, 3, 16])
def test_a_stopped_run_goes_on_after_its_last_whole_batch_with_the_same_bytes(tmp_path, clips_per_batch):
    whole = Store(tmp_path / "whole")
    expected = make(whole, publish(whole), Noisy(), tmp_path / "a", clips_per_batch)
    store = Store(tmp_path / "store")
    inputs, stopped, rest = publish(store), Noisy(stop_at=min(2, -(-N // clips_per_batch) - 1)), Noisy()
    with pytest.raises(KeyboardInterrupt):
        make(store, inputs, stopped, tmp_path / "b", clips_per_batch)
    assert make(store, inputs, rest, tmp_path / "c", clips_per_batch) == expected
    assert sum((*stopped.seen, *rest.seen), ()) == IDS, "no clip twice, none left out"


def test_a_run_goes_on_with_batches_of_another_size(tmp_path):
    store, whole = Store(tmp_path / "store"), Store(tmp_path / "whole")
    inputs, rest = publish(store), Noisy()
    with pytest.raises(KeyboardInterrupt):
        make(store, inputs, Noisy(stop_at=2), tmp_path / "a", 2)
    made = make(store, inputs, rest, tmp_path / "b", 3)
    assert made == make(whole, publish(whole), Noisy(), tmp_path / "c", 3)
    assert rest.seen == [IDS[3:6], IDS[6:]]


def test_what_another_kernel_or_version_made_is_not_mixed_with_what_this_one_makes(tmp_path, monkeypatch):
    store = Store(tmp_path / "store")
    inputs, other, edited = publish(store), Noisy(notes={"attention": "another"}), Noisy()
    with pytest.raises(KeyboardInterrupt):
        make(store, inputs, Noisy(stop_at=2), tmp_path / "a", 2)
    make(store, inputs, other, tmp_path / "b", 2)
    monkeypatch.setattr(spools, "source_digest", lambda: "edited")
    make(store, inputs, edited, tmp_path / "c", 2)
    assert sum(other.seen, ()) == sum(edited.seen, ()) == IDS


def test_a_damaged_batch_is_generated_again(tmp_path):
    store = Store(tmp_path / "store")
    inputs, again = publish(store), Noisy()
    made = make(store, inputs, Noisy(), tmp_path / "a", 3)
    [waiting] = spools.spool_folder(store.root, JOB.ref).iterdir()
    first = sorted(waiting.iterdir())[0]
    body = bytearray(first.read_bytes())
    body[-1] ^= 1
    first.write_bytes(body)
    assert make(store, inputs, again, tmp_path / "b", 3) == made
    assert again.seen == [IDS[:3]]


def test_what_waits_of_inputs_that_were_made_again_with_other_values_is_not_taken(tmp_path):
    store, other = Store(tmp_path / "store"), Store(tmp_path / "other")
    with pytest.raises(KeyboardInterrupt):
        make(store, publish(store), Noisy(stop_at=2), tmp_path / "a", 2)
    # The same refs on another machine: equal keys, other numbers.
    inputs = publish(other, VALUES + 1)
    (tmp_path / "other" / ".spool").symlink_to(tmp_path / "store" / ".spool")
    fresh = Store(tmp_path / "fresh")
    expected = make(fresh, publish(fresh, VALUES + 1), Noisy(), tmp_path / "b", 2)
    assert make(other, inputs, Noisy(), tmp_path / "c", 2) == expected


def test_frames_of_another_type_never_wait(tmp_path):
    store = Store(tmp_path / "store")
    with pytest.raises(DataError, match="uint8"):
        make(store, publish(store), Noisy(dtype=np.float32), tmp_path / "a", 2)
    assert not (store.root / ".spool").exists()
