"""What is fuzzed: each reader with honest files that code makes, the same ones every time."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import pickle
import shutil
import struct
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tests.fuzz.harness import ROOT, Reader

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


# --- archives ---


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


def unpack_anew(path: Path) -> None:
    from brainflix.io.archives import unpack

    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        unpack(path, Path(folder) / "out", max_bytes=1 << 26)


# --- brain data ---


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


def read_cifti(path: Path) -> None:
    from brainflix.errors import DataError
    from brainflix.io.maps import read_dlabel, read_dscalar, read_ptseries
    from brainflix.io.surfaces import read_dtseries

    for read in (read_dscalar, read_dlabel, read_ptseries):
        try:
            read(path)
        except DataError:
            continue
    read_dtseries(path)


def read_labels(path: Path) -> None:
    from brainflix.io.maps import read_dlabel

    read_dlabel(path)


def write_hdf5(path: Path) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        file.create_dataset("images", data=np.arange(600, dtype="f4").reshape(20, 30), chunks=(5, 30), compression=4)
        file["group/plain"] = np.arange(5)
        file["texts"] = np.array(["a", "b"], dtype=h5py.string_dtype())


def read_hdf5(path: Path) -> None:
    from brainflix.io.hdf5 import read_datasets, shapes_of

    list(read_datasets(path, list(shapes_of(path)[0])))


# --- arrays ---


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


def read_scores(path: Path) -> None:
    from brainflix.io.logits import read_logits

    read_logits(path, IDS)


def read_clips(path: Path) -> None:
    from brainflix.io.clip_folder import open_clips

    clips = open_clips(path)
    for name in clips.ids[:3]:
        clips.read(name)


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


def read_zarr(path: Path) -> None:
    """Lay the files of `zip_of_zarr` out again; what is damaged in their own frame is left out."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        root, body = Path(folder) / "x.zarr", path.read_bytes()
        root.mkdir()
        while len(body) > 6:
            n_name, n_body = struct.unpack("<HI", body[:6])
            name = body[6 : 6 + n_name].decode("latin-1")
            parts = name.split("/")
            if name and "\0" not in name and ".." not in parts and n_name < 99 and all(parts):
                with contextlib.suppress(OSError):
                    (root / name).parent.mkdir(parents=True, exist_ok=True)
                    (root / name).write_bytes(body[6 + n_name : 6 + n_name + n_body])
            body = body[6 + n_name + n_body :]
        if (root / "zarr.json").is_file() or (root / ".zarray").is_file():
            read_clips(root)


# --- what can carry programs ---

HONEST = {"betas": np.arange(6.0).reshape(2, 3), "names": ["a", "b"], 1: (2.5, None, True, {3})}


def pickles() -> Sequence[bytes]:
    return [pickle.dumps(HONEST, protocol) for protocol in (0, 2, 4)]


def read_pickle(path: Path) -> None:
    from brainflix.io.legacy import load_pickle

    load_pickle(path)


def read_npy(path: Path) -> None:
    from brainflix.io.legacy import load_npy

    np.asarray(load_npy(path)).sum()


def write_torch(path: Path, zipped: bool = True) -> None:
    import torch

    kept = {"model": {"a": torch.arange(6.0).view(2, 3), "b": torch.ones(4, dtype=torch.bfloat16)}, "epoch": 3}
    torch.save(kept, path, _use_new_zipfile_serialization=zipped)


def _with_pickle(body: bytes) -> bytes:
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


def read_torch(path: Path) -> None:
    from brainflix.errors import IntegrityError
    from brainflix.io.legacy import load_checkpoint, load_pt

    with contextlib.suppress(IntegrityError):
        load_pt(path)
    load_checkpoint(path)


def write_safetensors(path: Path) -> None:
    import torch

    from brainflix.trained.files import write_tensors

    write_tensors(path, {"a": torch.arange(6.0).view(2, 3), "b": torch.ones(4, dtype=torch.int16)})


def read_safetensors(path: Path) -> None:
    from brainflix.trained.files import read_tensors

    read_tensors(path)


def small_network() -> Any:
    from brainflix.models.mbm import MBMConfig

    return MBMConfig(48, 8, width=32, depth=2, heads=4, decoder_width=16, decoder_depth=1, decoder_heads=2)


def network_settings() -> Sequence[bytes]:
    from tests.models.released import settings_of

    return [json.dumps(settings_of(small_network())).encode()]


