"""Who may import whom, and what must stay light: the rules of the layout (docs/design.md)."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from brainflix.parts.stages import STAGES as ALL_STAGES

PACKAGE = Path(__file__).resolve().parents[1] / "brainflix"
STAGES = tuple(ALL_STAGES)
# Each layer may import those that come after it, and nothing before it.
LAYERS = (
    ("cli", "front"),
    ("engine",),
    ("report",),
    ("methods", "datasets", "demo", "testing"),
    STAGES[:-1],
    ("linear", "models", "trained", "pretrained"),
    ("recipe",),
    ("parts",),
    ("io", "store"),
    ("attention", "device", "seeds", "scratch", "settings", "progress"),
    ("wording",),
    ("errors",),
)
# The comparison page shows what the comparison of scores found.
EXCEPTIONS = {("report", "evaluate")}
# Parts that take and return arrays: no store, no settings, no command line. (`parts`, `phases`, `stage` files do I/O.)
PURE = {
    "preprocess": (
        *("trim", "detrend", "reliability", "noise_ceiling", "areas", "masks"),
        *("sessions", "duplicates", "pictures", "timeline", "rescale"),
    ),
    "align": (
        *("procrustes", "ridge_map", "template", "maps", "quality", "methods"),
        *("srm", "gcca", "choose", "agreement", "lag"),
    ),
    "linear": None,
    "regress": ("mlp",),
    "evaluate": (
        *("nway", "pixels", "ssim", "pixel_pairs", "flow", "identification", "targets_metrics", "baselines", "score"),
        *("blocks", "bootstrap", "comparison", "intervals", "ranges", "permutations", "exchanges", "strangers"),
        *("design", "gathering", "scene", "videos"),
        *("clock", "protocols", "leaderboard", "published", "metric", "metric_params", "clipwise", "pairings"),
        *("hue", "ssim_columns", "flow_errors", "motion", "temporal", "fvd", "deep_identification", "retrieval"),
        *("motion_energy", "lines", "vectors", "target_lines", "ceiling_tables", "choosing", "scorer", "staging"),
        *(f"metrics/{name}" for name in ("ssim", "pixels", "hue", "flow", "motion", "nway", "cosines", "clip", "deep")),
        *(f"metrics/{name}" for name in ("lpips", "raft", "sets", "views")),
    ),
    "models": None,
}


def imports_of(path: Path) -> set[str]:
    """Return every brainflix module that a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name.startswith("brainflix.")}


def room_of(path: Path) -> str:
    """Return the package or module right below `brainflix` that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def rank(room: str) -> int:
    """Return the layer of a room."""
    [number] = [i for i, rooms in enumerate(LAYERS) if room in rooms]
    return number


def test_every_room_has_a_layer() -> None:
    rooms = {room_of(path) for path in PACKAGE.rglob("*.py")} - {"__init__", "__main__"}
    assert rooms == {room for layer in LAYERS for room in layer}


@pytest.mark.parametrize("room", [room for layer in LAYERS for room in layer])
def test_a_room_imports_only_what_lies_below_it(room: str) -> None:
    for path in (path for path in PACKAGE.rglob("*.py") if room_of(path) == room):
        for other in {name.split(".")[1] for name in imports_of(path)} - {room}:
            if (PACKAGE / other).is_dir() or (PACKAGE / f"{other}.py").is_file():
                sideways = rank(room) == rank(other) and room in STAGES
                below = rank(room) < rank(other) or (rank(room) == rank(other) and not sideways)
                assert below or (room, other) in EXCEPTIONS, f"{path.relative_to(PACKAGE)} imports {other}"


def test_nothing_imports_a_method_and_methods_never_import_each_other() -> None:
    for path in PACKAGE.rglob("*.py"):
        inside = path.relative_to(PACKAGE).parts
        own = inside[1] if inside[0] == "methods" and len(inside) > 2 else None
        for name in imports_of(path):
            if name.startswith("brainflix.methods."):
                assert name.split(".")[2] == own, f"{path.relative_to(PACKAGE)} imports {name}"


def test_no_door_of_a_stage_is_imported_but_by_its_name() -> None:
    for path in PACKAGE.rglob("*.py"):
        assert not [name for name in imports_of(path) if name.endswith(".stage")], path


@pytest.mark.parametrize("room", PURE)
def test_pure_parts_touch_no_store_no_settings_no_screen(room: str) -> None:
    names = PURE[room]
    files = [PACKAGE / room / f"{name}.py" for name in names] if names else list((PACKAGE / room).glob("*.py"))
    for path in files:
        for name in imports_of(path):
            assert name.split(".")[1] not in ("store", "settings", "cli", "engine", "recipe"), f"{path}: {name}"


def test_only_the_command_line_imports_typer_and_rich() -> None:
    for path in PACKAGE.rglob("*.py"):
        if path.relative_to(PACKAGE).parts[0] != "cli":
            tree = ast.parse(path.read_text())
            modules = [n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
            modules += [a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names]
            assert not {m.split(".")[0] for m in modules} & {"typer", "rich"}, path


def test_planning_imports_nothing_heavy() -> None:
    code = (
        "import sys, brainflix.engine.plan, brainflix.engine.run, brainflix.settings\n"
        "import brainflix.recipe.files, brainflix.parts.find\n"
        "from brainflix.engine.plan import make_plan\n"
        "from brainflix.recipe.files import load_recipe\n"
        "from brainflix.store.store import Store\n"
        "make_plan(load_recipe('demo'), Store('nowhere'))\n"
        "heavy = {'torch', 'zarr', 'numpy', 'nibabel', 'diffusers', 'transformers', 'scipy', 'av', 'matplotlib'}\n"
        "found = heavy & set(sys.modules)\n"
        "sys.exit(f'imported: {found}' if found else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_no_file_is_two_rooms_and_no_device_is_named_outside_its_place() -> None:
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text()
        assert len(text.splitlines()) <= 400, path
        if path.name not in ("device.py", "provenance.py"):
            assert '"cuda' not in text and "'cuda" not in text, path
