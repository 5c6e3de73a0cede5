"""The standard space of 91282 grayordinates: both cortices at 32k vertices less the medial wall, and 2 mm subcortex."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from nibabel.cifti2.cifti2_axes import BrainModelAxis

TABLE = Path(__file__).resolve().parent / "data" / "grayordinates.npz"
N_GRAYORDINATES, N_CORTEX = 91282, 59412
#: Space name of arrays whose columns are this axis.
FSLR_91K = "fsLR32k-91282"


@dataclass(frozen=True, eq=False)
class Grayordinates:
    """The axis, all arrays of length 91282.

    Attributes:
        structure: CIFTI structure names.
        vertex: vertex numbers, -1 for voxels.
        voxel: voxel indices (91282, 3), -1 for vertices.
        area: HCP-MMP1 area without its side, "" outside the cortex.
        affine, volume_shape: geometry of the voxels.
        n_vertices: vertices of each cortex, medial wall included.
    """

    structure: NDArray[np.str_]
    vertex: NDArray[np.int32]
    voxel: NDArray[np.int64]
    area: NDArray[np.str_]
    affine: NDArray[np.float64]
    volume_shape: tuple[int, ...]
    n_vertices: dict[str, int]


@lru_cache(maxsize=1)
def standard() -> Grayordinates:
    """Return the standard axis from the shipped table."""
    with np.load(TABLE, allow_pickle=False) as table:
        return Grayordinates(
            structure=table["structures"][table["structure"]],
            vertex=table["vertex"],
            voxel=table["voxel"].astype(np.int64),
            area=table["areas"][table["area"]],
            affine=table["affine"],
            volume_shape=tuple(int(n) for n in table["volume_shape"]),
            n_vertices={str(name): int(count) for name, count in table["n_vertices"]},
        )


def models(columns: NDArray[np.int64] | None = None) -> BrainModelAxis:
    """Return the axis as nibabel writes it, or its cut to columns (n_columns,); geometry and numbers stay real."""
    from nibabel.cifti2.cifti2_axes import BrainModelAxis

    axis = standard()
    at = np.arange(N_GRAYORDINATES) if columns is None else columns
    return BrainModelAxis(
        name=axis.structure[at],
        voxel=axis.voxel[at],
        vertex=axis.vertex[at],
        affine=axis.affine,
        volume_shape=axis.volume_shape,
        nvertices=axis.n_vertices,
    )


def axis_sha256(structure: NDArray[Any], vertex: NDArray[Any], voxel: NDArray[Any]) -> str:
    """Return a digest of what columns mean: structure and vertex (n_columns,), voxel (n_columns, 3), in order."""
    hasher = hashlib.sha256()
    hasher.update("\n".join(str(name) for name in structure).encode())
    hasher.update(np.ascontiguousarray(vertex, dtype="<i4").tobytes())
    hasher.update(np.ascontiguousarray(voxel, dtype="<i4").tobytes())
    return hasher.hexdigest()


@lru_cache(maxsize=1)
def standard_sha256() -> str:
    """Return the standard axis' digest."""
    axis = standard()
    return axis_sha256(axis.structure, axis.vertex, axis.voxel)


def areas_of(structure: NDArray[Any], vertex: NDArray[Any]) -> NDArray[np.str_]:
    """Return the HCP-MMP1 area of each column by its structure and vertex, "" where there is none. Never by number.

    Args:
        structure: CIFTI structure names, (n_columns,).
        vertex: vertex numbers, -1 for voxels, (n_columns,).
    """
    structure, vertex = np.asarray(structure), np.asarray(vertex, np.int64)
    table = _area_tables()
    out = np.full(vertex.shape, "", next(iter(table.values())).dtype)
    for side, areas in table.items():
        mine = (structure == side) & (vertex >= 0) & (vertex < len(areas))
        out[mine] = areas[vertex[mine]]
    return out


@lru_cache(maxsize=1)
def _area_tables() -> dict[str, NDArray[np.str_]]:
    """Return the area of every vertex of each cortex, "" on the medial wall."""
    axis = standard()
    found = {}
    for side, count in axis.n_vertices.items():
        mine = axis.structure == side
        found[side] = np.full(count, "", axis.area.dtype)
        found[side][axis.vertex[mine]] = axis.area[mine]
    return found
