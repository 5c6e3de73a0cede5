"""Honest files of every format, made by code: the same ones every time."""

from __future__ import annotations

import io
import json
import pickle
import shutil
import struct
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.fuzz.harness import ROOT

RNG = np.random.default_rng(0)
IDS = ("a", "b", "c")


def written(*writers: Callable[[Path], object], suffix: str = "") -> Callable[[], Sequence[bytes]]:
    """Return what makes a corpus of the files that these write to a path."""

    def make() -> Sequence[bytes]:
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder) / f"x{suffix}"
            return [_bytes_of(place, writer) for writer in writers]

    return make


def _bytes_of(place: Path, write: Callable[[Path], object]) -> bytes:
    write(place)
    return place.read_bytes()


def write_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("a/one.txt", "b", "a/c/empty"):
            archive.writestr(name, name * 40 if "empty" not in name else "")


def tar_writer(mode: str, format: int = tarfile.GNU_FORMAT) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with tarfile.open(path, mode, format=format) as archive:
            for name in ("a/one.txt", "b", "d" * 90 + "/" + "e" * 90, "k\u00f6rper"):
                info = tarfile.TarInfo(name)
                info.size = 700
                archive.addfile(info, io.BytesIO(b"1" * 700))

    return write


def write_cifti(path: Path) -> None:
    from brainflix.io.grayordinates import models
    from brainflix.io.surfaces import write_dtseries

    write_dtseries(path, np.ones((3, 40), np.float32), models(np.arange(59400, 59440)), 2.0)


def write_labels(path: Path) -> None:
    import nibabel as nib

    from brainflix.io.grayordinates import models

    labels = nib.cifti2.LabelAxis(["one"], [{0: ("none", (0, 0, 0, 0)), 1: ("V1", (1, 0, 0, 1))}])
    nib.save(nib.Cifti2Image(np.ones((1, 40), np.float32), header=(labels, models(np.arange(40)))), path)


def nifti_writer(kind: str, dtype: type) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        import nibabel as nib

        image = getattr(nib, kind)(RNG.integers(0, 99, (3, 4, 5, 2)).astype(dtype), np.eye(4))
        image.header.set_slope_inter(2, 1)
        image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"a comment"))
        nib.save(image, path)

    return write


def gifti_writer(encoding: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        import nibabel as nib

        rows = RNG.standard_normal((2, 12)).astype(np.float32)
        arrays = [nib.gifti.GiftiDataArray(r, datatype="NIFTI_TYPE_FLOAT32", encoding=encoding) for r in rows]
        nib.save(nib.GiftiImage(darrays=arrays), path)

    return write


def write_hdf5(path: Path) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        file.create_dataset("images", data=np.arange(600, dtype="f4").reshape(20, 30), chunks=(5, 30), compression=4)
        file["group/plain"] = np.arange(5)
        file["texts"] = np.array(["a", "b"], dtype=h5py.string_dtype())


def npy_of(*arrays: np.ndarray) -> Callable[[], Sequence[bytes]]:
    return written(*[lambda path, each=each: _save(path, each) for each in arrays])


def _save(path: Path, array: np.ndarray) -> None:
    with path.open("wb") as file:
        np.save(file, array, allow_pickle=True)


def npz_around(npy: bytes) -> bytes:
    """Return an archive whose checksums are right, whatever the array in it is."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("logits.npy", npy)
    return out.getvalue()


def zip_of_zarr(**options: Any) -> Callable[[Path], None]:
    """Return what writes the files of a zarr array, one after the other with their names, so that all are damaged."""

    def write(path: Path) -> None:
        import zarr

        folder = path.with_name("made")
        shutil.rmtree(folder, ignore_errors=True)
        frames = RNG.integers(0, 9, (2, 2, 6, 8, 3), dtype=np.uint8)
        zarr.create_array(str(folder), data=frames, chunks=(1, 2, 6, 8, 3), **options)
        out = b""
        for file in sorted(each for each in folder.rglob("*") if each.is_file()):
            name, body = file.relative_to(folder).as_posix().encode(), file.read_bytes()
            out += struct.pack("<HI", len(name), len(body)) + name + body
        path.write_bytes(out)

    return write


HONEST = {"betas": np.arange(6.0).reshape(2, 3), "names": ["a", "b"], 1: (2.5, None, True, {3})}


def pickles() -> Sequence[bytes]:
    return [pickle.dumps(HONEST, protocol) for protocol in (0, 2, 4)]


def write_torch(path: Path, zipped: bool = True) -> None:
    import torch

    kept = {"model": {"a": torch.arange(6.0).view(2, 3), "b": torch.ones(4, dtype=torch.bfloat16)}, "epoch": 3}
    torch.save(kept, path, _use_new_zipfile_serialization=zipped)


def with_pickle(body: bytes) -> bytes:
    """Return an archive of tensors with this pickle, its checksums right."""
    with tempfile.TemporaryDirectory() as folder:
        write_torch(Path(folder) / "x.pt")
        out = io.BytesIO()
        with zipfile.ZipFile(Path(folder) / "x.pt") as source, zipfile.ZipFile(out, "w") as made:
            for info in source.infolist():
                made.writestr(info, body if info.filename.endswith("data.pkl") else source.read(info))
        return out.getvalue()


def torch_pickles() -> Sequence[bytes]:
    (whole,) = written(write_torch, suffix=".pt")()
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        return [archive.read(name) for name in archive.namelist() if name.endswith("data.pkl")]


def write_safetensors(path: Path) -> None:
    import torch

    from brainflix.trained.files import write_tensors

    write_tensors(path, {"a": torch.arange(6.0).view(2, 3), "b": torch.ones(4, dtype=torch.int16)})


def small_network() -> Any:
    from brainflix.models.mbm import MBMConfig

    return MBMConfig(48, 8, width=32, depth=2, heads=4, decoder_width=16, decoder_depth=1, decoder_heads=2)


def network_settings() -> Sequence[bytes]:
    from tests.models.released import settings_of

    return [json.dumps(settings_of(small_network())).encode()]


def manifests() -> Sequence[bytes]:
    from brainflix.store.manifest import FileEntry, Manifest

    made = Manifest(
        kind="targets",
        name="clip",
        key="0" * 12,
        stage="targets",
        stage_version=1,
        parameters={"a": [1, 2.5, None, {"b": "c"}]},
        inputs={"rows": ("bold/x@000000000000",)},
        files=(FileEntry("data.zarr/values/c/0", 12, "ab" * 32),),
    )
    body = json.loads(made.to_json())
    del body["digest"]
    return [json.dumps(body).encode()]


def sealed(body: bytes) -> bytes:
    """Return a manifest with the digest that belongs to it, where it is JSON."""
    from brainflix.errors import BrainflixError
    from brainflix.store.manifest import _digest

    try:
        said = json.loads(body)
        return json.dumps({**said, "digest": _digest(said)}).encode()
    except (ValueError, TypeError, RecursionError, BrainflixError):
        return body


def recipes() -> Sequence[bytes]:
    return [path.read_bytes() for path in sorted((ROOT / "recipes").rglob("*.yaml"))[:4]]


def events() -> Sequence[bytes]:
    return [b"onset\tduration\ttrial\tn\n0.5\t2\ta\t1\nn/a\t1e3\tb\tn/a\n"]


VOLUMES = (nifti_writer("Nifti1Image", np.int16), nifti_writer("Nifti2Image", np.uint8))
SCORES = RNG.standard_normal((3, 4))
