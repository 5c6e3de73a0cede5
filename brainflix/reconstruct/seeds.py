"""Seeds of clips, under the name by which generators know them: `brainflix.seeds`, which targets read as well."""

from __future__ import annotations

from brainflix.seeds import clip_noise, clip_seed

__all__ = ["clip_noise", "clip_seed"]
