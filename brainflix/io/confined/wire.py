"""What a confined process says: a line of JSON for each value, and the bytes of an array after its line."""

from __future__ import annotations

import json
import math
import os
import select
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Any

import numpy as np

_LINE_BYTES = 64 << 20
_KINDS = "biufc"


@dataclass(frozen=True)
class Pieces:
    """An array of numbers that is sent piece by piece, so that it need not be in memory whole."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    pieces: Iterable[np.ndarray[Any, Any]]


def send(out: IO[bytes], value: Any) -> None:
    """Send a value that JSON has, or an array in pieces."""
    if not isinstance(value, Pieces):
        out.write(json.dumps({"value": value}).encode() + b"\n")
        return
    out.write(json.dumps({"shape": value.shape, "dtype": value.dtype.str}).encode() + b"\n")
    for piece in value.pieces:
        out.write(np.ascontiguousarray(piece).reshape(-1).view(np.uint8).data)


def send_end(out: IO[bytes]) -> None:
    """Say that nothing follows."""
    out.write(b'{"end": true}\n')
    out.flush()


def received(descriptor: int, wait_s: float) -> Iterator[Any]:
    """Yield what is sent to a pipe until its end.

    Raises:
        TimeoutError: nothing came for `wait_s` seconds.
        EOFError: the other side ended before it said so.
        ValueError: what came is not what `send` sends.
    """
    source = _Source(descriptor, wait_s)
    while "end" not in (said := json.loads(source.line())):
        if "value" in said:
            yield said["value"]
            continue
        dtype = np.dtype(str(said["dtype"]))
        if dtype.kind not in _KINDS or min(said["shape"], default=0) < 0:
            raise ValueError(f"an array of {dtype}")
        array = np.empty(math.prod(said["shape"]), dtype)
        source.fill(array.view(np.uint8).data)
        yield array.reshape(said["shape"])


class _Source:
    def __init__(self, descriptor: int, wait_s: float) -> None:
        self.descriptor, self.wait_s, self.kept = descriptor, wait_s, bytearray()
        # select(2) knows no descriptor above 1023.
        self.poll = select.poll()
        self.poll.register(descriptor, select.POLLIN)

    def line(self) -> bytes:
        while (end := self.kept.find(b"\n")) < 0:
            if len(self.kept) > _LINE_BYTES:
                raise ValueError("a line without end")
            self.kept += self._some(1 << 16)
        line = bytes(self.kept[:end])
        del self.kept[: end + 1]
        return line

    def fill(self, view: memoryview) -> None:
        done = min(len(view), len(self.kept))
        view[:done] = self.kept[:done]
        del self.kept[:done]
        while done < len(view):
            self._wait()
            count = os.readv(self.descriptor, [view[done:]])
            if not count:
                raise EOFError
            done += count

    def _some(self, most: int) -> bytes:
        self._wait()
        found = os.read(self.descriptor, most)
        if not found:
            raise EOFError
        return found

    def _wait(self) -> None:
        if not self.poll.poll(self.wait_s * 1000):
            raise TimeoutError
