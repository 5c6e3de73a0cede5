"""How many places one touches, as docs/design.md counts them: each is made in a copy, and the copy plans it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("weights", "__pycache__")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package and its recipes, with links to what is large."""
    shutil.copytree(ROOT / "brainflix", tmp_path / "brainflix", ignore=shutil.ignore_patterns(*HEAVY))
    (tmp_path / "brainflix/demo/weights").symlink_to(ROOT / "brainflix/demo/weights")
    shutil.copytree(ROOT / "recipes", tmp_path / "recipes")
    return tmp_path


def brainflix(copy: Path, *arguments: str) -> str:
    """Run the copy's command line, and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "brainflix", *arguments],
        capture_output=True,
        text=True,
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def add_block(copy: Path, table: str, category: str, block: str) -> None:
    """Put one block into the table of a `parts.py`."""
    path = copy / table
    text = path.read_text()
    start = f'    "{category}": {{\n'
    assert text.count(start) == 1
    path.write_text(text.replace(start, f"{start}        {block}\n"))


def test_without_a_papers_folder_the_rest_works(copy: Path) -> None:
    shutil.rmtree(copy / "brainflix/methods/mindvideo")
    listed = brainflix(copy, "list", "parts")
    assert "zeroscope" in listed and "mindvideo-context" not in listed
    assert "mindvideo-context" in brainflix(ROOT, "list", "parts")
    assert "reconstruct.video" in brainflix(copy, "run", "demo", "--dry-run", "--store", "store")


ADDED = {
    "target": (
        "brainflix/targets/half.py",
        "from brainflix.targets.frames import extract as half\n",
        ("brainflix/targets/parts.py", "targets"),
        '"half": Part("brainflix.targets.half:half", FramesParams, "a test", needs=("stimuli",)),',
        "targets.x={part: half}",
        "targets.x",
    ),
    "aligner": (
        "brainflix/align/still.py",
        "from brainflix.align.aligners import identity as still\n",
        ("brainflix/align/parts.py", "align"),
        '"still": _aligner("brainflix.align.still:still", AlignParams, "a test"),',
        "align.x={part: still}",
        "align.x:fit",
    ),
    "regressor": (
        "brainflix/regress/other.py",
        "from brainflix.regress.regressors import ridge as other\n",
        ("brainflix/regress/parts.py", "regress"),
        '"other": Part("brainflix.regress.other:other", RidgeParams, "a test", needs=("rows", "test", "target")),',
        "regress.x={part: other, inputs: {rows: align.group, test: align.group, target: targets.z}}",
        "regress.x sub-1",
    ),
}
METRIC = '''"""A metric of a test: the mean absolute difference of pixels, from 0 to 255."""

import numpy as np

from brainflix.evaluate.metric import ClipMetric


def gap(params, inputs, work):
    return {"gap": ClipMetric(lambda truth, prediction: np.abs(truth.frames - 1.0 * prediction.frames).mean((1, 2, 3)))}
'''


def test_a_metric_is_one_file_and_one_block(copy: Path) -> None:
    (copy / "brainflix/evaluate/metrics/gap.py").write_text(METRIC)
    lines = '{"LINES": {"gap": About(about="mean difference of pixels", higher_is_better=False)}}'
    block = f'"gap": _metric("gap:gap", type("GapParams", (MetricParams,), {lines}), "a test"),'
    add_block(copy, "brainflix/evaluate/parts.py", "metric", block)
    assert "gap" in brainflix(copy, "list", "parts", "metric")
    clips = np.zeros((4, 3, 16, 16, 3), np.uint8)
    for name, value in (("shown", 0), ("decoded", 7)):
        (copy / name).mkdir()
        for number, clip in enumerate(clips + value):
            np.save(copy / name / f"c{number}.npy", clip.astype(np.uint8))
    said = brainflix(copy, "score", "--pred", "decoded", "--truth", "shown", "--metrics", "gap", "--json")
    assert json.loads(said)["scores"]["gap"]["value"] == 7


@pytest.mark.parametrize("kind", ADDED)
def test_a_part_is_one_file_and_one_block(copy: Path, kind: str) -> None:
    file, code, table, block, change, job = ADDED[kind]
    (copy / file).write_text(code)
    add_block(copy, *table, block)
    assert job in brainflix(copy, "run", "demo", "--set", change, "--dry-run", "--store", "store")


def test_a_data_set_is_one_folder_one_line_and_one_recipe(copy: Path) -> None:
    folder = copy / "brainflix/datasets/films"
    shutil.copytree(copy / "brainflix/datasets/demo", folder)
    for path in folder.glob("*.py"):
        path.write_text(path.read_text().replace("datasets.demo", "datasets.films").replace('"demo"', '"films"'))
    table = copy / "brainflix/datasets/parts.py"
    table.write_text(table.read_text().replace('    "demo",\n', '    "demo",\n    "films",\n'))
    recipe = (copy / "recipes/demo.yaml").read_text().replace("recipe: demo", "recipe: films")
    (copy / "recipes/datasets/films.yaml").write_text(recipe.replace("name: demo", "name: films"))
    assert "raw/films-sub-1" in brainflix(copy, "run", "films", "--dry-run", "--store", "store")
    assert "films" in brainflix(copy, "list", "datasets")


def test_a_paper_is_one_folder_one_recipe_with_its_card_and_one_page(copy: Path) -> None:
    folder = copy / "brainflix/methods/thispaper"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "predict.py").write_text("from brainflix.regress.regressors import ridge as predict\n")
    (folder / "parts.py").write_text(
        "from brainflix.parts.part import Part\n"
        "from brainflix.regress.parts import RidgeParams\n"
        'ROLES = ("rows", "test", "target")\n'
        'PART = Part("brainflix.methods.thispaper.predict:predict", RidgeParams, "a test", needs=ROLES)\n'
        'PARTS = {"regress": {"thispaper": PART}}\n'
    )
    recipe = (copy / "recipes/demo.yaml").read_text().replace("recipe: demo", "recipe: thispaper-demo")
    changed = recipe.replace("z:    {part: ridge", "z:    {part: thispaper")
    assert changed != recipe
    (copy / "recipes/papers/thispaper-demo.yaml").write_text(changed)
    assert "regress.z sub-1" in brainflix(copy, "run", "thispaper-demo", "--dry-run", "--store", "store")
    # What ships has its card and its page.
    for path in (ROOT / "recipes/papers").glob("*.yaml"):
        assert path.with_suffix(".md").is_file(), path
    for path in (ROOT / "brainflix/methods").iterdir():
        if (path / "parts.py").is_file():
            assert (ROOT / "docs/methods" / f"{path.name.replace('_', '-')}.md").is_file(), path
            assert (path / "README.md").is_file(), path
