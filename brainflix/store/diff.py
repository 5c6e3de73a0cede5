"""Diff: the first choice in which two artifacts differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from brainflix.store.keys import canonical
from brainflix.store.manifest import Manifest

ABSENT = "(absent)"
"""Stands for a parameter or an input that one side lacks."""


@dataclass(frozen=True)
class Difference:
    """Where two artifacts differ first, as `preprocess.detrend_degree`, and the value on each side."""

    path: str
    left: Any
    right: Any

    def __str__(self) -> str:
        """Return `path: left -> right`."""
        return f"{self.path}: {self.left} -> {self.right}"


def first_difference(a: Manifest | Mapping[str, Any], b: Manifest | Mapping[str, Any]) -> Difference | None:
    """Return the first difference of what enters the key: parameters, inputs by role, stage version, revision, kind.

    Args:
        a: a manifest, or a mapping with some of its fields (`stage`, `parameters`, `inputs`, …); a field that one side
            lacks is not compared.
        b: the other one.

    Returns:
        The difference, or None when everything that both sides give is equal.
    """
    left, right = _fields(a), _fields(b)
    for name in ("stage", "parameters", "inputs", "stage_version", "dataset_revision", "kind"):
        if name not in left or name not in right or (name == "stage" and left[name] == right[name]):
            continue
        root = str(left.get("stage", "")) if name == "parameters" else name
        for difference in _walk(root, left[name], right[name]):
            return difference
    return None


def _fields(side: Manifest | Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(side, Manifest):
        return {**side, **({"inputs": _texts(side["inputs"])} if "inputs" in side else {})}
    names = ("stage", "parameters", "stage_version", "dataset_revision", "kind")
    return {**{name: getattr(side, name) for name in names}, "inputs": _texts(side.inputs)}


def _texts(inputs: Mapping[str, Any]) -> dict[str, list[str]]:
    return {role: [str(ref) for ref in refs] for role, refs in inputs.items()}


def _walk(path: str, left: Any, right: Any) -> Iterator[Difference]:
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        for key in sorted({*left, *right}):
            yield from _walk(f"{path}.{key}".lstrip("."), left.get(key, ABSENT), right.get(key, ABSENT))
    elif isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        for place in range(max(len(left), len(right))):
            pair = [side[place] if place < len(side) else ABSENT for side in (left, right)]
            yield from _walk(f"{path}[{place}]", *pair)
    elif type(canonical(left)) is not type(canonical(right)) or canonical(left) != canonical(right):
        yield Difference(path, left, right)
