"""What can be named in a recipe: the parts that brainflix's packages declare, and those of other packages.

Each package declares its own in a light `parts.py`: the classes of their parameters, and `PARTS`. A method's package is
found by standing in `methods/`, a data set's by its line in `datasets/parts.py`.

Other packages add parts through the entry-point group "brainflix.parts" (entry name `category:name`, value
`module:attribute`). A part of theirs may carry its parameters' class as an attribute `Params`; its inputs are not
checked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules

from brainflix.errors import UsageError
from brainflix.parts.part import APPLY, Fit, Part, Table
from brainflix.wording import did_you_mean

__all__ = ["ENTRY_POINTS", "Part", "architectures", "find", "own_parts", "parts"]

ENTRY_POINTS = "brainflix.parts"
# The order in which categories are listed.
_CATEGORIES = (
    *("dataset", "preprocess", "align", "targets", "train", "regress", "reconstruct", "explain", "evaluate"),
    *("metric", "checkpoint"),
)
_PACKAGES = ("datasets", "align", "targets", "train", "trained", "regress", "reconstruct", "explain", "evaluate")


@lru_cache(maxsize=1)
def own_parts() -> dict[str, dict[str, Part]]:
    """Return the parts of brainflix, category -> name -> part, in the order of the pipeline; no code is imported."""
    found: dict[str, dict[str, Part]] = {category: {} for category in _CATEGORIES}
    for module in _modules():
        table: Table = import_module(module).PARTS
        for category, declared in table.items():
            found[category].update(declared)
    return found


def _modules() -> Iterator[str]:
    """Yield every `parts.py`."""
    yield from (f"brainflix.{package}.parts" for package in _PACKAGES)
    methods = import_module("brainflix.methods")
    yield from (f"{methods.__name__}.{each.name}.parts" for each in iter_modules(methods.__path__))


@lru_cache(maxsize=1)
def _plugins() -> dict[str, dict[str, list[Part]]]:
    """Parts of other installed packages, category -> name -> who offers it; their code is not imported."""
    found: dict[str, dict[str, list[Part]]] = {}
    for entry in entry_points(group=ENTRY_POINTS):
        category, _, name = entry.name.partition(":")
        package, version = (entry.dist.name, entry.dist.version) if entry.dist else ("a plug-in", "")
        part = Part(entry.value, None, f"from {package}", package=package, version=version)
        if category == "align":
            # Another package's aligner fits a group; applying its maps is ours.
            fit = Fit(entry.value, reads=("group",), alone=("group",))
            part = replace(part, target=APPLY, needs=("bold", "group"), fit=fit)
        found.setdefault(category, {}).setdefault(name, []).append(part)
    return found


@lru_cache(maxsize=1)
def architectures() -> dict[str, str]:
    """Return what builds a trained network again, `module:function`, by the architecture that its config names.

    Another package adds one as the entry point `architecture:name`.
    """
    found = {name: offers[0].target for name, offers in _plugins().get("architecture", {}).items()}
    for module in _modules():
        found |= getattr(import_module(module), "ARCHITECTURES", {})
    return found


def parts(category: str) -> dict[str, Part]:
    """Return every part of a category by name; of several with one name brainflix's own, or else the first."""
    return {name: offers[0] for name, offers in _plugins().get(category, {}).items()} | own_parts().get(category, {})


def find(category: str, name: str) -> Part:
    """Return one part.

    Raises:
        UsageError: no such name; says the nearest one. Or several packages offer it: which one would run is chance.
    """
    known = parts(category)
    if name not in known:
        raise UsageError(
            f"no {category} part is called {name!r}",
            why=did_you_mean(name, known),
            next="brainflix list datasets" if category == "dataset" else f"brainflix list parts {category}",
        )
    rivals = [part.package for part in _plugins().get(category, {}).get(name, []) if part is not known[name]]
    if rivals:
        raise UsageError(
            f"{category} part {name!r} of the package {rivals[0]} has the name of a part of {known[name].package}",
            next=f"uninstall {rivals[0]}, or let it rename its entry point",
        )
    return known[name]
