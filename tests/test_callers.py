"""Nothing public is there for tests alone: what a file of the package defines is used in the package."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = (*ROOT.glob("brainflix/**/*.html"), *ROOT.glob("recipes/**/*.yaml"), ROOT / "pyproject.toml", ROOT / "Makefile")
# Who calls it where nobody in the package does, by a pattern of `module:name`.
CALLED_FROM_OUTSIDE = {
    "brainflix.testing.*:*": "tests, also those of other packages",
    "brainflix.datasets.*miniature:make*": "tests: a data set's files in small",
    "brainflix.io.bids:read_events": "what will read own data",
    "brainflix.io.gifti:*": "what will read own data",
    "brainflix.io.maps:*": "what will read own data",
    "brainflix.io.nifti:*": "what will read own data",
}


def trees_of(package: Path) -> dict[str, ast.Module]:
    """Return the syntax tree of every module below a package, by the module's name."""
    files = {path: path.relative_to(package.parent).with_suffix("") for path in package.rglob("*.py")}
    names = {path: ".".join(place.parts).removesuffix(".__init__") for path, place in files.items()}
    return {names[path]: ast.parse(path.read_text(encoding="utf-8")) for path in files}


def used_in(node: ast.AST) -> Iterator[str]:
    """Yield what a file uses, itself or of other modules: `name`, `.attribute`, `module:name`."""
    for each in ast.walk(node):
        if isinstance(each, ast.ImportFrom):
            yield from (f"{each.module}:{alias.name}" for alias in each.names)
        elif isinstance(each, ast.Attribute):
            yield f".{each.attr}"
        elif isinstance(each, ast.Name):
            yield each.id
        elif isinstance(each, ast.Constant) and re.fullmatch(r"[\w.]+:\w+", str(each.value)):
            yield f".{str(each.value).partition(':')[2]}"


def without_caller(trees: dict[str, ast.Module], texts: str) -> list[str]:
    """Return `module:name` of each public function and class that neither modules nor other texts use."""
    uses = {name: [(node, set(used_in(node))) for node in tree.body] for name, tree in trees.items()}
    anywhere = {use for nodes in uses.values() for _, some in nodes for use in some if use[0] == "." or ":" in use}
    anywhere |= {f".{word}" for word in re.findall(r"\w+", texts)}
    lonely = []
    for module, nodes in uses.items():
        for node in (node for node, _ in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)):
            beside = any(node.name in some for other, some in nodes if other is not node)
            elsewhere = {f".{node.name}", f"{module}:{node.name}"} & anywhere
            if not (beside or elsewhere or node.name.startswith("_")):
                lonely.append(f"{module}:{node.name}")
    return sorted(lonely)


def test_every_public_function_and_class_has_a_caller_outside_tests() -> None:
    found = without_caller(trees_of(ROOT / "brainflix"), "\n".join(place.read_text() for place in PAGES))
    assert not [name for name in found if not any(fnmatch(name, each) for each in CALLED_FROM_OUTSIDE)]
    assert not [each for each in CALLED_FROM_OUTSIDE if not any(fnmatch(name, each) for name in found)], "not needed"


def test_a_function_that_only_calls_itself_has_no_caller() -> None:
    source = "def lonely():\n    '''lonely'''\n    lonely()\ndef used(): ...\ndef _own(): used()\nclass Named: ..."
    trees = {"p.a": ast.parse(source), "p.b": ast.parse("from p.c import lonely\nPART = 'p.a:Named'")}
    assert without_caller(trees, "") == ["p.a:lonely"]
    assert without_caller(trees, "{{ page.lonely }}") == []
