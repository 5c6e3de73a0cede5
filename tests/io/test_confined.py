"""The process in which foreign files are read: it cannot reach the network, start programs, write elsewhere or grow."""

from __future__ import annotations

import fcntl
import os
import pickle
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from brainflix.errors import IntegrityError, MissingError
from brainflix.io import hdf5
from brainflix.io.confined import parent
from brainflix.io.confined.wire import received, send, send_end
from brainflix.io.legacy import load_pickle

h5py = pytest.importorskip("h5py")
ROOT = Path(__file__).resolve().parents[2]
WALLED = """
    import sys
    sys.path.insert(0, {root!r})
    from pathlib import Path
    from brainflix.io.confined.walls import leave_network, wall_in
    import ctypes, os, socket, subprocess
    libc = ctypes.CDLL(None)
    {before}
    wall_in(memory=512 << 20, seconds=10, file_bytes=1 << 20, folder=Path({folder!r}))
    {code}
"""


def walled(code: str, folder: Path, before: str = "pass") -> subprocess.CompletedProcess[str]:
    text = textwrap.dedent(WALLED).format(root=str(ROOT), folder=str(folder), code=code, before=before)
    return subprocess.run([sys.executable, "-I", "-c", text], capture_output=True, text=True, timeout=60)


@pytest.fixture
def server() -> Iterator[tuple[int, list[str]]]:
    """Serve on a port of this machine, and note who came."""
    came: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    listening.accept()[0].close()
                except OSError:
                    return
                came.append("someone")

        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1], came
        listening.shutdown(socket.SHUT_RDWR)


CONNECT = "socket.create_connection(('127.0.0.1', {port}), 5)"


def test_a_server_of_this_machine_is_out_of_reach(server, tmp_path: Path) -> None:
    port, came = server
    said = walled(CONNECT.format(port=port), tmp_path)
    assert (
        said.returncode == 1 and "PermissionError" in said.stderr and "not allowed while a file is read" in said.stderr
    )
    time.sleep(0.2)
    assert came == []
    socket.create_connection(("127.0.0.1", port), 5).close()
    time.sleep(0.2)
    assert came == ["someone"], "the server is there"


# What a library written in C would do: Python is not asked.
RAW = (
    "address = bytes([2, 0]) + ({port}).to_bytes(2, 'big') + bytes([127, 0, 0, 1]) + bytes(8)",
    "print(connect(open_socket(2, 1, 0), address, 16))",
)
RAW_BEFORE = "open_socket, connect = libc.socket, libc.connect"


def test_not_even_past_python_where_the_system_allows_it(server, tmp_path: Path) -> None:
    port, came = server
    free = walled("print(leave_network())", tmp_path, before="print(leave_network()); raise SystemExit")
    if free.stdout.strip() != "True":
        pytest.skip("this system lets no process leave its network")
    code = "; ".join(RAW).format(port=port)
    # The hook refuses ctypes too, so that here it is called before the hook, as a library would.
    said = walled("pass", tmp_path, before=f"leave_network(); {RAW_BEFORE}; {code}")
    assert said.stdout.strip() == "-1", said.stderr
    without = walled("pass", tmp_path, before=f"{RAW_BEFORE}; {code}")
    assert without.stdout.strip() == "0", "the same call reaches the server from outside"
    time.sleep(0.2)
    assert came == ["someone"]


@pytest.mark.parametrize(
    "code",
    [
        "subprocess.run(['true'])",
        "os.system('true')",
        "os.fork()",
        "libc.getpid()",
        "open('{outside}', 'w')",
        "os.remove('{there}')",
        "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9')",
    ],
)
def test_nothing_else_can_be_done(tmp_path: Path, code: str) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "there").write_text("kept")
    said = walled(code.format(outside=tmp_path / "outside", there=tmp_path / "there"), inside)
    assert said.returncode == 1 and "not allowed while a file is read" in said.stderr
    assert not (tmp_path / "outside").exists() and (tmp_path / "there").read_text() == "kept"


def test_files_can_be_read_and_the_own_folder_written(tmp_path: Path) -> None:
    code = f"(Path({str(tmp_path)!r}) / 'a').write_text('x'); print((Path({str(tmp_path)!r}) / 'a').read_text())"
    assert walled(code, tmp_path).stdout == "x\n"


