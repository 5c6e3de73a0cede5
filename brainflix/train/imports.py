"""Official checkpoints as artifacts: read without running anything, checked key by key, published in our own layout.

The conversions follow the published names and layouts (docs/methods, Checkpoints) and were tried on networks of these
names and shapes, not on the released files themselves.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from torch import Tensor

from brainflix.errors import DataError, IntegrityError, UsageError
from brainflix.io.legacy import load_checkpoint
from brainflix.models.imports import mbm_weights
from brainflix.models.patches import padded_length
from brainflix.models.weights import unwrapped
from brainflix.parts.contract import Inputs, Notes
from brainflix.parts.params import Params
from brainflix.parts.work import Work
from brainflix.train.parts import ImportParams, MbmImportParams
from brainflix.trained.files import TrainResult, read_tensors
from brainflix.trained.preparation import Preparation

# Rows of the published networks by their padded length: Brain Netflix' three lists of areas, MinD-Video's subject 1.
_PUBLISHED = {13168: 13156, 8176: 8161, 6032: 6026, 3744: 3731}


_SCALED = "rows are only padded, not scaled: give it rows that are z-scored (mean 0, standard deviation 1)"


@dataclass(frozen=True)
class Imported:
    """A checkpoint as a network of ours.

    Attributes:
        result: weights, config, and no history.
        window_tr: rows around a clip's own that the network reads.
        files: what it was read from.
        settings: plain values that lay with the weights.
        said: what was changed on the way, a sentence each.
    """

    result: TrainResult
    window_tr: tuple[int, ...]
    files: tuple[Path, ...]
    settings: Mapping[str, Any]
    said: tuple[str, ...] = ()

    def save(self, folder: Path) -> Notes:
        """Write the network as a training does, with no history."""
        self.result.save(folder)
        notes = {"source": [str(path) for path in self.files], "rows": _SCALED, "settings": dict(self.settings)}
        return notes | ({"names": list(self.said)} if self.said else {})

    def advice(self, folder: Path) -> str:
        """Return what to know before it is used; `folder` is where it lies in the store."""
        return "Rows must be z-scored: an imported network only pads them."

    @property
    def digest(self) -> str:
        """SHA-256 of the files, in order."""
        whole = hashlib.sha256()
        for path in self.files:
            with path.open("rb") as file:
                whole.update(hashlib.file_digest(file, "sha256").digest())
        return whole.hexdigest()


def import_mbm(params: MbmImportParams, inputs: Inputs, work: Work) -> Imported:
    """Read a masked autoencoder of mind-vis or Brain Netflix: a `.pth` with `model` and a pickled `config` object.

    Raises:
        MissingError: no such file.
        IntegrityError: it is damaged or could act.
        DataError: a missing, extra or misshapen weight, by name.
        UsageError: weights of another kind, or options that do not fit them.
    """
    state, settings, said = read_weights(params.path)
    config, weights = mbm_weights(state, settings | _given(params, "heads", "decoder_heads", "mask_ratio"))
    preparation = preparation_of(config.n_grayordinates, config.patch_size, params)
    document = {"architecture": "mbm", "network": dataclasses.asdict(config), "preparation": preparation.as_dict()}
    return Imported(TrainResult(weights, document, ()), (0,), (params.path,), _plain(settings), said)


def read_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, Any], tuple[str, ...]]:
    """Return the tensors of a file, which may lie under `model`, and the attributes of its `config`, if it has one.

    Also what is said of a prefix that a wrapper had put before every name, and that is taken off.

    Raises:
        MissingError: no such file.
        IntegrityError: it is damaged, or could act.
        DataError: it holds no state dict, or some names of it have a wrapper's prefix and some have not.
    """
    if path.suffix == ".safetensors":
        state, prefix = unwrapped(read_tensors(path), path.name)
        return state, {}, taken_off(prefix)
    found = load_checkpoint(path)
    if not isinstance(found, dict):
        raise DataError(f"{path.name} holds no weights by name", why=f"it holds a {type(found).__name__}")
    state = found.get("model", found)
    if not isinstance(state, dict) or not state:
        raise DataError(f"{path.name} holds no weights by name", why=f"model is a {type(state).__name__}")
    for name, value in state.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise DataError(f"{path.name}: {name!r} is no weight", why=f"it is a {type(value).__name__}")
    config = found.get("config") if state is not found else None
    settings = vars(config) if isinstance(config, SimpleNamespace) else config
    state, prefix = unwrapped(state, path.name)
    return state, dict(settings) if isinstance(settings, dict) else {}, taken_off(prefix)


def taken_off(prefix: str, of: str = "") -> tuple[str, ...]:
    """Return what is said of a prefix that every name had, nothing where there was none."""
    return (f"the prefix {prefix!r} of every name{of} was taken off",) if prefix else ()


def read_settings(path: Path) -> dict[str, Any]:
    """Read a config.json.

    Raises:
        IntegrityError: it is no JSON object.
    """
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise IntegrityError(f"{path} is not JSON", why=str(error)) from error
    if not isinstance(settings, dict):
        raise IntegrityError(f"{path} is no JSON object")
    return settings


def preparation_of(n_padded: int, patch_size: int, options: ImportParams) -> Preparation:
    """Return how raw rows become the network's: padded as released, and not scaled, so they must be z-scored already.

    Args:
        n_padded: columns that the network reads.
        patch_size: columns of a patch.
        options: may say how many columns there are before padding.

    Raises:
        UsageError: that many columns are not padded to what the network reads.
    """
    n_columns = options.n_columns or _PUBLISHED.get(n_padded, n_padded)
    for legacy in (True, False):
        if padded_length(n_columns, patch_size, legacy) == n_padded:
            return Preparation(n_columns, patch_size, legacy, 0.0, 1.0)
    raise UsageError(
        f"rows of {n_columns} columns are not this network's",
        why=f"it reads {n_padded}, patches of {patch_size} after padding",
        next="leave n_columns out, or give the number before padding",
    )


def default_name(kind: str, path: Path) -> str:
    """Return a name for the artifact: the kind and the file's or folder's own name."""
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", path.resolve().stem).strip("-.")
    return f"{kind}-{stem}"[:64].rstrip("-.")


def _given(options: Params, *names: str) -> dict[str, Any]:
    """Return the options that were given, under our words."""
    return {name: getattr(options, name) for name in names if getattr(options, name) is not None}


def _plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that have one line of text."""
    return {name: value for name, value in settings.items() if isinstance(value, str | int | float | bool)}
