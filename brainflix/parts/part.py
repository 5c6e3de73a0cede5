"""One part that a recipe can name: where its code is, what it reads, and one line about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from brainflix.errors import UsageError
from brainflix.parts.lazy import load


@dataclass(frozen=True)
class Part:
    """One named part.

    Attributes:
        target: `module:attribute` of the function or class that does the work.
        params: `module:Class` of the frozen pydantic model of its parameters; empty if the part itself carries it.
        summary: one line for `brainflix list`.
        needs: roles that a step must give it; None if it declares nothing, so that any roles pass.
        takes: roles that a step may give it as well.
        package: the package that it comes from.
    """

    target: str
    params: str
    summary: str
    needs: tuple[str, ...] | None = None
    takes: tuple[str, ...] = ()
    package: str = "brainflix"

    def load(self) -> Any:
        """Import and return the part's code."""
        return load(self.target)

    def load_params(self) -> Any:
        """Import and return the class of the part's parameters (light, but for a plug-in, which is imported).

        Raises:
            UsageError: the plug-in cannot be imported, or its `Params` is not a pydantic model.
        """
        return load(self.params) if self.params else self._own_params()

    def _own_params(self) -> Any:
        try:
            model = getattr(self.load(), "Params", None) or load("brainflix.parts.params:AnyParams")
        except (ImportError, AttributeError) as error:
            raise UsageError(f"{self.target} of the package {self.package} cannot be loaded", why=str(error)) from error
        if not (isinstance(model, type) and hasattr(model, "model_validate")):
            raise UsageError(f"{self.target}: Params is not a pydantic model", why=f"package {self.package}")
        return model
