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
from tests.faults.refusing import ROOT, Fault, compiled, full_after

WRITERS = """
import json, sys
from pathlib import Path
import numpy as np
from brainflix.store.refusals import refusal

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

found = {}
for writer in (safetensors, hdf5, ffmpeg, pillow, archive, zarr_array, nifti, whole_array, mapped,
               mapped_in_place):
    try:
        writer()
        found[writer.__name__] = "no error"
    except BaseException as error:
        told = refusal(error)
        found[writer.__name__] = told.errno if told else repr(error)
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


def run(tmp_path: Path, code: str, fault: Fault) -> subprocess.CompletedProcess[str]:
    """Run Python with a fault below `tmp_path / "box"`, which it is given."""
    box = tmp_path / "box"
    box.mkdir()
    env = {**os.environ, "LD_PRELOAD": str(compiled(tmp_path)), **fault.environment(box, tmp_path / "log")}
    command = [sys.executable, "-c", code, str(box)]
    return subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_whoever_writes_a_full_disk_is_known_by_its_number(tmp_path: Path, number: int) -> None:
    done = run(tmp_path, WRITERS, full_after(4096, number))
    assert done.returncode == 0, done.stderr  # a page without room would have ended it by SIGBUS
    found = json.loads(done.stdout)
    assert found == dict.fromkeys(found, number) and len(found) == 10


def test_a_disk_that_takes_part_of_a_write_gets_the_rest(tmp_path: Path) -> None:
    done = run(tmp_path, WRITERS, Fault(error=0, after=0, once=True))
    assert done.returncode == 0 and (tmp_path / "log").read_text().count("\n") == 1
    found = json.loads(done.stdout)
    assert found == dict.fromkeys(found, "no error")


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
