"""Nested containers of arrays and plain values as a folder: one JSON document, and one .npy file for each array."""

from __future__ import annotations

import json
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np

from brainflix.scratch import write_npy

DOCUMENT = "document.json"


def write_plain(value: Any, folder: Path) -> None:
    """Write a value.

    Raises:
        TypeError: it holds something that is neither container, array nor plain value.
        RecursionError: it is nested too deeply, or holds itself.
    """
    arrays: list[np.ndarray] = []
    document = json.dumps(_encode(value, arrays))
    for number, array in enumerate(arrays):
        with (folder / f"{number}.npy").open("wb") as file:
            write_npy(file, array)
    (folder / DOCUMENT).write_text(document, encoding="utf-8")


def read_plain(folder: Path) -> Any:
    """Read a value back; arrays are memory maps, which stay valid when the folder is deleted (but not on Windows)."""
    return _decode(json.loads((folder / DOCUMENT).read_text(encoding="utf-8")), folder)


def _encode(value: Any, arrays: list[np.ndarray]) -> Any:
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, np.ndarray):
        return _encode_array(value, arrays)
    if isinstance(value, np.generic):
        return _encode(value.item(), arrays)
    if isinstance(value, (int, float)):
        return {"n": repr(value), "kind": type(value).__name__}
    if isinstance(value, complex):
        return {"n": [value.real, value.imag], "kind": "complex"}
    if isinstance(value, (bytes, bytearray)):
        return {"n": bytes(value).decode("latin-1"), "kind": "bytes"}
    if isinstance(value, (dict, OrderedDict)):
        return {"d": [[_encode(key, arrays), _encode(each, arrays)] for key, each in value.items()]}
    for kind, sign in ((list, "l"), (tuple, "t"), (set, "s"), (frozenset, "f")):
        if isinstance(value, kind):
            return {sign: [_encode(each, arrays) for each in value]}
    raise TypeError(f"a value of type {type(value).__name__}")


def _encode_array(array: np.ndarray, arrays: list[np.ndarray]) -> Any:
    if array.dtype.kind == "O" and not array.dtype.hasobject:
        raise TypeError("an array of a forged type")
    if array.dtype.hasobject:
        # An array of Python values is only a nested list; one without axes is the value itself.
        return _encode(array.tolist(), arrays)
    # A pickle sets a type's inner state by itself; one that differs from its own name is forged.
    if array.dtype.names is None and array.dtype != np.dtype(array.dtype.str):
        raise TypeError(f"an array of a forged type {array.dtype.str}")
    arrays.append(array)
    return {"a": len(arrays) - 1}


def _decode(value: Any, folder: Path) -> Any:
    if not isinstance(value, dict):
        return value
    if "kind" in value:
        kinds: dict[str, Any] = {"int": int, "float": float, "bytes": lambda text: text.encode("latin-1")}
        return complex(*value["n"]) if value["kind"] == "complex" else kinds[value["kind"]](value["n"])
    if "a" in value:
        return np.load(folder / f"{int(value['a'])}.npy", mmap_mode="r", allow_pickle=False)
    if "d" in value:
        return {_decode(key, folder): _decode(each, folder) for key, each in value["d"]}
    sign, items = next(iter(value.items()))
    made: Any = {"l": list, "t": tuple, "s": set, "f": frozenset}[sign]
    return made(_decode(each, folder) for each in items)
