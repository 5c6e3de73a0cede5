"""What writes below Python: refused by the disk, it says so in one way, and nothing is lost without a word."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from brainflix.scratch import write_npy
from tests.faults.refusing import NOTHING, ROOT, Fault, compiled, full_after

WRITERS = """
import ctypes, json, shutil, sys
from pathlib import Path
import numpy as np
from brainflix.store.refusals import refusal

library, number = ctypes.CDLL(None), int(sys.argv[2])
library.refuse_written.restype = ctypes.c_long
folder, noise = Path(sys.argv[1]), np.random.default_rng(0).integers(0, 255, (9, 64, 64, 3), np.uint8)

def safetensors():
    from safetensors.numpy import save_file
    save_file({"a": noise}, folder / "a.safetensors")

def hdf5():
    import h5py
    with h5py.File(folder / "a.h5", "w") as file:
        file["a"] = noise

def ffmpeg():
    from brainflix.io.video import encode
    encode(noise, 8.0, folder / "a.mp4", crf=0)

def pillow():
    from PIL import Image
    Image.fromarray(noise[0]).save(folder / "a.png")

def archive():
    with (folder / "a.npz").open("xb") as file:
        np.savez(file, a=noise)

def zarr_array():
    from brainflix.store.arrays import write_array
    write_array(folder, "a", noise, dims="abcd", layout="rows")

def nifti():
    import nibabel
    nibabel.save(nibabel.Nifti1Image(noise[..., 0], np.eye(4)), folder / "a.nii")

def whole_array():
    from brainflix.scratch import write_npy
    with (folder / "a.npy").open("wb") as file:
        write_npy(file, noise)

def mapped():
    from brainflix.scratch import zeros
    zeros(noise.shape, np.uint8, folder)[...] = 1

def mapped_in_place():
    from brainflix.scratch import zeros_in
    zeros_in(folder / "a.map", noise.shape, np.uint8)[...] = 1

def arm(room):
    shutil.rmtree(folder)
    folder.mkdir()
    library.refuse_arm(str(folder).encode(), b"w", number, ctypes.c_long(10**12), ctypes.c_long(room), 0, b"")

def tried(writer):
    try:
        writer()
    except BaseException as error:
        told = refusal(error)
        return told.errno if told else repr(error)
    return "no error"

found = {}
for writer in (safetensors, hdf5, ffmpeg, pillow, archive, zarr_array, nifti, whole_array, mapped, mapped_in_place):
    arm(10**12)
    assert tried(writer) == "no error", writer
    written = library.refuse_written()
    for missing in (1, written // 2, written):
        arm(written - missing)
        found[f"{writer.__name__}, {missing} of {written} bytes too few"] = tried(writer)
print(json.dumps(found))
"""
TAIL = """
import sys
from pathlib import Path
import numpy as np
from brainflix.scratch import write_npy

with (Path(sys.argv[1]) / "a.npy").open("wb") as file:
    write_npy(file, np.ones(8100, np.uint8))
"""


def run(tmp_path: Path, code: str, fault: Fault, *told: str) -> subprocess.CompletedProcess[str]:
    """Run Python with a fault below `tmp_path / "box"`, which it is given."""
    box = tmp_path / "box"
    box.mkdir()
    env = {**os.environ, "LD_PRELOAD": str(compiled(tmp_path)), **fault.environment(box, tmp_path / "log")}
    command = [sys.executable, "-c", code, str(box), *told]
    return subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_no_writer_loses_a_byte_without_the_number_of_the_refusal(tmp_path: Path, number: int) -> None:
    """Room for all but the last byte, for half and for none; a mapped page without room would end it all by SIGBUS."""
    done = run(tmp_path, WRITERS, NOTHING, str(number))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found == dict.fromkeys(found, number) and len(found) == 30


def test_the_end_of_an_array_is_not_lost(tmp_path: Path) -> None:
    """8228 bytes with room for 8192: C's stream holds the rest back until it is closed, and numpy does not ask then."""
    done = run(tmp_path, TAIL, full_after(8192))
    assert done.returncode != 0 and "No space left on device" in done.stderr


@pytest.mark.parametrize(
    "values",
    [
        np.arange(7, dtype=np.float32),
        np.asfortranarray(np.arange(12.0).reshape(3, 4)),
        np.arange(24).reshape(2, 3, 4)[:, ::2],
        np.zeros((0, 3), np.uint8),
        np.array(2.5),
    ],
    ids=["plain", "by columns", "strided", "empty", "one value"],
)
def test_the_bytes_are_those_of_numpy(tmp_path: Path, values: np.ndarray) -> None:
    np.save(tmp_path / "theirs.npy", values)
    with (tmp_path / "ours.npy").open("wb") as file:
        write_npy(file, values)
    assert (tmp_path / "ours.npy").read_bytes() == (tmp_path / "theirs.npy").read_bytes()
