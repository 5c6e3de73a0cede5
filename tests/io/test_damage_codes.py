"""The same damage has the same exit code in every reader: 4 what is damaged, 3 what is not here or of another kind."""

from __future__ import annotations

import pickle
from pathlib import Path

import h5py
import nibabel as nib
import numpy as np
import pytest

from brainflix.errors import BrainflixError
from brainflix.io.gifti import read_func_gii
from brainflix.io.hdf5 import shapes_of
from brainflix.io.legacy import load_npy, load_npz, load_pickle, load_pt
from brainflix.io.nifti import read_nifti
from brainflix.io.surfaces import read_dtseries
from brainflix.testing.planted import few_columns


def write_dtseries(path: Path) -> None:
    from brainflix.io.grayordinates import models
    from brainflix.io.surfaces import write_dtseries as write

    columns, _ = few_columns(("V1",))
    write(path, np.random.default_rng(0).standard_normal((4, columns.size)).astype(np.float32), models(columns), 2.0)


def write_nifti(path: Path) -> None:
    nib.save(nib.Nifti1Image(np.arange(24, dtype=np.float32).reshape(2, 3, 4), np.eye(4)), path)


def write_gifti(path: Path) -> None:
    array = nib.gifti.GiftiDataArray(np.arange(9, dtype=np.float32), datatype="NIFTI_TYPE_FLOAT32")
    nib.save(nib.GiftiImage(darrays=[array]), path)


def write_hdf5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["x"] = np.arange(900.0)


def write_npz(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, x=np.arange(900.0))


def write_npy(path: Path) -> None:
    np.save(path, np.arange(900.0))


def write_pt(path: Path) -> None:
    import torch

    torch.save(torch.arange(900), path)


def write_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps({"x": np.arange(900.0)}))


READERS = {
    "x.dtseries.nii": (write_dtseries, read_dtseries),
    "x.nii": (write_nifti, read_nifti),
    "x.nii.gz": (write_nifti, read_nifti),
    "x.func.gii": (write_gifti, read_func_gii),
    "x.h5": (write_hdf5, shapes_of),
    "x.npz": (write_npz, load_npz),
    "x.npy": (write_npy, load_npy),
    "x.pt": (write_pt, load_pt),
    "x.pkl": (write_pickle, load_pickle),
}


def code(read, path: Path) -> int:
    with pytest.raises(BrainflixError) as caught:
        read(path)
    return caught.value.exit_code


@pytest.mark.parametrize("name", READERS)
def test_damaged_is_4_absent_and_a_pointer_are_3(name, tmp_path):
    write, read = READERS[name]
    path = tmp_path / name
    assert code(read, path) == 3
    write(path)
    read(path)
    body = path.read_bytes()
    for spoilt in (b"", b"no such format at all", body[: len(body) // 2], body[:40]):
        path.write_bytes(spoilt)
        assert code(read, path) == 4, spoilt[:10]
    for pointer in (
        f"/annex/objects/MD5E-s9--{'0' * 32}.x\n",
        f"version https://git-lfs.github.com/spec/v1\noid {'0'}",
    ):
        path.write_text(pointer)
        with pytest.raises(BrainflixError, match=r"pointer of git-(annex|lfs)") as caught:
            read(path)
        assert caught.value.exit_code == 3 and "git" in caught.value.next
    path.unlink()
    path.symlink_to(f"../.git/annex/objects/aa/bb/MD5E-s9--{'0' * 32}.x/MD5E-s9--{'0' * 32}.x")
    assert code(read, path) == 3
