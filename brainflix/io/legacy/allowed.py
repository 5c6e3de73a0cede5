"""An unpickler that knows numbers, texts, containers and arrays, and nothing that could act.

A pickle is a program: it may name any function and call it. Here a name that is not on the list ends the reading before
anything was called.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from typing import IO, Any

import numpy as np
from numpy._core import multiarray, numeric


class NotAllowedError(pickle.UnpicklingError):
    """The pickle names something that is not on the list."""


def _encode(text: str, encoding: str) -> bytes:
    # Python 2 and protocol 2 write the bytes of an array as latin-1 text.
    if encoding not in ("latin1", "latin-1"):
        raise NotAllowedError(f"_codecs.encode with {encoding!r}")
    return text.encode("latin-1")


_CONTAINERS = {each.__name__: each for each in (set, frozenset, complex, bytes, bytearray)}
_MULTIARRAY = {"_reconstruct": multiarray._reconstruct, "scalar": multiarray.scalar}
#: Module -> name -> what it stands for. Modules of numpy 1 and 2, and of Python 2, are the same thing.
ALLOWED: dict[str, dict[str, Any]] = {
    "numpy": {"ndarray": np.ndarray, "dtype": np.dtype},
    "numpy.core.multiarray": _MULTIARRAY,
    "numpy._core.multiarray": _MULTIARRAY,
    "numpy.core.numeric": {"_frombuffer": numeric._frombuffer},  # type: ignore[attr-defined]
    "numpy._core.numeric": {"_frombuffer": numeric._frombuffer},  # type: ignore[attr-defined]
    "collections": {"OrderedDict": OrderedDict},
    "builtins": _CONTAINERS,
    "__builtin__": _CONTAINERS,
    "_codecs": {"encode": _encode},
}


class AllowListUnpickler(pickle.Unpickler):
    """Reads what is on the list; strings of Python 2 are taken as latin-1."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file, encoding="latin1")

    def find_class(self, module: str, name: str) -> Any:
        """Return what a name stands for.

        Raises:
            NotAllowedError: it is not on the list.
        """
        try:
            return ALLOWED[module][name]
        except KeyError:
            raise NotAllowedError(f"{module}.{name}") from None

    def persistent_load(self, pid: Any) -> Any:
        """Refuse references to somewhere else.

        Raises:
            NotAllowedError: always.
        """
        raise NotAllowedError("a reference to something outside the file")
