"""A step's parameters under its part's model, and the recipe's `compat` among them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from brainflix.errors import UsageError
from brainflix.parts.find import Part, find, parts
from brainflix.parts.stages import JOB_FACTS
from brainflix.recipe.schema import Recipe
from brainflix.wording import did_you_mean, shortened

# Paper whose released behaviour, bugs included, a part is to have; only parts that know of such a paper have it.
COMPAT = "compat"


def validated(part: Part, params: Mapping[str, Any], where: str, compat: str | None = None) -> BaseModel:
    """Return the part's parameters with defaults filled in, an instance of its own class.

    Args:
        part: whose model decides.
        params: what the recipe's step says.
        where: the step, for messages.
        compat: the recipe's `compat`, for a part that knows this paper and a step that does not set the parameter.

    Raises:
        UsageError: an unknown or wrong parameter, or one that has a name of the manifest's own.
    """
    model = part.load_params()
    if taken := sorted({*JOB_FACTS} & {*model.model_fields, *params}):
        raise UsageError(f"{where}.{taken[0]}: no parameter can have this name", why="manifests use it themselves")
    inherits = bool(compat) and _knows(model, compat) and COMPAT not in params
    given = {**params, COMPAT: compat} if inherits else dict(params)
    try:
        return model.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(piece) for piece in first["loc"])
        why = did_you_mean(name, model.model_fields) if first["type"] == "extra_forbidden" else ""
        # What a class checks over several parameters names them itself.
        message = shortened(first["msg"].removeprefix("Value error, "))
        raise UsageError(f"{f'{where}.{name}'.rstrip('.')}: {message}", why=why) from error


def check_compat(recipe: Recipe) -> None:
    """Check that the recipe's `compat` is for one of its parts; a part that is not available may turn out to be it.

    Raises:
        UsageError: no part has such a parameter, so that the choice would change nothing.
    """
    if not recipe.compat:
        return
    for stage, steps in recipe.steps.items():
        for step in steps.values():
            if step.part not in parts(stage):
                return
            if _knows(find(stage, step.part).load_params(), recipe.compat):
                return
    raise UsageError(
        f"compat {recipe.compat!r} changes nothing in recipe {recipe.recipe}",
        why="none of its parts knows this paper",
        next="leave compat out",
    )


def _knows(model: Any, paper: str | None) -> bool:
    """Say whether a part's parameters have the released behaviour of a paper among their choices."""
    field = model.model_fields.get(COMPAT)
    return field is not None and (paper in get_args(field.annotation) or field.annotation is str)
