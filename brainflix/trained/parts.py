"""The architectures that a trained network's `config.json` can name, and what builds each again."""

from __future__ import annotations

from brainflix.parts.part import Table

PARTS: Table = {}
ARCHITECTURES = {
    "mbm": "brainflix.trained.masked:masked",
    "mbm-contrastive": "brainflix.trained.masked:contrastive",
}
