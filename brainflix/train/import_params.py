"""Options of `import-checkpoint`, one class for each kind of checkpoint."""

from __future__ import annotations

from pydantic import Field

from brainflix.parts.params import Params


class ImportParams(Params):
    """What no checkpoint says of the rows that its network reads."""

    n_columns: int | None = Field(
        None,
        ge=1,
        description="grayordinates of a row before padding; left out, those of the published areas, or as padded",
    )
    heads: int | None = Field(None, ge=1, description="attention heads, where the settings do not say; 16 if left out")


class MbmImportParams(ImportParams):
    """mind-vis' and Brain Netflix' masked autoencoder (docs/methods/brain-netflix.md, Checkpoints)."""

    decoder_heads: int | None = Field(None, ge=1, description="heads of the decoder, where the settings do not say")
    mask_ratio: float | None = Field(None, ge=0, lt=1, description="share of hidden patches; 0.75 if nobody says")


class MindVideoEncoderImportParams(ImportParams):
    """MinD-Video's fMRI encoder (docs/methods/mindvideo.md, Checkpoints)."""

    window_tr: tuple[int, ...] | None = Field(
        None, min_length=1, description="rows around a clip's own in a window; left out, its own and those after it"
    )
