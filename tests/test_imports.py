"""Who may import whom, and what must stay light: the rules of the layout."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "brainflix"
STAGES = ("download", "preprocess", "align", "targets", "train", "regress", "reconstruct", "evaluate", "report")
# Parts that take and return arrays: no store, no settings, no command line. (`parts`, `phases`, `stage` files do I/O.)
PURE = {
    "preprocess": (
        *("trim", "detrend", "reliability", "noise_ceiling", "areas"),
        *("sessions", "duplicates", "pictures", "timeline", "rescale"),
    ),
    "align": (
        *("procrustes", "ridge_map", "template", "maps", "quality", "methods"),
        *("srm", "gcca", "choose", "agreement", "lag"),
    ),
    "regress": ("ridge", "ridge_cv", "spectrum", "folds", "standardise", "mlp"),
    "evaluate": (
        *("nway", "pixels", "ssim", "pixel_pairs", "flow", "identification", "targets_metrics", "baselines", "score"),
        *("bootstrap", "comparison", "crossed", "rates", "repairing"),
        *("clock", "protocols", "folders/repairing", "video_metrics", "folders/scoring", "leaderboard", "published"),
        *("hue", "ssim_columns", "flow_errors", "motion", "temporal", "fvd", "deep_identification", "retrieval"),
        *("motion_energy", "folders/catalogue", "folders/lines", "folders/semantic", "folders/costly"),
    ),
    "models": None,
}
# The ridge solver is shared by alignment and regression; regressors and generators read trained networks; what starts
# from pinned weights, captioners among it, names them as target extractors do; the comparison page shows what the
# comparison of scores found.
SHARED = {
    ("align", "regress"),
    ("regress", "train"),
    ("regress", "targets"),
    ("reconstruct", "targets"),
    ("reconstruct", "train"),
    ("train", "targets"),
    ("evaluate", "targets"),
    ("report", "evaluate"),
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


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_never_imports_another_stages_door(stage: str) -> None:
    for path in (PACKAGE / stage).glob("*.py"):
        for name in imports_of(path):
            other = name.split(".")[1]
            if other in STAGES and other != stage:
                assert (stage, other) in SHARED, f"{path.name} imports {name}"
                assert not name.endswith(".stage"), f"{path.name} imports {name}"


@pytest.mark.parametrize("room", PURE)
def test_pure_parts_touch_no_store_no_settings_no_screen(room: str) -> None:
    names = PURE[room]
    files = [PACKAGE / room / f"{name}.py" for name in names] if names else list((PACKAGE / room).glob("*.py"))
    for path in files:
        for name in imports_of(path):
            assert name.split(".")[1] not in ("store", "settings", "cli", "plan", "run", "recipe"), f"{path}: {name}"


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
