"""Docstrings of array functions name shapes; what moves axes in a network says which shape comes out."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "brainflix"
ARRAYS = {"ndarray", "NDArray", "Tensor"}
# An axis is a number, a letter, a count or one of these words, or a sum, difference or product of such.
WORDS = "batch|channels|clips|context_width|frames|head_dim|heads|height|patches|pool|size|size_px|tokens|width"
ATOM = rf"(?:\d+|[A-Za-z]|n_\w+|{WORDS})"
AXIS = rf"(?:\.\.\.|…|\*shape|{ATOM}(?:(?: [-+*] | ){ATOM})*)"
SHAPE = re.compile(rf"(?<!\w)\((?=[^()]*[A-Za-z]){AXIS},(?:\s+{AXIS},)*(?:\s+{AXIS})?\)")
NETWORKS = ("attention.py", "models/**/*.py", "pretrained/**/*.py", "methods/**/*.py", "reconstruct/**/*.py")
MOVES = {"reshape", "view", "permute", "transpose", "movedim", "flatten", "unflatten", "einsum", "gather"}
MOVES |= {"take_along_dim", "index_select", "expand", "repeat"}


def names_in(node: ast.AST) -> set[str]:
    """Return every word of an expression, those inside texts too."""
    return set(re.findall(r"\w+", ast.unparse(node)))


def aliases(tree: ast.Module) -> set[str]:
    """Return the names that a file gives to kinds of arrays, such as `Array = NDArray[Any]`."""
    assigned = [node for node in tree.body if isinstance(node, ast.Assign)]
    kinds = [each for each in assigned if re.match(r"([\w.]+\.)?(ndarray|NDArray|Tensor)\b", ast.unparse(each.value))]
    return {target.id for each in kinds for target in each.targets if isinstance(target, ast.Name)}


def functions(node: ast.Module | ast.ClassDef) -> Iterator[ast.FunctionDef]:
    """Yield the functions and methods of a file, but not those inside functions."""
    for each in node.body:
        if isinstance(each, ast.ClassDef):
            yield from functions(each)
        elif isinstance(each, ast.FunctionDef):
            yield each


def array_functions() -> dict[str, bool]:
    """Return for each public function that takes or returns arrays whether its docstring names a shape."""
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in PACKAGE.rglob("*.py")}
    everywhere = set().union(*map(aliases, trees.values()))
    found = {}
    for path, tree in trees.items():
        brought = {n.name for each in ast.walk(tree) if isinstance(each, ast.ImportFrom) for n in each.names}
        arrays = ARRAYS | aliases(tree) | (everywhere & brought)
        for each in functions(tree):
            taken = [node.annotation for node in ast.walk(each.args) if isinstance(node, ast.arg) and node.annotation]
            words = set().union(*map(names_in, [*taken, *filter(None, [each.returns])]))
            if not each.name.startswith("_") and words & arrays:
                place = f"{path.relative_to(PACKAGE)}:{each.lineno} {each.name}"
                found[place] = bool(SHAPE.search(ast.get_docstring(each) or ""))
    return found


def moves(source: str) -> dict[int, bool]:
    """Return for each line that moves axes whether a comment at its end, or alone above it, names a shape."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    told = {each.start[0]: each.line for each in tokens if each.type == tokenize.COMMENT and SHAPE.search(each.string)}
    alone = {number + 1 for number, line in told.items() if line.lstrip().startswith("#")}
    found: dict[int, bool] = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in MOVES:
            first, last = node.func.end_lineno or 0, node.end_lineno or 0
            is_told = first in alone or any(number in told for number in range(first, last + 1))
            found[first] = is_told and found.get(first, True)
    return found


def test_docstrings_of_array_functions_name_shapes() -> None:
    found = array_functions()
    silent = sorted(place for place, named in found.items() if not named)
    assert len(found) > 300
    assert len(silent) <= 0.35 * len(found), silent


def test_what_moves_axes_in_networks_says_the_shape() -> None:
    files = sorted({path for pattern in NETWORKS for path in PACKAGE.glob(pattern)})
    found = {f"{path.relative_to(PACKAGE)}:{n}": told for path in files for n, told in moves(path.read_text()).items()}
    assert len(found) > 30
    assert not [place for place, told in found.items() if not told]


def test_prose_is_no_shape_and_a_comment_elsewhere_does_not_count() -> None:
    assert all(map(SHAPE.search, ["(n,)", "(n_rows, n_columns)", "(B, W L, D)", "(clips * frames, 3, height, width)"]))
    assert not any(map(SHAPE.search, ["(docs/scoring.md, Clock)", "(truth, prediction)", "(0, 1)", "reshape(b, l d)"]))
    source = "y = x.reshape(b, -1)  # (B, L)\n# (B, L)\nz = y.view(-1)\nq = y.flatten()"
    assert moves(source) == {1: True, 3: True, 4: False}
    assert moves('y = x.view(n)  # flat\n# the rows\nz = "(B, L)"; w = f(z.expand(3))') == {1: False, 3: False}
