"""Networks and optimizer states as files: safetensors for tensors, JSON for everything else, never a pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from brainflix.errors import IntegrityError, MissingError, UsageError
from brainflix.store.artifact import artifact_in

WEIGHTS, CONFIG, HISTORY = "model.safetensors", "config.json", "history.json"


@dataclass(frozen=True)
class TrainResult:
    """A trained network: weights on the CPU, its config as JSON values, one record of losses and scores per epoch."""

    state: dict[str, Tensor]
    config: dict[str, Any]
    history: tuple[dict[str, float], ...]

    def save(self, folder: Path) -> dict[str, object]:
        """Write model.safetensors, config.json and history.json; note how many epochs there were."""
        write_tensors(folder / WEIGHTS, self.state)
        write_json(folder / CONFIG, self.config)
        write_json(folder / HISTORY, list(self.history))
        return {"epochs": len(self.history)}


def load_result(folder: Path) -> TrainResult:
    """Read what `save` of a result wrote; in an artifact's folder, each file is compared with the manifest first.

    Raises:
        MissingError: a file is absent.
        IntegrityError: a file was changed, or cannot be read.
    """
    published = artifact_in(folder)
    if published is not None:
        for name in (WEIGHTS, CONFIG, HISTORY):
            published.file(name)
    history = tuple(read_json(folder / HISTORY))
    return TrainResult(read_tensors(folder / WEIGHTS), dict(read_json(folder / CONFIG)), history)


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors by name; each gets memory of its own, which the format asks for."""
    save_file({name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}, path)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read tensors by name, on the CPU.

    Raises:
        MissingError: no such file.
        IntegrityError: not a whole safetensors file.
    """
    try:
        return dict(load_file(path))
    except FileNotFoundError as error:
        raise MissingError(f"{path} is missing") from error
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise IntegrityError(f"{path} is not a whole safetensors file", why=str(error)) from error


def write_json(path: Path, value: Any) -> None:
    """Write JSON that reads back to the same floats."""
    path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read JSON.

    Raises:
        MissingError: no such file.
        IntegrityError: not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise MissingError(f"{path} is missing") from error
    except (ValueError, RecursionError) as error:
        raise IntegrityError(f"{path} is not JSON", why=str(error)) from error


def pack(nest: Any, place: str = "") -> tuple[Any, dict[str, Tensor]]:
    """Split a nest of dicts, lists and tuples into a JSON skeleton and its tensors by place, as `state/0/exp_avg`.

    Raises:
        UsageError: a value that is neither a tensor nor one that JSON has.
    """
    if isinstance(nest, Tensor):
        return {"tensor": place}, {place: nest}
    if nest is None or isinstance(nest, bool | int | float | str):
        return nest, {}
    if isinstance(nest, Mapping):
        kind, items = "dict", list(nest.items())
    elif isinstance(nest, list | tuple):
        kind, items = type(nest).__name__, list(enumerate(nest))
    else:
        raise UsageError(
            f"{place or 'the state'} cannot be saved", why=f"{type(nest).__name__} is neither tensor nor JSON"
        )
    tensors: dict[str, Tensor] = {}
    parts = []
    for key, value in items:
        skeleton, inside = pack(value, f"{place}/{key}" if place else str(key))
        tensors |= inside
        parts.append([key, skeleton] if kind == "dict" else skeleton)
    return {kind: parts}, tensors


def unpack(skeleton: Any, tensors: Mapping[str, Tensor]) -> Any:
    """Join what `pack` split; integer keys come back as integers.

    Raises:
        IntegrityError: a tensor is missing, or the skeleton is not one of `pack`.
    """
    if not isinstance(skeleton, dict):
        return skeleton
    try:
        ((kind, parts),) = skeleton.items()
        if kind == "tensor":
            return tensors[parts]
        if kind == "dict":
            return {key: unpack(value, tensors) for key, value in parts}
        return {"list": list, "tuple": tuple}[kind](unpack(value, tensors) for value in parts)
    except (KeyError, TypeError, ValueError) as error:
        raise IntegrityError("a saved state does not fit its tensors", why=str(error)) from error
