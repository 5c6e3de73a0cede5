"""The lines that the pages show run, their links lead somewhere, and their tables are the committed numbers."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import brainflix

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "recipes").rglob("*.md"))]
PAGES += [ROOT / ".github/CONTRIBUTING.md"]
TINY = ROOT / "tests/recipes/tiny.yaml"
BLOCK = re.compile(r"(?P<mark><!-- not run: [^>]+ -->\n)?```(?P<kind>sh|python)\n(?P<code>.*?)```", re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\((?!https?:)(?P<path>[^)#]*)(?P<anchor>#[^)]*)?\)")


def blocks(kind: str) -> list[tuple[str, list[str]]]:
    """Return each page's blocks of a kind that are to be run, in order."""
    found = []
    for page in PAGES:
        codes = [each["code"] for each in BLOCK.finditer(page.read_text()) if each["kind"] == kind and not each["mark"]]
        if codes:
            found.append((str(page.relative_to(ROOT)), codes))
    return found


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small store, and with videos that were shown and decoded."""
    place = tmp_path_factory.mktemp("docs")
    run(["run", str(TINY), "-q"], place)
    clips = np.random.default_rng(0).integers(0, 255, (6, 6, 32, 32, 3), dtype=np.uint8)
    for name in ("shown", "decoded"):
        (place / name).mkdir()
        for number, clip in enumerate(clips):
            np.save(place / name / f"clip{number}.npy", clip if name == "shown" else clip[::-1])
    return place


def environment() -> dict[str, str]:
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "120"}


def run(arguments: list[str], place: Path) -> None:
    command = [sys.executable, "-m", "brainflix", *arguments]
    subprocess.run(command, cwd=place, check=True, capture_output=True, env=environment())


@pytest.mark.parametrize(("page", "codes"), blocks("sh"), ids=[page for page, _ in blocks("sh")])
def test_shell_lines_run(world: Path, tmp_path: Path, page: str, codes: list[str]) -> None:
    shutil.copytree(world, tmp_path / "here")
    # The targets of the Makefile are run by themselves; here they only have to be there.
    targets = re.findall(r"^make ([\w-]+)", "\n".join(codes), re.MULTILINE)
    known = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(targets) <= set(known)
    # The small store's recipe has one step of reconstruct, which therefore has no name.
    code = re.sub(r"^make .*$", "", "\n".join(codes), flags=re.MULTILINE).replace("demo-sub-1-video", "demo-sub-1")
    done = subprocess.run(
        ["bash", "-euo", "pipefail"],
        input=code,
        text=True,
        capture_output=True,
        cwd=tmp_path / "here",
        env=environment(),
    )
    assert done.returncode == 0, f"{page}: {done.stderr[-2000:]}"


@pytest.mark.parametrize(("page", "codes"), blocks("python"), ids=[page for page, _ in blocks("python")])
def test_python_lines_run(world: Path, tmp_path: Path, page: str, codes: list[str]) -> None:
    place = tmp_path if page == "docs/python.md" else shutil.copytree(world, tmp_path / "here")
    # A page's first block may be a module that its later ones import.
    (place / "brainflix_neighbours.py").write_text(codes[0])
    code = "\n".join(codes).replace("from __future__ import annotations\n", "").replace("-sub-1-video", "-sub-1")
    done = subprocess.run(
        [sys.executable, "-"], input=code, text=True, capture_output=True, cwd=place, env=environment()
    )
    assert done.returncode == 0, f"{page}: {done.stderr[-2000:]}"


def test_the_package_of_the_page_on_plug_ins_runs(tmp_path: Path) -> None:
    """The page's own files, installed by hand: a module, its entry point, and a recipe that names the part."""
    page = (ROOT / "docs/plug-ins.md").read_text()
    found = {kind: re.findall(rf"```{kind}\n(.*?)```", page, re.DOTALL) for kind in ("python", "yaml", "toml")}
    (tmp_path / "brainflix_neighbours.py").write_text(found["python"][0])
    (tmp_path / "neighbours.yaml").write_text(found["yaml"][0])
    project = tomllib.loads(found["toml"][0])["project"]
    info = tmp_path / f"brainflix_neighbours-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    entries = project["entry-points"]["brainflix.parts"]
    lines = [f"{name} = {value}" for name, value in entries.items()]
    (info / "entry_points.txt").write_text("\n".join(["[brainflix.parts]", *lines]) + "\n")
    command = [sys.executable, "-m", "brainflix", "run", "neighbours.yaml", "--only", "regress", "-q"]
    paths = os.pathsep.join([str(tmp_path), str(ROOT)])
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, env={**environment(), "PYTHONPATH": paths}
    )
    assert done.returncode == 0, done.stderr
    manifest = brainflix.load(done.stdout.strip(), tmp_path / "store").manifest
    assert (
        manifest.parameters["part"] == "neighbours" and manifest.parameters["package"] == "brainflix-neighbours 0.1.0"
    )


def test_the_metric_of_the_page_on_plug_ins_scores(world: Path, tmp_path: Path) -> None:
    page = (ROOT / "docs/plug-ins.md").read_text()
    code = re.findall(r"```python\n(.*?)```", page[page.index("## A metric") :], re.DOTALL)[0]
    (tmp_path / "your_module.py").write_text(code)
    (tmp_path / "gap-1.0.dist-info").mkdir()
    (tmp_path / "gap-1.0.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: gap\nVersion: 1.0\n")
    (tmp_path / "gap-1.0.dist-info/entry_points.txt").write_text("[brainflix.parts]\nmetric:gap = your_module:gap\n")
    sides = ["--pred", str(world / "decoded"), "--truth", str(world / "shown")]
    done = subprocess.run(
        [sys.executable, "-m", "brainflix", "score", *sides, "--metrics", "gap", "--json"],
        capture_output=True,
        text=True,
        check=True,
        env={**environment(), "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])},
    )
    clips = [[np.load(world / name / f"clip{n}.npy") for n in range(6)] for name in ("shown", "decoded")]
    expected = np.mean([np.abs(a - 1.0 * b).mean() for a, b in zip(*clips, strict=True)])
    assert json.loads(done.stdout)["scores"]["gap"]["value"] == pytest.approx(expected)


def test_links_lead_somewhere() -> None:
    for page in PAGES:
        for link in LINK.finditer(re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)):
            target = (page.parent / link["path"]).resolve() if link["path"] else page
            assert target.exists(), f"{page.name}: {link[0]}"
            if link["anchor"]:
                assert link["anchor"][1:] in anchors(target), f"{page.name}: {link[0]}"


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as they are made where pages are shown."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_page_that_the_code_cites_has_the_heading() -> None:
    for path in [*ROOT.joinpath("brainflix").rglob("*.py"), *ROOT.joinpath("tests").rglob("*.py")]:
        text = re.sub(r"\s*\n\s*#?\s*", " ", path.read_text(encoding="utf-8"))
        for name, heading in re.findall(r"(docs/[\w/-]+\.md), ([A-Z][^).;:,]*)", text):
            titles = re.findall(r"^#+ (.+)$", (ROOT / name).read_text(), re.MULTILINE)
            assert any(heading.startswith(title) for title in titles), f"{path.name}: {name}, {heading}"


def test_the_readme_fits_a_first_look() -> None:
    lines = (ROOT / "README.md").read_text().splitlines()
    assert len(lines) <= 120 and max(map(len, lines)) <= 140
    assert (ROOT / "assets/demo.gif").stat().st_size < 2_000_000


def test_tables_are_the_committed_numbers() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.results", "--check"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
