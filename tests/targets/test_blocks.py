"""Targets batch by batch: the same files as in one go, whatever happens on the way."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from target_worlds import clips_of, files_of, job_of, publish_frames, random_frames, tools_of

from brainflix.engine.job import Job
from brainflix.errors import DataError, IntegrityError, UsageError
from brainflix.parts.work import Tools
from brainflix.store import arrays
from brainflix.store.gc import plan_gc, run_gc
from brainflix.store.schema import Targets
from brainflix.store.spools import SPOOL, clear_spool, rows_folder, spool_folder
from brainflix.store.store import Artifact, Store
from brainflix.targets import blocks
from brainflix.targets.blocks import Encoded, of_frames

N = 70
JOB = job_of("made")


class Encoder:
    """Repeats each clip's mean frame some times with different factors; remembers which clips it saw."""

    def __init__(self, shape: tuple[int, ...] = (5, 4, 6)) -> None:
        self.shape, self.seen = shape, 0
        self.sizes: list[int] = []

    def __call__(self, frames: np.ndarray) -> np.ndarray:
        self.seen += len(frames)
        self.sizes.append(len(frames))
        factors = np.linspace(-1, 1, int(np.prod(self.shape)), dtype=np.float32)
        means = frames.reshape(len(frames), -1).mean(axis=1, dtype=np.float64).astype(np.float32)
        return (means[:, None] * factors).reshape(len(frames), *self.shape)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def frames(store: Store) -> Artifact:
    return publish_frames(store, random_frames(N))


def encoded(frames: Artifact, tools: Tools, encode: Callable | None = None, job: Job = JOB, **options) -> Encoded:
    """Return the targets of a job, which are encoded when they are saved."""
    return Encoded(frames, job.work(tools), of_frames(encode or Encoder()), **options)


def make(out: Path, frames: Artifact, tools: Tools, encode: Callable | None = None, **options) -> dict[str, bytes]:
    """Encode into a new folder and return its files."""
    out.mkdir()
    encoded(frames, tools, encode, **options).save(out)
    return files_of(out)


def whole(out: Path, shape: tuple[int, ...] = (5, 4, 6), **options) -> dict[str, bytes]:
    """Return the files that the same targets make when they are saved in one go."""
    out.mkdir()
    Targets(Encoder(shape)(random_frames(N)), clips_of(N), {"axes": "all"}, **options).save(out)
    return files_of(out)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("shape", [(), (7,), (5, 4, 6), (3, 1, 40)])
@pytest.mark.parametrize("tile_bytes, slab_bytes", [(8 << 20, 64 << 20), (N * 4 * 9, N * 4 * 30), (1, 1)])
def test_the_files_are_those_of_targets_saved_in_one_go(
    tmp_path, store, frames, monkeypatch, dtype, shape, tile_bytes, slab_bytes
):
    monkeypatch.setattr(arrays, "TILE_BYTES", tile_bytes)
    monkeypatch.setattr(blocks, "_SLAB_BYTES", slab_bytes)
    made = make(tmp_path / "made", frames, tools_of(store, 6), Encoder(shape), dtype=dtype, attrs={"axes": "all"})
    expected = whole(tmp_path / "whole", shape, dtype=dtype)
    assert made == expected
    assert len(expected) > 3 or tile_bytes > 1 or shape == (), "several tiles are what this is about"


def test_the_shape_is_returned_and_batches_are_as_large_as_they_may_be(tmp_path, store, frames):
    encode = Encoder()
    (tmp_path / "out").mkdir()
    made = encoded(frames, tools_of(store, 20), encode, note=lambda shape: {"shape": shape})
    assert made.save(tmp_path / "out") == {"shape": (5, 4, 6)}
    assert encode.sizes == [20, 20, 20, 10]
    clear_spool(store.root, JOB.ref)
    small = Encoder()
    make(tmp_path / "small", frames, tools_of(store, 3), small)
    assert max(small.sizes) == 3 and small.seen == N


def die_after(n: int) -> Callable[[np.ndarray], np.ndarray]:
    """Return an encoder that kills its process, as a power cut would, when it is asked for more than `n` clips."""
    encode = Encoder()

    def deadly(frames: np.ndarray) -> np.ndarray:
        if encode.seen + len(frames) > n:
            os.kill(os.getpid(), signal.SIGKILL)
        return encode(frames)

    return deadly


