"""What an evaluation has computed so far, so that a stopped one goes on: values under the choices that decide them.

Where it waits belongs to one job on the very bytes of its inputs (docs/store.md, What waits). A name says what else
decides a value: the line, the sets, the clips, the pins of the weights that are here. Scoring folders keeps nothing.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

# Calls of a network whose results are written together.
CALLS = 256
_PLAIN = "plain"


class Shelf(Protocol):
    """Bytes by name, as `store.kept.KeptFiles` keeps them."""

    def has(self, name: str) -> bool:
        """Tell whether there is something under the name."""
        ...

    def get(self, name: str) -> bytes | None:
        """Return it, None if it is not there or not whole."""
        ...

    def put(self, name: str, body: bytes) -> None:
        """Keep it."""
        ...


@dataclass(frozen=True)
class Kept:
    """Values by what decides them; without a shelf nothing is kept.

    Values are records of the types in `of`, mappings with names for keys, tuples, lists, arrays, numbers and text.
    """

    shelf: Shelf | None = None

    def has(self, *what: object) -> bool:
        """Tell whether there may be a value."""
        return self.shelf is not None and self.shelf.has(_name(what))

    def get(self, *what: object, of: tuple[type, ...] = ()) -> Any:
        """Return the value that these choices decide; None if it is not there."""
        body = None if self.shelf is None else self.shelf.get(_name(what))
        if body is None:
            return None
        try:
            return _unpack(body, {each.__name__: each for each in of})
        except (KeyError, TypeError, ValueError):
            # Written by another version, whose records have other fields: it is computed again.
            return None

    def put(self, value: object, *what: object) -> None:
        """Keep a value."""
        if self.shelf is not None:
            self.shelf.put(_name(what), _pack(value))

    def remembering(
        self, compute: Callable[..., NDArray[Any]], *what: object, calls: int = CALLS
    ) -> Callable[..., NDArray[Any]]:
        """Return a function of arrays that looks its results up, in the order of the calls of a run that was stopped.

        Args:
            compute: gives an array, of one shape and type for all calls.
            what: what decides its results beside its arguments.
            calls: how many results are written together.
        """
        return compute if self.shelf is None else _Remembering(self, compute, what, calls)


class _Remembering:
    """See `Kept.remembering`; each result stands beside the digest of the arguments that it is of."""

    def __init__(self, kept: Kept, compute: Callable[..., NDArray[Any]], what: tuple[object, ...], calls: int) -> None:
        self._kept, self._compute, self._what, self._calls = kept, compute, what, calls
        self._count = 0
        self._known: dict[str, NDArray[Any]] = {}
        self._block: dict[str, NDArray[Any]] = {}

    def __call__(self, *arrays: NDArray[Any]) -> NDArray[Any]:
        number, place = divmod(self._count, self._calls)
        if not place:
            self._known = self._kept.get(*self._what, "calls", number) or {}
        self._count += 1
        asked = _digest_of(arrays)
        found = self._known.get(asked)
        self._block[asked] = self._compute(*arrays) if found is None else found
        result = self._block[asked]
        if self._count % self._calls == 0:
            if self._block.keys() != self._known.keys():
                self._kept.put(self._block, *self._what, "calls", number)
            self._block = {}
        return result


def _digest_of(arrays: tuple[NDArray[Any], ...]) -> str:
    digest = hashlib.sha256()
    for each in arrays:
        digest.update(repr((str(each.dtype), each.shape)).encode())
        digest.update(np.ascontiguousarray(each).data)
    return digest.hexdigest()


def _name(what: tuple[object, ...]) -> str:
    return json.dumps(what, sort_keys=True)


def _pack(value: object) -> bytes:
    arrays: list[NDArray[Any]] = []
    text = json.dumps(_plain(value, arrays))
    out = io.BytesIO()
    tables: dict[str, Any] = {_PLAIN: np.frombuffer(text.encode(), np.uint8)}
    tables |= {str(number): each for number, each in enumerate(arrays)}
    np.savez(out, **tables)
    return out.getvalue()


def _unpack(body: bytes, records: Mapping[str, type]) -> Any:
    with np.load(io.BytesIO(body), allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    return _value(json.loads(arrays.pop(_PLAIN).tobytes()), arrays, records)


def _plain(value: object, arrays: list[NDArray[Any]]) -> Any:
    """Return a value as JSON, its arrays by number."""
    if isinstance(value, np.ndarray):
        arrays.append(value)
        return {"array": str(len(arrays) - 1)}
    if is_dataclass(value) and not isinstance(value, type):
        own = {each.name: _plain(getattr(value, each.name), arrays) for each in fields(value) if each.init}
        return {"record": type(value).__name__, "fields": own}
    if isinstance(value, Mapping):
        return {"mapping": [[str(name), _plain(each, arrays)] for name, each in value.items()]}
    if isinstance(value, (tuple, list)):
        return {type(value).__name__: [_plain(each, arrays) for each in value]}
    return value.item() if isinstance(value, np.generic) else value


def _value(plain: Any, arrays: Mapping[str, NDArray[Any]], records: Mapping[str, type]) -> Any:
    """Return what `_plain` made JSON of."""
    if not isinstance(plain, dict):
        return plain
    if "array" in plain:
        return arrays[plain["array"]]
    if "record" in plain:
        own = {name: _value(each, arrays, records) for name, each in plain["fields"].items()}
        return records[plain["record"]](**own)
    if "mapping" in plain:
        return {name: _value(each, arrays, records) for name, each in plain["mapping"]}
    [(kind, items)] = plain.items()
    found = [_value(each, arrays, records) for each in items]
    return tuple(found) if kind == "tuple" else found
