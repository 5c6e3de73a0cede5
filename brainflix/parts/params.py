"""Parameters of parts: frozen, validated once, unknown names are errors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from brainflix.wording import shortened

# A tuple or a list of what can be compared.
_Items = TypeVar("_Items", bound=Sequence[Hashable])


def each_once(items: _Items, *, what: str = "") -> _Items:
    """Return `items`, which are called `what`, if none of them stands twice.

    Raises:
        ValueError: one does; names it.
    """
    twice = [item for item, count in Counter(items).items() if count > 1]
    if twice:
        raise ValueError(f"{what} {shortened(str(twice[0]))} is named twice".lstrip())
    return items


# Numbers of a tuple, which a bound of the whole field does not reach.
Count = Annotated[int, Field(ge=1)]
Counts = Annotated[tuple[Count, ...], AfterValidator(each_once)]
Penalties = Annotated[tuple[Annotated[float, Field(gt=0)], ...], AfterValidator(each_once)]
# Choices of an N-way accuracy.
Ways = Annotated[tuple[Annotated[int, Field(ge=2)], ...], AfterValidator(each_once)]
# Rows around a clip's own; a minute and more away nothing of it is left in the blood.
Window = Annotated[tuple[Annotated[int, Field(ge=-50, le=50)], ...], AfterValidator(each_once)]


class Params(BaseModel):
    """Base of every part's parameters: frozen; unknown names, infinite numbers and truths for numbers are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    #: By paper: what its released code takes, where a recipe with that `compat` does not say.
    RELEASED: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    @model_validator(mode="before")
    @classmethod
    def _as_released(cls, given: Any) -> Any:
        if not cls.RELEASED or not isinstance(given, Mapping):
            return given
        return {**cls.RELEASED.get(str(given.get("compat")), {}), **given}

    @model_validator(mode="before")
    @classmethod
    def _no_truth_for_a_number(cls, given: Any) -> Any:
        """Refuse true and false where a number is meant, which would count as 1 and 0."""
        for name, value in given.items() if isinstance(given, Mapping) else ():
            field = cls.model_fields.get(name)
            if field is not None and _has_truth(value) and _is_of_numbers(field.annotation):
                raise ValueError(f"{name} is a number, not true or false")
        return given


def _has_truth(value: Any) -> bool:
    return isinstance(value, bool) or (
        isinstance(value, list | tuple) and any(isinstance(each, bool) for each in value)
    )


def _is_of_numbers(annotation: Any) -> bool:
    """Say whether a type is made of numbers and has no place for a truth: `int | None`, `tuple[float, ...]`."""
    kinds = _kinds(annotation)
    return bool(kinds & {int, float}) and bool not in kinds


def _kinds(annotation: Any) -> set[Any]:
    return {annotation}.union(*map(_kinds, get_args(annotation))) if get_args(annotation) else {annotation}


class AnyParams(BaseModel):
    """Parameters that nobody declared: taken as they are."""

    model_config = ConfigDict(frozen=True, extra="allow")
