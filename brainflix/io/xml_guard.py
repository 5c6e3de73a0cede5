"""XML of CIFTI and GIFTI, looked through before anything is built of it: nothing may be declared that grows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from xml.parsers import expat

_PIECE_BYTES = 1 << 20


def look_through(
    xml: bytes, start: Callable[[str, Mapping[str, str]], None], text: Callable[[str], None] | None = None
) -> None:
    """Call `start` with the name and the attributes of each element, and `text` with pieces of text.

    Raises:
        ValueError: it declares entities, which can stand for other files and for gigabytes.
        expat.ExpatError: it is no XML.
    """
    parser = expat.ParserCreate()
    parser.EntityDeclHandler = _refuse
    parser.StartElementHandler = start
    parser.CharacterDataHandler = text
    parser.buffer_text = True
    for at in range(0, len(xml), _PIECE_BYTES):
        parser.Parse(xml[at : at + _PIECE_BYTES], False)
    parser.Parse(b"", True)


def _refuse(name: str, *_: Any) -> None:
    raise ValueError(f"it declares the entity {name!r}, which no data need")
