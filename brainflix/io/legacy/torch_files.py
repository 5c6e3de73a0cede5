"""PyTorch's .pt files: tensors alone, as arrays; nothing that they may hold beside is ever run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from brainflix.errors import IntegrityError
from brainflix.io.fetch.annex import require_content


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
        return _arrays(_load(path, mmap=True), torch)
    except Exception as error:
        # Opcodes that do not fit together fail in any way, and some kinds of tensors have no array.
        first = str(error).strip().splitlines()
        raise IntegrityError(
            f"{path.name} is not a file of tensors alone",
            why=first[0] if first else type(error).__name__,
            next="fetch the file again",
        ) from error


def _load(path: Path, *, mmap: bool) -> Any:
    import torch

    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=mmap)
    except RuntimeError as error:
        # Files from before 2020 are no zip archives and cannot be mapped.
        if mmap and "mmap" in str(error):
            return _load(path, mmap=False)
        raise


def _arrays(value: Any, torch: Any) -> Any:
    if isinstance(value, torch.Tensor):
        tensor = value.detach()
        array: np.ndarray = (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()
        return array
    if isinstance(value, dict):
        return {key: _arrays(each, torch) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_arrays(each, torch) for each in value)
    return value
