"""MinD-Video's release of CC2017: what can be chosen, and its parts."""

from __future__ import annotations

from brainflix.parts.params import Params
from brainflix.parts.part import Part, Table


class MindVideoDatasetParams(Params):
    """Nothing to choose."""


PARTS: Table = {
    "dataset": {
        "mindvideo": Part(
            "brainflix.datasets.mindvideo.about:DATASET",
            MindVideoDatasetParams,
            "CC2017 as arrays of selected voxels, repeats averaged",
        ),
    },
}
