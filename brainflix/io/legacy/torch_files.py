"""PyTorch's .pt files: tensors alone, as arrays; nothing that they may hold beside is ever run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from brainflix.errors import IntegrityError
from brainflix.io.fetch.annex import require_content
from brainflix.io.legacy.torch_reading import check_tensor, load_tensors


def load_pt(path: Path) -> Any:
    """Read a tensor, or a nested dict, list or tuple of tensors and plain values, as arrays that are memory maps.

    Types that NumPy has not (bfloat16) become float32.

    Raises:
        MissingError: no such file.
        IntegrityError: it is damaged, or holds something else than tensors and plain values; nothing was run.
    """
    import torch

    require_content(path)
    try:
        return _arrays(load_tensors(path), torch, {})
    except IntegrityError:
        raise
    except Exception as error:
        # Opcodes that do not fit together fail in any way, and some kinds of tensors have no array.
        first = str(error).strip().splitlines()
        raise IntegrityError(
            f"{path.name} is not a file of tensors alone",
            why=first[0] if first else type(error).__name__,
            next="fetch the file again",
        ) from error


def _arrays(value: Any, torch: Any, made: dict[int, Any]) -> Any:
    """Turn tensors into arrays; what a file names twice is made once, however often it is named."""
    if isinstance(value, torch.Tensor):
        check_tensor(value, "a tensor")
        tensor = value.detach()
        array: np.ndarray = (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()
        return array
    if not isinstance(value, dict | list | tuple):
        return value
    if id(value) not in made:
        if isinstance(value, dict):
            made[id(value)] = {key: _arrays(each, torch, made) for key, each in value.items()}
        else:
            made[id(value)] = type(value)(_arrays(each, torch, made) for each in value)
    return made[id(value)]
