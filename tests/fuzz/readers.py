"""What is fuzzed: each reader, with the honest files that are damaged."""

from __future__ import annotations

import contextlib
import gzip
import struct
import tarfile
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from tests.fuzz.harness import Reader
from tests.fuzz.honest import (
    IDS,
    RNG,
    SCORES,
    VOLUMES,
    events,
    gifti_writer,
    manifests,
    network_settings,
    npy_of,
    npz_around,
    pickles,
    recipes,
    sealed,
    small_network,
    tar_writer,
    torch_pickles,
    with_pickle,
    write_cifti,
    write_hdf5,
    write_labels,
    write_safetensors,
    write_torch,
    write_zip,
    written,
    zip_of_zarr,
)


def unpack_anew(path: Path) -> None:
    from brainflix.io.archives import unpack

    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        unpack(path, Path(folder) / "out", max_bytes=1 << 26)


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


def read_hdf5(path: Path) -> None:
    from brainflix.io.hdf5 import read_datasets, shapes_of

    list(read_datasets(path, list(shapes_of(path)[0])))


def read_scores(path: Path) -> None:
    from brainflix.io.logits import read_logits

    read_logits(path, IDS)


def read_clips(path: Path) -> None:
    from brainflix.io.clip_folder import open_clips

    clips = open_clips(path)
    for name in clips.ids[:3]:
        clips.read(name)


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


def read_pickle(path: Path) -> None:
    from brainflix.io.legacy import load_pickle

    load_pickle(path)


def read_npy(path: Path) -> None:
    from brainflix.io.legacy import load_npy

    np.asarray(load_npy(path)).tobytes()


def read_torch(path: Path) -> None:
    from brainflix.errors import IntegrityError
    from brainflix.io.legacy import load_checkpoint, load_pt

    with contextlib.suppress(IntegrityError):
        load_pt(path)
    load_checkpoint(path)


def read_safetensors(path: Path) -> None:
    from brainflix.trained.files import read_tensors

    read_tensors(path)


def read_network_settings(path: Path) -> None:
    """Fit honest weights to a network of damaged settings."""
    import torch

    from brainflix.models.imports import mbm_weights
    from brainflix.models.mbm import build_mbm
    from brainflix.train.imports import read_settings

    mbm_weights(build_mbm(small_network(), torch.Generator().manual_seed(0)).state_dict(), read_settings(path))


def read_manifest(path: Path) -> None:
    from brainflix.store.manifest import Manifest

    Manifest.from_json(path.read_bytes())


def read_recipe(path: Path) -> None:
    from brainflix.recipe.files import load_recipe

    load_recipe(str(path))


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


NIFTI = Reader(".nii", written(*VOLUMES, suffix=".nii"), read_volumes, 400)
GIFTI = Reader(
    ".func.gii",
    written(*[gifti_writer(each) for each in ("ASCII", "Base64Binary", "GZipBase64Binary")], suffix=".func.gii"),
    read_surface,
    400,
)
CIFTI = Reader(".dtseries.nii", written(write_cifti, suffix=".dtseries.nii"), read_cifti, 250)
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
    "torch.pickle": Reader(".pt", torch_pickles, read_torch, 150, with_pickle),
    "safetensors": Reader(".safetensors", written(write_safetensors), read_safetensors, 400),
    "settings": Reader(".json", network_settings, read_network_settings, 60),
    "manifest": Reader(".json", manifests, read_manifest, 400, sealed),
    "recipe": Reader(".yaml", recipes, read_recipe, 60),
    "events": Reader(".tsv", events, read_table, 400),
}
