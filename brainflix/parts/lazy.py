"""Code by its place, `module:attribute`, imported when it is first needed."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def load(place: str) -> Any:
    """Import and return `module:attribute`."""
    module, _, attribute = place.partition(":")
    return getattr(import_module(module), attribute)