def test_memory_is_limited(tmp_path: Path) -> None:
    assert "MemoryError" in walled("bytearray(600 << 20)", tmp_path).stderr
    assert walled("bytearray(100 << 20)", tmp_path).returncode == 0


def test_a_pickle_may_not_take_a_gigabyte(tmp_path: Path) -> None:
    class Claims:
        def __reduce__(self):
            return bytearray, (900 << 20,)

    (tmp_path / "x.pkl").write_bytes(pickle.dumps(Claims()))
    with pytest.raises(IntegrityError, match=r"x\.pkl is not a readable pickle .*memory"):
        load_pickle(tmp_path / "x.pkl")


# --- the process itself ---


def test_packages_are_found_where_this_process_finds_them_and_a_broken_one_is_no_damage(tmp_path, monkeypatch) -> None:
    """As with PYTHONPATH: a package of that place is imported, and says of itself that it is broken."""
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["a"] = np.arange(3)
    assert hdf5.shapes_of(tmp_path / "x.h5") == [{"a": (3,)}]
    (tmp_path / "h5py.py").write_text("raise ImportError('another libhdf5 than it was built with')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingError, match="HDF5 file cannot be imported") as caught:
        hdf5.shapes_of(tmp_path / "x.h5")
    assert "another libhdf5" in caught.value.why


def test_how_hdf5_opens_files_is_told_and_nothing_secret(monkeypatch) -> None:
    told = {"HDF5_USE_FILE_LOCKING": "FALSE", "HDF5_PLUGIN_PATH": "/p"}
    for name, value in {**told, "HF_TOKEN": "secret"}.items():
        monkeypatch.setenv(name, value)
    given: dict[str, str] = {}
    monkeypatch.setattr(parent.subprocess, "Popen", lambda command, *, env, **_: given.update(env))
    with tempfile.TemporaryFile() as said:
        parent._started("{}", said)
    assert told.items() <= given.items() and "HF_TOKEN" not in given


def test_a_pipe_of_a_high_number_is_read() -> None:
    reading, writing = os.pipe()
    try:
        high = fcntl.fcntl(reading, fcntl.F_DUPFD, 1100)
    except OSError:
        pytest.skip("this system allows no descriptor above 1023")
    finally:
        os.close(reading)
    with os.fdopen(writing, "wb") as out:
        send(out, [1, 2])
        send_end(out)
    assert list(received(high, 5)) == [[1, 2]]
    os.close(high)


# --- HDF5 ---


def read_one(path: Path, key: str) -> np.ndarray:
    (found,) = hdf5.read_datasets(path, [key])
    return found


def test_values_come_through_the_pipe_as_they_are(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    kept = {
        "float": rng.standard_normal((300, 400)),
        "half": rng.standard_normal(7).astype(np.float16),
        "big endian": np.arange(9, dtype=">i4"),
        "bool": np.array([[True], [False]]),
        "complex": np.array([1 + 2j]),
        "empty": np.zeros((0, 3), np.uint8),
        "scalar": np.float32(1.5),
    }
    with h5py.File(tmp_path / "x.h5", "w") as file:
        for name, value in kept.items():
            file[name] = value
        file.create_dataset("packed", data=np.arange(6000).reshape(60, 100), chunks=(7, 100), compression="gzip")
        file["texts"] = np.array([["é", ""], ["a", "b"]], dtype=h5py.string_dtype())
    for name, value in zip(kept, hdf5.read_datasets(tmp_path / "x.h5", list(kept)), strict=True):
        assert value.dtype == kept[name].dtype and np.array_equal(value, kept[name]), name
    assert np.array_equal(read_one(tmp_path / "x.h5", "packed"), np.arange(6000).reshape(60, 100))
    assert read_one(tmp_path / "x.h5", "texts").tolist() == [["é", ""], ["a", "b"]]
    assert hdf5.shapes_of(tmp_path / "x.h5")[0]["float"] == (300, 400)


def test_blocks_of_several_files_several_times_over(tmp_path: Path) -> None:
    whole = [np.random.default_rng(n).standard_normal((10 + n, 4, 6)) for n in range(2)]
    paths = [tmp_path / f"{n}.h5" for n in range(2)]
    for path, data in zip(paths, whole, strict=True):
        with h5py.File(path, "w") as file:
            file["images"] = data
    found = list(hdf5.read_blocks(paths, "images", 4, (slice(1, 3), slice(2, 6)), times=2))
    assert [len(block) for block in found] == [4, 4, 2, 4, 4, 2, 4, 4, 3, 4, 4, 3]
    for n, data in enumerate(whole):
        twice = np.concatenate(found[6 * n : 6 * n + 6])
        assert np.array_equal(twice, np.concatenate([data[:, 1:3, 2:6]] * 2))
    with pytest.raises(MissingError, match=r"no file at .*absent\.h5"):
        next(hdf5.read_blocks([paths[0], tmp_path / "absent.h5"], "images", 4))


def test_chunks_that_are_deeper_than_blocks_are_not_unpacked_for_each(tmp_path: Path) -> None:
    """A sound file: 63 blocks three times over would unpack its 33 MB 189 times."""
    whole = np.random.default_rng(0).integers(0, 500, (4000, 64, 64), np.int16)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("images", data=whole, chunks=(4000, 8, 8), compression="gzip", compression_opts=1)
    end = 0
    for block in hdf5.read_blocks([tmp_path / "x.h5"], "images", 64, times=3):
        start = end % 4000
        assert len(block) == min(64, 4000 - start) and np.array_equal(block, whole[start : start + 64])
        end += len(block)
    assert end == 3 * 4000


def test_a_reader_that_is_left_early_ends_its_process(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("images", (4000, 100, 100), dtype="f4", data=np.ones((4000, 100, 100), np.float32))
    blocks = hdf5.read_blocks([tmp_path / "x.h5"], "images", 100)
    assert next(blocks).shape == (100, 100, 100)
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    if not children.is_file():
        pytest.skip("this system does not list a process' children")
    before = children.read_text().split()
    blocks.close()
    assert len(children.read_text().split()) < len(before)


def loops(file) -> None:
    file.create_group("a/b")
    file["a/b/again"] = file["a"]


def branches(file) -> None:
    group = file
    for _ in range(15):
        below = group.create_group("l")
        group["r"] = below
        group = below


def bomb(file) -> None:
    file.create_dataset("images", (8 << 20, 100), dtype="u1", chunks=(1 << 20, 100), compression="gzip", fillvalue=1)
    file["images"][: 1 << 20] = 0


def one_chunk(file) -> None:
    found = file.create_dataset("images", (10, 100), maxshape=(None, 100), dtype="u1", chunks=(6 << 20, 100))
    found.attrs["note"] = "small, in a chunk of 600 MB"


def endless_texts(file) -> None:
    file.create_dataset("images", (10**8,), dtype=h5py.string_dtype(), chunks=(10**6,))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (loops, "in itself"),
        (branches, "two names"),
        (bomb, "far more than its size"),
        (one_chunk, "far more than its size"),
        (endless_texts, "far more than its size"),
    ],
)
def test_files_that_would_spin_or_grow_are_refused_at_once(tmp_path: Path, make, words: str) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        make(file)
    with pytest.raises(IntegrityError, match=words) as caught:
        hdf5.shapes_of(tmp_path / "x.h5") if make in (loops, branches) else read_one(tmp_path / "x.h5", "images")
    assert caught.value.exit_code == 4 and "x.h5" in str(caught.value)


def test_what_is_meant_to_unpack_so_far_may_with_the_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("images", (260 << 20,), dtype="u1", chunks=(1 << 20,), compression="gzip")
        file["images"][5 << 20] = 7
    with pytest.raises(IntegrityError, match=r"BRAINFLIX_UNPACK_RATIO=\d+") as caught:
        read_one(tmp_path / "x.h5", "images")
    monkeypatch.setenv("BRAINFLIX_UNPACK_RATIO", str(caught.value.next).rpartition("=")[2])
    found = read_one(tmp_path / "x.h5", "images")
    assert found.shape == (260 << 20,) and np.flatnonzero(found).tolist() == [5 << 20]
