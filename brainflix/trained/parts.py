"""The architectures that a trained network's config can name."""

from __future__ import annotations

from brainflix.parts.params import Params
from brainflix.parts.part import Part, Table

PARTS: Table = {
    "network": {
        "mbm": Part(
            "brainflix.trained.masked:masked",
            Params,
            "masked autoencoder over grayordinate patches",
            needs=("result",),
        ),
        "mbm-contrastive": Part(
            "brainflix.trained.masked:contrastive",
            Params,
            "masked autoencoder with a head that embeds rows",
            needs=("result",),
        ),
    },
}
