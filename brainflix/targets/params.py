"""Parameters of the target extractors."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, model_validator

from brainflix.contract import Params


class FramesParams(Params):
    """Which frames stand for a clip."""

    n_frames: int = Field(8, ge=1, description="frames per clip, evenly spaced from its onset")
    size_px: int = Field(64, ge=16, description="height and width after resizing; the aspect ratio is not kept")


class WeightParams(Params):
    """Weights by name, pinned; shipped weights pin themselves by their digest."""

    weights: str
    revision: str = ""

    @model_validator(mode="before")
    @classmethod
    def _pin_shipped(cls, raw: Any) -> Any:
        from brainflix.io.weights import is_shipped, shipped_revision

        if not isinstance(raw, dict) or not is_shipped(str(raw.get("weights", ""))):
            return raw
        # Only the part of a pipeline that is read counts: a new denoiser leaves latents and captions as they are.
        field = cls.model_fields.get("subfolder")
        subfolder = raw.get("subfolder", field.default) if field else ""
        return {**raw, "revision": shipped_revision(f"{raw['weights']}/{subfolder}".rstrip("/"))}

    @model_validator(mode="after")
    def _pinned(self) -> Self:
        if not self.revision and "/" in self.weights and not self.weights.startswith((".", "/")):
            raise ValueError("weights from the Hub need a revision (a commit)")
        return self


class CaptionParams(WeightParams):
    """Token states of captions from the text tower of a generator or a CLIP pair."""

    subfolder: str = Field("text_encoder", description="folder of the text tower")
    tokenizer: str = Field("tokenizer", description="folder of the tokenizer")


class LatentParams(WeightParams):
    """Latents of a diffusers autoencoder."""

    subfolder: str = "vae"


class ClipParams(WeightParams):
    """Projected image embeddings of a CLIP pair."""

    normalise: bool = Field(True, description="scale each clip's embedding to unit length")
