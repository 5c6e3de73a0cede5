"""NeuroClips' release of CC2017: what can be chosen, and its parts."""

from __future__ import annotations

from pydantic import Field

from brainflix.parts.params import Params
from brainflix.parts.part import Part, Table


class NeuroClipsDatasetParams(Params):
    """Which commit is fetched."""

    revision: str = Field("a82b9e20e98710f18913a10c0a5bf5f19a6e4000", description="commit of the repository on the Hub")


PARTS: Table = {
    "dataset": {
        "cc2017-neuroclips": Part(
            "brainflix.datasets.cc2017_neuroclips.about:DATASET",
            NeuroClipsDatasetParams,
            "CC2017 as tensors of selected vertices, from the Hub",
        ),
    },
}
