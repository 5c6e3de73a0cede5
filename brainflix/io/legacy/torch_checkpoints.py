"""PyTorch's checkpoints that hold a settings object beside the tensors: its class is never looked for, nor called."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from brainflix.errors import IntegrityError
from brainflix.io.fetch.annex import require_content
from brainflix.io.legacy.allowed import NotAllowedError
from brainflix.io.legacy.torch_reading import check_archive, check_tensor, load_tensors

# Of the standard library only these hold settings; whatever else of it a file names could act.
_NAMESPACES = ("argparse.Namespace", "types.SimpleNamespace")
_LIBRARIES = frozenset({"torch", "numpy"}) | sys.stdlib_module_names
_PLAIN = (str, int, float, bool, complex, bytes, type(None))


class _Uncallable(type):
    """The class of stand-ins: an object of one can be made and given attributes, but no one can be called."""

    def __call__(cls, *arguments: Any, **named: Any) -> Any:
        raise NotAllowedError(cls.__name__)


def load_checkpoint(path: Path) -> Any:
    """Read tensors, containers and plain values; an object of an unknown class becomes a namespace of its attributes.

    Tensors are memory maps where the file allows it.

    Raises:
        MissingError: no such file.
        IntegrityError: it is damaged, or names something that could act; nothing of it was run.
    """
    import torch

    require_content(path)
    try:
        check_archive(path)
        stand_ins = [(_Uncallable(name, (), {}), name) for name in _unknown_names(path)]
        with torch.serialization.safe_globals(list(stand_ins)):
            return _plain(load_tensors(path), torch, {})
    except IntegrityError:
        raise
    except Exception as error:
        # Opcodes that do not fit together fail in any way.
        called = _refused(error)
        if called:
            raise _acts(path.name, called) from error
        raise IntegrityError(
            f"{path.name} is not a readable checkpoint", why=_reason(error), next="fetch the file again"
        ) from error


def _unknown_names(path: Path) -> list[str]:
    """Return the names that PyTorch does not know and that may be classes of settings; found without running any.

    Raises:
        IntegrityError: one is of a library that no settings come from.
    """
    import torch

    try:
        names = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except ValueError:
        # Files from before 2020 are no zip archives; they are read by their tensors alone.
        return []
    for name in names:
        if name.partition(".")[0] in _LIBRARIES and name not in _NAMESPACES:
            raise _acts(path.name, name)
    return sorted(names)


def _reason(error: Exception) -> str:
    """Return the first sentence of an error, of PyTorch's long ones what its reader of weights stumbled over."""
    told = str(error).partition("WeightsUnpickler error:")
    first = (told[2] or told[0]).strip().splitlines()
    return first[0].partition(". ")[0] if first else type(error).__name__


def _plain(value: Any, torch: Any, made: dict[int, Any]) -> Any:
    """Turn what was read into tensors, containers and plain values; what is named twice is made once."""
    if isinstance(value, torch.Tensor):
        check_tensor(value, "a tensor")
        return value.detach()
    if isinstance(value, (*_PLAIN, torch.dtype, torch.device)):
        return value
    if id(value) not in made:
        made[id(value)] = _container(value, torch, made)
    return made[id(value)]


def _container(value: Any, torch: Any, made: dict[int, Any]) -> Any:
    if isinstance(type(value), _Uncallable):
        return SimpleNamespace(**{str(name): _plain(each, torch, made) for name, each in vars(value).items()})
    if isinstance(value, Mapping):
        return {key: _plain(each, torch, made) for key, each in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(each, torch, made) for each in value]
    raise ValueError(f"it holds a value of type {type(value).__name__}")


def _refused(error: BaseException | None) -> str:
    """Return the name that a file wanted to call, "" for none; PyTorch wraps what stopped it."""
    while error is not None:
        if isinstance(error, NotAllowedError):
            return str(error)
        error = error.__cause__ or error.__context__
    return ""


def _acts(file: str, name: str) -> IntegrityError:
    return IntegrityError(
        f"{file} holds a call to {name}, which no weights need",
        why="nothing was run",
        next="do not open it with other tools; fetch it again from its source",
    )
