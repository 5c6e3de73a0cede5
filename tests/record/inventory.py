"""The inventory of tests: the name of every test function, wherever it stands.

python -m tests.record.inventory    # add the tests that are new to the record; those that went stay in it
"""

from __future__ import annotations

import ast
from pathlib import Path

RECORD = Path(__file__).with_name("tests.txt")
TESTS = Path(__file__).parents[1]


def standing() -> set[str]:
    """Return the names of all test functions that stand in the suite."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in TESTS.rglob("test_*.py")]
    functions = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return {function.name for function in functions if function.name.startswith("test_")}


def main() -> None:
    """Write the record."""
    known = set(RECORD.read_text().split()) if RECORD.is_file() else set()
    RECORD.write_text("\n".join(sorted(known | standing())) + "\n")


if __name__ == "__main__":
    main()
