"""Parameters of pretrained networks that several stages name."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from brainflix.parts.weight_params import WeightParams


class BlipCaptionParams(WeightParams):
    """BLIP's captions (docs/methods/brain-netflix.md, Captions); lengths count the four tokens of the prefix."""

    # As released; on the checkpoint that the release uses this tends to strings of near-synonyms.
    RELEASED: ClassVar = {"brainnetflix": {"beams": 1, "repetition_penalty": 6.0}}
    beams: int = Field(3, ge=1, le=100, description="captions that are followed side by side; 1 is greedy")
    repetition_penalty: float = Field(
        1.5, ge=1, le=100, description="how much words that were said are held back; 1 is not"
    )
    max_length: int = Field(20, ge=5, le=512, description="tokens of a caption at most, with the prefix's four")
    min_length: int = Field(4, ge=0, description="tokens before which no caption ends, with the prefix's four")
    compat: Literal["", "brainnetflix"] = Field(
        "", description="brainnetflix searches as released where the recipe does not say: greedy, with a penalty of 6"
    )

    @model_validator(mode="after")
    def _check_lengths(self) -> Self:
        if self.min_length > self.max_length:
            raise ValueError(f"min_length {self.min_length} is above max_length {self.max_length}")
        return self
