"""Packages that only some metrics need, imported when one is asked for."""

from __future__ import annotations

import importlib
from typing import Any

from brainflix.errors import MissingError

INSTALL = "pip install torchvision lpips"


def import_package(name: str) -> Any:
    """Import torchvision or lpips, or a module of theirs.

    Raises:
        MissingError: it is not installed, or does not go with the torch that is (torchvision then raises RuntimeError).
    """
    try:
        return importlib.import_module(name)
    except (ImportError, OSError, RuntimeError) as error:
        raise MissingError(f"{name.partition('.')[0]} missing", why=str(error), next=INSTALL) from error
