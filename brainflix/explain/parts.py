"""The explanations. brainflix has none of its own yet; a recipe's `explain` section takes those of other packages."""

from __future__ import annotations

from brainflix.parts.part import Table

PARTS: Table = {"explain": {}}
