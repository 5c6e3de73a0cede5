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
        package = name.partition(".")[0]
        if isinstance(error, ModuleNotFoundError) and error.name == package:
            raise MissingError(f"{package} is not installed", next=INSTALL) from error
        # torchvision beside a torch that it was not built for fails in ways of its own: the reason is what helps.
        why = " ".join(str(error).split()) or type(error).__name__
        raise MissingError(f"{package} is installed and cannot be loaded", why=why, next=INSTALL) from error