def read_network_settings(path: Path) -> None:
    """Fit honest weights to a network of damaged settings."""
    import torch

    from brainflix.models.imports import mbm_weights
    from brainflix.models.mbm import build_mbm
    from brainflix.train.imports import read_settings

    mbm_weights(build_mbm(small_network(), torch.Generator().manual_seed(0)).state_dict(), read_settings(path))


# --- texts ---


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


def read_manifest(path: Path) -> None:
    from brainflix.store.manifest import Manifest

    Manifest.from_json(path.read_bytes())


def recipes() -> Sequence[bytes]:
    return [path.read_bytes() for path in sorted((ROOT / "recipes").rglob("*.yaml"))[:4]]


def read_recipe(path: Path) -> None:
    from brainflix.recipe.files import load_recipe

    load_recipe(str(path))


def events() -> Sequence[bytes]:
    return [b"onset\tduration\ttrial\tn\n0.5\t2\ta\t1\nn/a\t1e3\tb\tn/a\n"]


def read_table(path: Path) -> None:
    from brainflix.io.bids import read_events

    found = read_events(path)
    found.numbers("n")


def read_volumes(path: Path) -> None:
    from brainflix.io.nifti import read_nifti

    read_nifti(path)


def read_surface(path: Path) -> None:
    from brainflix.io.gifti import read_func_gii

    read_func_gii(path)


VOLUMES = (nifti_writer("Nifti1Image", np.int16), nifti_writer("Nifti2Image", np.uint8))
NIFTI = Reader(".nii", written(*VOLUMES, suffix=".nii"), read_volumes, 400)
GIFTI = Reader(
    ".func.gii",
    written(*[gifti_writer(each) for each in ("ASCII", "Base64Binary", "GZipBase64Binary")], suffix=".func.gii"),
    read_surface,
    400,
)
CIFTI = Reader(".dtseries.nii", written(write_cifti, suffix=".dtseries.nii"), read_cifti, 250)
SCORES = RNG.standard_normal((3, 4))
TAR = Reader(".tar", written(tar_writer("w"), tar_writer("w", tarfile.PAX_FORMAT)), unpack_anew, 300)
READERS: dict[str, Reader] = {
    "zip": Reader(".zip", written(write_zip), unpack_anew, 300),
    "tar": TAR,
    "tar.gz": replace(TAR, suffix=".tgz", pack=gzip.compress),
    "tar.xz": Reader(".txz", written(tar_writer("w:xz")), unpack_anew),
    "cifti": CIFTI,
    "labels": Reader(".dlabel.nii", written(write_labels, suffix=".dlabel.nii"), read_labels, 200),
    "nifti": NIFTI,
    "nifti.gz": replace(NIFTI, suffix=".nii.gz", pack=gzip.compress, count=300),
    "gifti": GIFTI,
    "hdf5": Reader(".h5", written(write_hdf5, suffix=".h5"), read_hdf5, 6),
    "npz": Reader(".npz", npy_of(SCORES, SCORES.astype(np.float16)), read_scores, 400, npz_around),
    "npz.zip": Reader(".npz", lambda: [npz_around(each) for each in npy_of(SCORES)()], read_scores, 300),
    "clips.npz": Reader(
        ".npz", npy_of(RNG.integers(0, 9, (3, 2, 6, 8, 3), dtype=np.uint8)), read_clips, 150, npz_around
    ),
    "zarr": Reader(".bin", written(zip_of_zarr(), zip_of_zarr(zarr_format=2)), read_zarr, 60),
    "pickle": Reader(".pkl", pickles, read_pickle, 6),
    "npy": Reader(".npy", npy_of(SCORES, np.arange(5)), read_npy, 400),
    "torch": Reader(".pt", written(write_torch, lambda path: write_torch(path, False), suffix=".pt"), read_torch, 150),
    "torch.pickle": Reader(".pt", torch_pickles, read_torch, 150, _with_pickle),
    "safetensors": Reader(".safetensors", written(write_safetensors), read_safetensors, 400),
    "settings": Reader(".json", network_settings, read_network_settings, 60),
    "manifest": Reader(".json", manifests, read_manifest, 400, sealed),
    "recipe": Reader(".yaml", recipes, read_recipe, 60),
    "events": Reader(".tsv", events, read_table, 400),
}
