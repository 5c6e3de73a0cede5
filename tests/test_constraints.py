"""The pins hold every package that an install brings, so that two machines install the same."""

import re
from importlib.metadata import distributions
from pathlib import Path

from packaging.requirements import Requirement

PINS = Path(__file__).resolve().parents[1] / "constraints.txt"
# Their wheels follow torch's build, and setuptools is the virtual environment's own on Python 3.11.
UNPINNED = re.compile(r"nvidia-|cuda-|triton|torchvision|lpips|xformers|brainflix|setuptools")


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _needed(extras: frozenset[str]) -> set[str]:
    """Return the installed packages that brainflix needs with these extras, and what those need."""
    installed = {_plain(each.name): each for each in distributions()}
    todo, seen = [("brainflix", extras)], set()
    while todo:
        name, wanted = todo.pop()
        if (name, wanted) in seen or name not in installed:
            continue
        seen.add((name, wanted))
        for line in installed[name].requires or []:
            need = Requirement(line)
            if need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in wanted or {""}):
                todo.append((_plain(need.name), frozenset(need.extras)))
    return {name for name, _ in seen}


def test_every_package_is_pinned_once_and_for_any_index():
    lines = [line for line in PINS.read_text().splitlines() if line and not line.startswith("#")]
    pins = [Requirement(line) for line in lines]
    names = [_plain(pin.name) for pin in pins]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"==[\w.]+", str(pin.specifier)) and pin.marker is None for pin in pins)
    # The Makefile takes torch's own line by this pattern.
    assert [line for line in lines if line.startswith("torch==")] == ["torch==2.13.0"]
    missing = {name for name in _needed(frozenset({"dev"})) - set(names) if not UNPINNED.match(name)}
    assert not missing
