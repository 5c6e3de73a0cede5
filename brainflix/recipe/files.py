"""Recipe files: found by name or by path, read as plain YAML, changed as asked, and only then validated."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from brainflix.errors import Renamed, ResourceError, UsageError
from brainflix.recipe.changes import PRESETS, apply_changes, apply_preset
from brainflix.recipe.renamed import RECIPES
from brainflix.recipe.schema import Recipe, parse_recipe
from brainflix.recipe.yaml_text import MAX_BYTES, read_yaml
from brainflix.wording import did_you_mean, shortened, suggest

# Beside the user, in an installed package, in a checkout.
_FOLDERS = (
    Path("recipes"),
    Path(__file__).resolve().parents[1] / "recipes",
    Path(__file__).resolve().parents[2] / "recipes",
)


def find_recipe(name_or_path: str) -> Path:
    """Return the file of a recipe given by name or by path.

    Raises:
        UsageError: no recipe of this name, or no file at this path; says the nearest one.
    """
    path = Path(name_or_path)
    if _is_file(path):
        return path
    known = list_recipes()
    if name_or_path in known:
        return known[name_or_path]
    if (new := _new_name(path)) in known:
        warnings.warn(f"the recipe {name_or_path} is now called {new}", Renamed, stacklevel=2)
        return known[new]
    name = shortened(name_or_path)
    raise UsageError(f"no recipe {name!r}", why=_nearest(path, known), next="brainflix list recipes")


def _is_file(path: Path) -> bool:
    """Say whether a path leads to a file; one that no file system can have (too long, a NUL in it) does not."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _nearest(path: Path, known: Collection[str]) -> str:
    """Return what an unknown path or name may have meant: a file beside it, or a recipe by name."""
    beside = [str(path.with_name(name)) for name in _names_in(path.parent)] if path.name else []
    near = suggest(str(path), beside) if path.suffix or len(path.parts) > 1 else ""
    return near or did_you_mean(path.stem, known)


def _names_in(folder: Path) -> list[str]:
    try:
        return [each.name for each in folder.iterdir() if each.suffix in (".yaml", ".yml")]
    except (OSError, ValueError):
        return []


def _new_name(path: Path) -> str:
    """Return what a recipe of an old name, or of an old place in the folder of recipes, is called now; "" for none."""
    is_place = path.parent.name == "recipes" and path.suffix == ".yaml"
    name = path.stem if is_place else str(path)
    return RECIPES.get(name, name if is_place else "")


def list_recipes() -> dict[str, Path]:
    """Return every recipe that can be run by name: those of the folders, and of the folders in them."""
    found: dict[str, Path] = {}
    for folder in _FOLDERS:
        for path in sorted([*folder.glob("*.yaml"), *folder.glob("*/*.yaml")]):
            found.setdefault(path.stem, path)
    return found


def load_recipe(name_or_path: str, changes: Sequence[str] = (), preset: str | None = None) -> Recipe:
    """Read a recipe, apply one of its presets, then `a.b=c` changes.

    Raises:
        UsageError: no such recipe, not YAML, or not a recipe; names the place.
        ResourceError: the file cannot be read.
        IntegrityError: it asks for something to be made or run.
    """
    path = find_recipe(name_or_path)
    raw = apply_changes(apply_preset(_read_mapping(path), preset), changes)
    return parse_recipe(raw, path.name)


def presets_of(name_or_path: str) -> tuple[str, ...]:
    """Return the names of a recipe's presets; raises as `load_recipe`."""
    return tuple(_read_mapping(find_recipe(name_or_path)).get(PRESETS) or ())


def _read_mapping(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ResourceError(f"cannot read {path}", why=str(error.strerror)) from error
    raw = read_yaml(text, path.name)
    if not isinstance(raw, dict):
        raise UsageError(f"{path.name} is not a recipe", why="a recipe is a mapping")
    return raw
