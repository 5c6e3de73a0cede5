"""One part that a recipe can name: where its code is, what it reads, and one line about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from brainflix.errors import UsageError
from brainflix.parts.lazy import load
from brainflix.parts.params import AnyParams


@dataclass(frozen=True)
class Part:
    """One named part.

    Attributes:
        target: `module:attribute` of the function or class that does the work.
        params: the class of its parameters; None if the part itself carries it, as a plug-in's does.
        summary: one line for `brainflix list`.
        needs: roles that a step must give it; None if it declares nothing, so that any roles pass.
        takes: roles that a step may give it as well.
        package: the package that it comes from.
    """

    target: str
    params: type[BaseModel] | None
    summary: str
    needs: tuple[str, ...] | None = None
    takes: tuple[str, ...] = ()
    package: str = "brainflix"

    def load(self) -> Any:
        """Import and return the part's code."""
        return load(self.target)

    def load_params(self) -> type[BaseModel]:
        """Return the class of the part's parameters; only a plug-in is imported for it.

        Raises:
            UsageError: the plug-in cannot be imported, or its `Params` is not a pydantic model.
        """
        return self.params or self._own_params()

    def _own_params(self) -> type[BaseModel]:
        try:
            model = getattr(self.load(), "Params", None) or AnyParams
        except (ImportError, AttributeError) as error:
            raise UsageError(f"{self.target} of the package {self.package} cannot be loaded", why=str(error)) from error
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            raise UsageError(f"{self.target}: Params is not a pydantic model", why=f"package {self.package}")
        return model


# Parts by category and name: what a package's `parts.py` declares.
Table = Mapping[str, Mapping[str, Part]]
