"""Parameters of CC2017's array releases."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from brainflix.parts.params import Params


class ArraysParams(Params):
    """How released arrays become rows."""

    release: Literal["neuroclips", "mindvideo"] = Field("neuroclips", description="whose files they are")
    n_columns: int | None = Field(None, ge=1, description="columns that the arrays must have; null takes any number")
    drop_copies: bool = Field(True, description="leave out repeats that are exact copies of another one")
