"""A publish that failed while other threads still write leaves no staging behind, however late they are."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from store_worlds import REF, publish_text, staged

from brainflix.store.publish import staging_folder
from brainflix.store.store import Store

OPTIONS = {"stage": "s", "stage_version": 1, "parameters": {}, "inputs": {}, "fsync": False}


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path / "store")


def write_on(folder: Path, pauses_s: list[float], started: threading.Event) -> None:
    """Write one file after the other as zarr does: the folder of each is made if it is not there."""
    for number, pause_s in enumerate(pauses_s):
        place = folder / "data.zarr" / f"c{number}"
        place.mkdir(parents=True, exist_ok=True)
        try:
            (place / "0").write_bytes(b"x" * 10_000)
        except OSError:
            continue
        started.set()
        time.sleep(pause_s)


@pytest.mark.parametrize("pauses_s", [[0.0] * 300, [0.03] * 15])
def test_threads_that_write_on_leave_no_staging(store, pauses_s):
    started = threading.Event()
    with ThreadPoolExecutor(4) as pool:
        with pytest.raises(ValueError), store.publish(REF, **OPTIONS) as out:
            for _ in range(4):
                pool.submit(write_on, out.path, pauses_s, started)
            started.wait(5)
            raise ValueError
        assert staged(store) == []
    assert staged(store) == [] and not store.has(REF)


def test_a_thread_that_slept_longer_is_cleared_after_when_the_process_ends(store):
    code = (
        "import sys, threading, time\n"
        "from brainflix.store.refs import Ref\n"
        "from brainflix.store.store import Store\n"
        f"store = Store({str(store.root)!r})\n"
        "def late(folder):\n"
        "    time.sleep(0.6)\n"
        "    (folder / 'c').mkdir(parents=True)\n"
        "    print(folder.exists())\n"
        "try:\n"
        "    ref = Ref('bold', 'x', '0' * 12)\n"
        "    with store.publish(ref, stage='s', stage_version=1, parameters={}, inputs={}) as out:\n"
        "        threading.Thread(target=late, args=(out.path,)).start()\n"
        "        raise ValueError\n"
        "except ValueError:\n"
        "    pass\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n" and list(staging_folder(store.root).iterdir()) == []


def test_a_publish_that_ends_well_does_not_look_for_late_threads(store, monkeypatch):
    monkeypatch.setattr("brainflix.store.disk.remove_written_tree", lambda folder: pytest.fail("nothing failed"))
    publish_text(store)
    assert store.has(REF) and staged(store) == []
