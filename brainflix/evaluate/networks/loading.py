"""Load a model of transformers whole: a head that a checkpoint lacks would otherwise be random numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from brainflix.device import Compute
from brainflix.errors import DataError


def load_whole(kind: Any, folder: Path, compute: Compute, **config: Any) -> Any:
    """Return a model in float32, whatever it was saved in (rounding would make ties), on its device, for inference.

    Args:
        kind: class of transformers with `from_pretrained`.
        folder: of the checkpoint.
        compute: where it runs.
        config: fields of its configuration to replace.

    Raises:
        DataError: the folder holds no such model, or not all of it.
    """
    try:
        model, report = kind.from_pretrained(folder, dtype=torch.float32, output_loading_info=True, **config)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        # RuntimeError: a tensor has another shape than the configuration says.
        why = next(iter(str(error).splitlines()), type(error).__name__)
        raise DataError(f"{folder} holds no {kind.__name__}", why=why) from error
    if lacking := sorted(report["missing_keys"]):
        raise DataError(f"{folder} holds no {kind.__name__}", why=f"it lacks {lacking[0]} and would be random there")
    return model.to(compute.device).eval()


def load_setup(kind: Any, folder: Path, what: str, **choices: Any) -> Any:
    """Return a processor or a configuration of a checkpoint, by a class of transformers with `from_pretrained`.

    Raises:
        DataError: the folder holds none; `what` says of what.
    """
    try:
        return kind.from_pretrained(folder, **choices)
    except (OSError, ValueError, KeyError) as error:
        why = next(iter(str(error).splitlines()), type(error).__name__)
        raise DataError(f"{folder} holds no {what}", why=why) from error
