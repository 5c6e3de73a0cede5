"""A client that is killed, two clients at once, and Ctrl-C: the next one ends what they began."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from fetch_worlds import BODY, digest, remote

from brainflix.io.fetch.download import fetch_files
from brainflix.progress import Silent

# Shells start background jobs with interrupts ignored, and children inherit that.
CLIENT = """
import signal
import sys
from pathlib import Path
from brainflix.progress import Silent
from brainflix.io.fetch.download import fetch_files
from brainflix.io.fetch.files import RemoteFile
signal.signal(signal.SIGINT, signal.default_int_handler)
url, folder, size, digest = sys.argv[1:]
files = [RemoteFile(f"{n}.bin", f"{url}/{n}.bin", int(size), digest) for n in range(3)]
print("ready", flush=True)
fetch_files(files, Path(folder), progress=Silent(), workers=3)
"""


def client(site, folder: Path) -> subprocess.Popen:
    arguments = [sys.executable, "-c", CLIENT, site.url, str(folder), str(len(BODY)), digest(BODY)]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout and process.stdout.readline() == "ready\n"
    return process


def serve_slowly(site, seconds: float) -> None:
    for n in range(3):
        site.put(f"{n}.bin", BODY, bytes_per_s=len(BODY) / seconds)


def final_files(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.glob("*.bin"))]


def test_ten_clients_killed_at_random_moments_leave_no_wrong_file(site, tmp_path):
    chance = random.Random(3)
    serve_slowly(site, 4.0)
    for _ in range(10):
        process = client(site, tmp_path)
        time.sleep(chance.uniform(0.02, 0.5))
        process.kill()
        process.communicate()
        assert all(body == BODY for body in final_files(tmp_path))
    serve_slowly(site, 0.01)
    fetch_files([remote(f"{site.url}/{n}.bin", path=f"{n}.bin") for n in range(3)], tmp_path, progress=Silent())
    assert final_files(tmp_path) == [BODY] * 3
    resumed = [headers["range"] for _, headers in site.requests if "range" in headers]
    assert resumed, "no attempt went on where the one before it was killed"


def test_two_clients_on_one_folder_share_the_work(site, tmp_path):
    serve_slowly(site, 0.5)
    pair = [client(site, tmp_path) for _ in range(2)]
    assert [(process.communicate(timeout=30), process.returncode)[1] for process in pair] == [0, 0]
    assert final_files(tmp_path) == [BODY] * 3
    assert len(site.requests) == 3 and not list(tmp_path.glob("*.part*"))


def test_ctrl_c_does_not_wait_for_the_downloads_and_keeps_what_came(site, tmp_path):
    serve_slowly(site, 120.0)
    process = client(site, tmp_path)
    until = time.monotonic() + 30
    while not bytes_waiting(tmp_path) and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    # The rest of the files would take two minutes.
    process.communicate(timeout=40)
    assert process.returncode != 0
    assert not final_files(tmp_path)
    assert bytes_waiting(tmp_path)


def bytes_waiting(folder: Path) -> int:
    """Return the bytes of unfinished files."""
    return sum(path.stat().st_size for path in folder.glob("*.part"))
