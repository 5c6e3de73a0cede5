"""How a file is damaged: by a seeded generator, so that a finding can be made again."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

# Numbers at which readers go wrong.
_SMALL, _LARGE = (0, 1, 2, 7, 8), (2**40, 2**63 - 1, 2**64 - 1)
_NUMBERS = (*_SMALL, 127, 128, 255, 256, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, *_LARGE)
_TEXTS = (
    *(b"-1", b"0", b"1e999", b"nan", b"9" * 30, b"null", b"[]", b"{}", b'"', b"true"),
    *(b"\xff\xfe", b"../../x", b"\0"),
)
_DIGITS = re.compile(rb"\d+")
Mutation = Callable[[bytearray, random.Random, Sequence[bytes]], None]


def _flip(body: bytearray, rng: random.Random, corpus: Sequence[bytes]) -> None:
    for _ in range(rng.choice((1, 1, 2, 8))):
        body[rng.randrange(len(body))] ^= 1 << rng.randrange(8)


def _set_byte(body: bytearray, rng: random.Random, corpus: Sequence[bytes]) -> None:
    body[rng.randrange(len(body))] = rng.randrange(256)


def _truncate(body: bytearray, rng: random.Random, corpus: Sequence[bytes]) -> None:
    del body[rng.randrange(len(body)) :]


def _cut_out(body: bytearray, rng: random.Random, corpus: Sequence[bytes]) -> None:
    start = rng.randrange(len(body))
    del body[start : start + rng.choice((1, 2, 4, 16, 512))]


def _repeat(body: bytearray, rng: random.Random, corpus: Sequence[bytes]) -> None:
    start = rng.randrange(len(body))
    piece = body[start : start + rng.choice((1, 8, 64, 512))]
    body[start:start] = piece * rng.choice((1, 3, 50))


def _splice(body: bytearray, rng: random.Random, corpus: Sequence[bytes]) -> None:
    other = rng.choice(corpus)
    start, at = rng.randrange(len(other)), rng.randrange(len(body))
    piece = other[start : start + rng.choice((4, 16, 128, 2048))]
    body[at : at + (len(piece) if rng.random() < 0.5 else 0)] = piece


def _integer(body: bytearray, rng: random.Random, corpus: Sequence[bytes]) -> None:
    size = rng.choice((2, 4, 8))
    at = rng.randrange(max(1, min(len(body), rng.choice((64, 600, len(body)))) - size))
    value = rng.choice(_NUMBERS) % 2 ** (8 * size)
    body[at : at + size] = value.to_bytes(size, rng.choice(("little", "big")))


def _number(body: bytearray, rng: random.Random, corpus: Sequence[bytes]) -> None:
    """Put another number, or what is none, where one stands as text."""
    found = list(_DIGITS.finditer(body))
    if found:
        chosen = rng.choice(found)
        value = str(rng.choice(_NUMBERS)).encode() if rng.random() < 0.6 else rng.choice(_TEXTS)
        body[chosen.start() : chosen.end()] = value


def _insert_text(body: bytearray, rng: random.Random, corpus: Sequence[bytes]) -> None:
    at = rng.randrange(len(body))
    body[at:at] = rng.choice(_TEXTS)


_MUTATIONS: tuple[Mutation, ...] = (
    *(_flip, _set_byte, _truncate, _cut_out, _repeat, _splice, _integer, _integer, _number, _number, _insert_text),
)


def mutated(corpus: Sequence[bytes], rng: random.Random) -> bytes:
    """Return one of the files, damaged in one to four ways."""
    body = bytearray(rng.choice(corpus))
    for _ in range(rng.choice((1, 1, 2, 4))):
        if body:
            rng.choice(_MUTATIONS)(body, rng, corpus)
    return bytes(body)
