"""The files of a denoiser's folder in the Hub's layout: config.json beside weights as safetensors or as a .bin."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brainflix.errors import IntegrityError, MissingError
from brainflix.io.legacy.torch_reading import check_tensor, load_tensors

if TYPE_CHECKING:
    from torch import Tensor

CONFIG, SAFE, PICKLED = "config.json", "diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.bin"


def read_denoiser(folder: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return the configuration and the weights by name, on the CPU in the dtype that they are stored in.

    Of a .bin tensors alone are taken; nothing else that it may hold is run.

    Raises:
        MissingError: a file is absent.
        IntegrityError: a file cannot be read.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    weights = next((folder / name for name in (SAFE, PICKLED) if (folder / name).is_file()), None)
    if weights is None or not (folder / CONFIG).is_file():
        missing = f"{SAFE} or {PICKLED}" if weights is None else CONFIG
        raise MissingError(f"no denoiser in {folder}", why=f"it lacks {missing}")
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        state = load_file(weights) if weights.name == SAFE else load_tensors(weights, mapped=False)
        for name, tensor in state.items():
            check_tensor(tensor, name)
        return dict(config), dict(state)
    except IntegrityError:
        raise
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        raise IntegrityError(f"the denoiser in {folder} cannot be read", why=str(error)) from error
    except Exception as error:
        # Damaged pickles fail in any way.
        raise IntegrityError(f"{weights.name} is not a file of tensors alone", why=type(error).__name__) from error