def killed(tmp_path: Path, name: str, n: int, clips_per_batch: int = 16) -> None:
    """Run the job in a process of its own that dies after `n` clips."""
    code = (
        "import sys; sys.path[:0] = ['tests/targets']\n"
        "from pathlib import Path\n"
        "import test_blocks as t\n"
        f"store = t.Store({str(tmp_path / 'store')!r})\n"
        f"t.make(Path({str(tmp_path / name)!r}), store.open(t.publish_frames.__globals__['FRAMES']),"
        f" t.tools_of(store, {clips_per_batch}), t.die_after({n}))\n"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr


def test_a_killed_extraction_goes_on_after_its_last_whole_block(tmp_path, store, frames):
    killed(tmp_path, "first", 40)
    # A second life that does not get far either, and one with batches of another size.
    killed(tmp_path, "second", 16)
    encode = Encoder()
    made = make(tmp_path / "third", frames, tools_of(store, 10), encode, attrs={"axes": "all"})
    assert made == whole(tmp_path / "whole", dtype="float16")
    # 48 clips were there; blocks of 20 clips reach back to 40 of them.
    assert encode.seen == N - 40


def rows_of(store: Store, frames: Artifact) -> Path:
    """Return where the rows of the job wait."""
    return rows_folder(store.root, JOB.ref, [frames], tools_of(store).compute().where())


def test_a_damaged_block_is_encoded_again_and_a_torn_one_is_passed_over(tmp_path, store, frames):
    made = make(tmp_path / "first", frames, tools_of(store))
    files = sorted(rows_of(store, frames).iterdir())
    body = bytearray(files[1].read_bytes())
    body[-1] ^= 1
    files[1].write_bytes(body)
    files[3].write_bytes(files[3].read_bytes()[:-1])
    (files[0].parent / "abc.part").write_bytes(b"torn")
    (files[0].parent / files[0].name.replace("000000016", "000000064")).write_bytes(files[0].read_bytes())
    encode = Encoder()
    assert make(tmp_path / "second", frames, tools_of(store), encode) == made
    assert encode.sizes == [16, 16]


def test_rows_of_another_dtype_are_passed_over(tmp_path, store, frames):
    make(tmp_path / "first", frames, tools_of(store), dtype="float32")
    encode = Encoder()
    made = make(tmp_path / "second", frames, tools_of(store), encode, dtype="float16", attrs={"axes": "all"})
    assert encode.seen == N and made == whole(tmp_path / "whole", dtype="float16")


def test_two_processes_share_the_work_of_one_job(tmp_path, store, frames):
    mine, yours = Encoder(), Encoder()
    inner: dict[str, dict[str, bytes]] = {}

    def interrupted(batch: np.ndarray) -> np.ndarray:
        if not inner:
            inner["files"] = make(tmp_path / "yours", frames, tools_of(store), yours)
        return mine(batch)

    made = make(tmp_path / "mine", frames, tools_of(store), interrupted)
    assert made == inner["files"] == make(tmp_path / "again", frames, tools_of(store))
    assert yours.seen == N and mine.sizes == [16], "what another process has done is not done again"


@pytest.mark.parametrize("after", [0, 30, N])
def test_a_process_goes_on_when_another_one_has_published_and_cleared(tmp_path, store, frames, after):
    encode = Encoder()

    def cleared(batch: np.ndarray) -> np.ndarray:
        found = encode(batch)
        if encode.seen >= after:
            clear_spool(store.root, JOB.ref)
        return found

    made = make(tmp_path / "mine", frames, tools_of(store), cleared, attrs={"axes": "all"})
    assert made == whole(tmp_path / "whole", dtype="float16")
    assert encode.seen == N


def test_folders_may_vanish_while_they_are_made(tmp_path, store, frames, monkeypatch):
    """A process that ends takes empty folders away, from under the feet of one that is about to use them."""
    folder, made_folders, mkdir = rows_of(store, frames), [], os.mkdir

    def vanish(path, *rest, **named) -> None:
        if Path(path) == folder and not made_folders:
            made_folders.append(path)
            clear_spool(store.root, JOB.ref)
        mkdir(path, *rest, **named)

    monkeypatch.setattr(os, "mkdir", vanish)
    made = make(tmp_path / "mine", frames, tools_of(store), attrs={"axes": "all"})
    assert made == whole(tmp_path / "whole", dtype="float16")
    assert made_folders


def test_many_processes_at_once_agree(tmp_path, store, frames):
    code = (
        "import sys; sys.path[:0] = ['tests/targets']\n"
        "from pathlib import Path\n"
        "import test_blocks as t\n"
        f"store = t.Store({str(store.root)!r})\n"
        "frames = store.open(t.publish_frames.__globals__['FRAMES'])\n"
        f"t.make(Path({str(tmp_path)!r}, sys.argv[1]), frames, t.tools_of(store, int(sys.argv[2])))\n"
        "t.clear_spool(store.root, t.JOB.ref)\n"
    )
    root = Path(__file__).resolve().parents[2]
    jobs = [("a", "16"), ("b", "16"), ("c", "5")]
    running = [subprocess.Popen([sys.executable, "-c", code, *job], cwd=root) for job in jobs]
    assert [process.wait() for process in running] == [0, 0, 0]
    expected = whole(tmp_path / "whole", dtype="float16")
    expected["targets.json"] = (tmp_path / "a" / "targets.json").read_bytes()
    assert all(files_of(tmp_path / name) == expected for name, _ in jobs)


def bad(value: float, at: int) -> Callable[[np.ndarray], np.ndarray]:
    encode = Encoder((2,))

    def spoil(batch: np.ndarray) -> np.ndarray:
        first, values = encode.seen, encode(batch)
        if first <= at < first + len(batch):
            values[at - first, 1] = value
        return values

    return spoil


def test_what_cannot_be_stored_is_refused_as_targets_refuse_it(tmp_path, store, frames):
    for number, value in enumerate((1e5, np.nan)):
        clear_spool(store.root, JOB.ref)
        values = np.zeros((N, 2), np.float32)
        values[37, 1] = value
        (tmp_path / f"whole-{number}").mkdir()
        with pytest.raises(DataError) as expected:
            Targets(values, clips_of(N), dtype="float16").save(tmp_path / f"whole-{number}")
        with pytest.raises(DataError) as found:
            make(tmp_path / f"made-{number}", frames, tools_of(store), bad(value, 37))
        # Values are counted in the block that is written, not in all.
        assert re.sub(r" of \d+,", ",", str(found.value)) == re.sub(r" of \d+,", ",", str(expected.value))
    clear_spool(store.root, JOB.ref)
    make(tmp_path / "large", frames, tools_of(store), bad(1e5, 37), dtype="float32")
    with pytest.raises(UsageError, match="float64"):
        make(tmp_path / "double", frames, tools_of(store), dtype="float64")


def test_encoders_that_break_their_promise_are_refused(tmp_path, store, frames):
    with pytest.raises(DataError, match="for 16 clips"):
        make(tmp_path / "short", frames, tools_of(store), lambda batch: np.zeros((len(batch) - 1, 2), np.float32))
    shapes = iter([(16, 2), (16, 3)])
    with pytest.raises(DataError, match="shape"):
        make(tmp_path / "torn", frames, tools_of(store), lambda batch: np.zeros(next(shapes), np.float32))


def test_damaged_frames_are_named(tmp_path, store, frames):
    shard = next(path for path in sorted((frames.path / "data.zarr" / "frames" / "c").rglob("*")) if path.is_file())
    body = bytearray(shard.read_bytes())
    body[20 * 8 * 8 * 9] ^= 1
    shard.write_bytes(body)
    with pytest.raises(IntegrityError, match="film-frames"):
        make(tmp_path / "out", frames, tools_of(store))


def job_in(store: Store) -> Path:
    return store.root / SPOOL / "targets" / JOB.ref.name / JOB.ref.key


def test_finishing_clears_the_spool_and_leaves_others_alone(tmp_path, store, frames):
    other_job = job_of("made", key="00000000000e")
    mine, other = (encoded(frames, tools_of(store), job=job) for job in (JOB, other_job))
    for number, each in enumerate((mine, other)):
        (tmp_path / str(number)).mkdir()
        each.save(tmp_path / str(number))
    assert len(list(rows_of(store, frames).iterdir())) == 5
    clear_spool(store.root, JOB.ref)
    assert not job_in(store).exists() and spool_folder(store.root, other_job.ref).exists()
    clear_spool(store.root, other_job.ref)
    assert not (store.root / SPOOL).exists()
    clear_spool(store.root, other_job.ref)


def publish_result(store: Store, job: Job, frames: Artifact) -> None:
    with store.publish(job.ref, stage="targets", stage_version=1, parameters={}, inputs={}, fsync=False) as out:
        encoded(frames, tools_of(store), job=job).save(out.path)


def test_gc_shows_and_deletes_rows_that_nobody_goes_on_with(tmp_path, store, frames):
    make(tmp_path / "out", frames, tools_of(store))
    assert plan_gc(store).paths == (), "a killed job may be gone on with tomorrow"
    plan = plan_gc(store, now=True)
    assert plan.paths == (job_in(store),) and "gone on with" in plan.reasons[job_in(store)] and plan.bytes > N * 2
    for path in (*job_in(store).rglob("*"), job_in(store)):
        os.utime(path, (path.stat().st_mtime - 25 * 3600,) * 2)
    assert plan_gc(store).paths == (job_in(store),) and plan_gc(store, older_than_h=30).paths == ()
    with store.publish(JOB.ref, stage="targets", stage_version=1, parameters={}, inputs={}, fsync=False):
        assert plan_gc(store, now=True).paths == (), "a process is at it"
    assert run_gc(plan_gc(store)) == [job_in(store)] and not job_in(store).exists()


def test_gc_takes_what_a_crash_left_after_publishing(store, frames):
    publish_result(store, JOB, frames)
    assert job_in(store).exists()
    assert run_gc(plan_gc(store)) == [job_in(store)]
    assert store.has(JOB.ref) and not job_in(store).exists()
