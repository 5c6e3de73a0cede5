"""The fault injector itself: what it counts, where it strikes, and that it leaves nothing behind."""

from __future__ import annotations

import builtins
import errno
import io
import os
import signal

import pytest

from brainflix.testing import faults
from tests.processes import fork, wait


def work(folder) -> None:
    folder.mkdir()
    with (folder / "a").open("wb") as file:
        file.write(b"12345678")
        os.fsync(file.fileno())
    (folder / "a").read_bytes()
    (folder / "a").rename(folder / "b")
    (folder / "b").replace(folder / "c")
    (folder / "c").unlink()
    folder.rmdir()


CALLS = ["mkdir", "open", "write", "write", "fsync", "rename", "replace", "unlink", "rmdir"]


def test_it_counts_what_changes_the_disk(tmp_path):
    with faults.inject() as record:
        work(tmp_path / "x")
    assert record.calls == CALLS and not record.struck


@pytest.mark.parametrize("k", range(1, 10))
def test_it_strikes_before_the_kth_call_only(tmp_path, k):
    with pytest.raises(OSError) as caught, faults.inject(faults.fail(errno.EIO), at=k) as record:
        work(tmp_path / "x")
    assert caught.value.errno == errno.EIO and record.struck
    assert record.calls[:k] == CALLS[:k]
    assert (tmp_path / "x").exists() == (k > 1)
    if k == 4:
        assert (tmp_path / "x" / "a").read_bytes() == b"1234"  # between the halves of a write


def test_kinds_and_sticky(tmp_path):
    with faults.inject(faults.fail(errno.ENOSPC), at=2, calls=("mkdir",), sticky=True) as record:
        (tmp_path / "a").mkdir()
        for _ in range(2):
            with pytest.raises(OSError):
                (tmp_path / "b").mkdir()
        (tmp_path / "c").write_text("still works")
    assert record.calls == ["mkdir"] * 3


def test_kill_ends_the_process(tmp_path):
    def child() -> None:
        with faults.inject(faults.kill, at=2):
            work(tmp_path / "x")

    assert wait(fork(child)) == -signal.SIGKILL
    assert list((tmp_path / "x").iterdir()) == []


def test_everything_is_put_back(tmp_path):
    names = ("open", "mkdir", "rename", "fsync", "write")
    before = [builtins.open, io.open, *(getattr(os, name) for name in names)]
    with pytest.raises(KeyboardInterrupt), faults.inject(faults.interrupt, at=1):
        os.mkdir(tmp_path / "x")
    assert [builtins.open, io.open, *(getattr(os, name) for name in names)] == before
