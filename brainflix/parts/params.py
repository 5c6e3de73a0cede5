"""Parameters of parts: frozen, validated once, unknown names are errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, model_validator


class Params(BaseModel):
    """Base of every part's parameters: frozen, and unknown names are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: By paper: what its released code takes, where a recipe with that `compat` does not say.
    RELEASED: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    @model_validator(mode="before")
    @classmethod
    def _as_released(cls, given: Any) -> Any:
        if not cls.RELEASED or not isinstance(given, Mapping):
            return given
        return {**cls.RELEASED.get(str(given.get("compat")), {}), **given}


class AnyParams(BaseModel):
    """Parameters that nobody declared: taken as they are."""

    model_config = ConfigDict(frozen=True, extra="allow")
