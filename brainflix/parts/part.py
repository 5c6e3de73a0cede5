"""One part that a recipe can name: where its code is, what it reads, and one line about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from brainflix.errors import UsageError
from brainflix.parts.lazy import load
from brainflix.parts.params import AnyParams
from brainflix.parts.stages import STAGES

BRAINFLIX = "brainflix"
# The role under which a part reads what it fitted, and how its job is called behind the step's name.
FIT = "fit"
# What applies the maps that an aligner fitted.
APPLY = "brainflix.align.apply:apply"


@dataclass(frozen=True)
class Fit:
    """What a part fits once for several subjects: a job of its own, whose artifact the job of each subject reads.

    Attributes:
        target: `module:attribute`, called as a part is; its artifact comes to the part under the role `fit`.
        reads: roles that it is given.
        alone: those of them that the part itself is not given.
        kind: the kind of its artifact.
    """

    target: str
    reads: tuple[str, ...]
    alone: tuple[str, ...] = ()
    kind: str = "model"


@dataclass(frozen=True)
class Part:
    """One named part.

    Attributes:
        target: `module:attribute` of the function or class that does the work.
        params: the class of its parameters; None if the part itself carries it, as a plug-in's does.
        summary: one line for `brainflix list`.
        needs: roles that a step must give it; None if it declares nothing, so that any roles pass.
        takes: roles that a step may give it as well.
        fit: what it fits for several subjects at once, if anything.
        makes: the kind of each output by name, "" for the main one; empty where it makes what its stage makes.
        cites: keys of report/citations.bib, the papers that are due where it is used.
        package: the package that it comes from.
        version: of that package; empty for brainflix itself.
    """

    target: str
    params: type[BaseModel] | None
    summary: str
    needs: tuple[str, ...] | None = None
    takes: tuple[str, ...] = ()
    fit: Fit | None = None
    makes: Mapping[str, str] = field(default_factory=dict)
    cites: tuple[str, ...] = ()
    package: str = BRAINFLIX
    version: str = ""

    @property
    def origin(self) -> str:
        """Name and version of the package that it comes from, which enter its jobs' keys; empty for brainflix."""
        return "" if self.package == BRAINFLIX else f"{self.package} {self.version}".strip()

    def kinds(self, stage: str) -> dict[str, str]:
        """Return the kind of artifact of each output, by name; the main one's is empty."""
        return {"": STAGES[stage], **self.makes}

    def load(self) -> Any:
        """Import and return the part's code."""
        return load(self.target)

    def load_fit(self) -> tuple[Any, ...]:
        """Import and return the code of its fit, if it has one."""
        return () if self.fit is None else (load(self.fit.target),)

    def load_params(self) -> type[BaseModel]:
        """Return the class of the part's parameters; only a plug-in is imported for it.

        Raises:
            UsageError: the plug-in cannot be imported, or its `Params` is not a pydantic model.
        """
        return self.params or self._own_params()

    def _own_params(self) -> type[BaseModel]:
        try:
            carrier = load(self.fit.target) if self.fit is not None else self.load()
            model = getattr(carrier, "Params", None) or AnyParams
        except (ImportError, AttributeError) as error:
            raise UsageError(f"{self.target} of the package {self.package} cannot be loaded", why=str(error)) from error
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            raise UsageError(f"{self.target}: Params is not a pydantic model", why=f"package {self.package}")
        return model


# Parts by category and name: what a package's `parts.py` declares.
Table = Mapping[str, Mapping[str, Part]]
