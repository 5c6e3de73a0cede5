"""Recipe files: found by name or by path, read as plain YAML, changed as asked, and only then validated."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from brainflix.errors import IntegrityError, MissingError, Renamed, UsageError
from brainflix.recipe.changes import PRESETS, apply_change, apply_preset
from brainflix.recipe.renamed import RECIPES
from brainflix.recipe.schema import Recipe, parse_recipe
from brainflix.wording import did_you_mean

# A recipe is a page of text; more is a mistake or an attack.
MAX_BYTES = 256 * 1024
# Beside the user, in an installed package, in a checkout.
_FOLDERS = (
    Path("recipes"),
    Path(__file__).resolve().parents[1] / "recipes",
    Path(__file__).resolve().parents[2] / "recipes",
)


def find_recipe(name_or_path: str) -> Path:
    """Return the file of a recipe given by name or by path.

    Raises:
        MissingError: there is no such file.
        UsageError: no recipe of this name.
    """
    path = Path(name_or_path)
    if path.is_file():
        return path
    known = list_recipes()
    if name_or_path in known:
        return known[name_or_path]
    if (new := _new_name(path)) in known:
        warnings.warn(f"the recipe {name_or_path} is now called {new}", Renamed, stacklevel=2)
        return known[new]
    # A path that leads nowhere is missing, a name that nobody knows is mistyped.
    kind = MissingError if path.suffix in (".yaml", ".yml") or "/" in name_or_path else UsageError
    raise kind(
        f"no recipe {name_or_path!r}", why=did_you_mean(Path(name_or_path).stem, known), next="brainflix list recipes"
    )


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
        MissingError: no such file.
        UsageError: not YAML, or not a recipe; names the place.
        IntegrityError: it asks for something to be made or run.
    """
    path = find_recipe(name_or_path)
    raw = apply_preset(_read_mapping(path), preset)
    for change in changes:
        raw = apply_change(raw, change)
    return parse_recipe(raw, path.name)


def presets_of(name_or_path: str) -> tuple[str, ...]:
    """Return the names of a recipe's presets; raises as `load_recipe`."""
    return tuple(_read_mapping(find_recipe(name_or_path)).get(PRESETS) or ())


def _read_mapping(path: Path) -> dict[str, Any]:
    raw = _read_yaml(path)
    if not isinstance(raw, dict):
        raise UsageError(f"{path.name} is not a recipe", why="a recipe is a mapping")
    return raw


def _read_yaml(path: Path) -> Any:
    """Read YAML without running anything: safe tags only, limited size, no aliases (no billion laughs)."""
    text = path.read_bytes()
    if len(text) > MAX_BYTES:
        raise UsageError(f"{path.name} is larger than {MAX_BYTES // 1024} KiB", why="a recipe is a page of text")
    try:
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text, Loader=yaml.SafeLoader)):
            raise UsageError(f"{path.name} uses YAML aliases", why="recipes are read without them")
        return yaml.safe_load(text)
    except yaml.constructor.ConstructorError as error:
        # A tag asks for something to be made; whoever wrote it wanted more than a recipe.
        raise IntegrityError(f"{path.name} uses a YAML tag", why=" ".join(str(error).split())) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{path.name} is not valid YAML", why=" ".join(str(error).split())) from error
