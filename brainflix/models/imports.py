"""Official checkpoints of brain encoders: the network's size from the weights, then every key accounted for.

State dicts carry the names of their papers, which are also ours, so nothing is renamed. What a settings file says wins;
what it does not say is read off the weights, by majority, so that one misshapen weight cannot shift the size by itself.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from brainflix.errors import BrainflixError, DataError, UsageError
from brainflix.models.mbm import MaskedBrainModel, MBMConfig
from brainflix.models.weights import load_strict

State = Mapping[str, Tensor]
# A settings file's word -> ours.
MBM_WORDS = {
    "patch_size": "patch_size",
    "embed_dim": "width",
    "depth": "depth",
    "num_heads": "heads",
    "mlp_ratio": "mlp_ratio",
    "mask_ratio": "mask_ratio",
    "decoder_embed_dim": "decoder_width",
    "decoder_num_heads": "decoder_heads",
}
# A weight that only this kind has.
_MARKS = {"mbm": "decoder_pred.weight", "mindvideo-encoder": "proj_head.projection.weight"}


def mbm_weights(state: State, settings: Mapping[str, Any]) -> tuple[MBMConfig, dict[str, Tensor]]:
    """Return a masked autoencoder's size and its weights in float32.

    Args:
        state: state dict of mind-vis or Brain Netflix.
        settings: what lies with it, in its own words or in ours; ours win.

    Raises:
        DataError: a missing, extra, misshapen or not finite weight, by name.
        UsageError: weights of another kind, or a size that no network has.
    """
    _check_kind(state, "mbm")
    found = _trunk_sizes(state, settings)
    found |= {
        "decoder_width": _size(state, [("mask_token", 2), ("decoder_norm.weight", 0), ("decoder_embed.weight", 0)]),
        "decoder_depth": _depth(state, "decoder_blocks"),
    }
    config = MBMConfig(**found | _told(settings, MBM_WORDS, MBMConfig, len(state)))
    return config, _fitting(lambda: MaskedBrainModel(config), state)


def _check_kind(state: State, kind: str) -> None:
    """Refuse another paper's weights before each of their names is called an error."""
    if _MARKS[kind] in state:
        return
    for other, mark in _MARKS.items():
        if mark in state:
            raise UsageError(f"these are not weights of kind {kind}", next=f"brainflix import-checkpoint {other}")


def _trunk_sizes(state: State, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what both kinds share; `n_grayordinates` is the padded number."""
    patch = _size(state, [("patch_embed.proj.weight", 2), ("decoder_pred.weight", 0), ("decoder_pred.bias", 0)])
    voxels = settings.get("num_voxels")
    told = [math.ceil(voxels / patch)] if isinstance(voxels, int) else []
    tables = [("pos_embed", 1), ("decoder_pos_embed", 1)]
    patches = _most([*(n - 1 for n in _axes(state, tables)), *told], "pos_embed")
    depth = _depth(state, "blocks")
    width = _size(state, [("norm.weight", 0), ("norm.bias", 0), ("cls_token", 2), ("pos_embed", 2)])
    mlp = (("fc1.bias", 0), ("fc1.weight", 0), ("fc2.weight", 1))
    hidden = _size(state, [(f"blocks.{i}.mlp.{name}", axis) for i in range(depth) for name, axis in mlp])
    return {
        "n_grayordinates": patches * patch,
        "patch_size": patch,
        "width": width,
        "depth": depth,
        "mlp_ratio": hidden / width,
    }


def _told(settings: Mapping[str, Any], words: Mapping[str, str], config: type, n_weights: int) -> dict[str, Any]:
    """Return the sizes that the settings name; no network has more blocks than there are weights."""
    theirs = {ours: settings[word] for word, ours in words.items() if settings.get(word) is not None}
    fields = config.__dataclass_fields__  # type: ignore[attr-defined]
    told = theirs | {name: settings[name] for name in fields if settings.get(name) is not None}
    for name, value in told.items():
        if not isinstance(value, int | float):
            raise DataError(f"the settings say {name} {value!r}", why="it should be a number")
        if not math.isfinite(value) or (name.endswith("depth") and value > n_weights):
            raise DataError(f"the settings say {name} {value!r}", why=f"there are {n_weights} weights")
    return told


def _fitting(build: Callable[[], nn.Module], state: State) -> dict[str, Tensor]:
    """Return the weights in float32 if they are exactly those of the network that is built, and finite."""
    try:
        with torch.device("meta"):
            model = build()
    except BrainflixError:
        raise
    except Exception as error:
        # Settings can name any number.
        why = str(error).partition("\n")[0] or type(error).__name__
        raise DataError("no network has the sizes that the settings say", why=why) from error
    weights = {name: each.float() if each.is_floating_point() else each for name, each in state.items()}
    load_strict(model, weights)
    for name, each in weights.items():
        if not torch.isfinite(each).all():
            raise DataError(f"{name} holds NaN or infinity", next="fetch the checkpoint again")
    return weights


def _depth(state: State, name: str) -> int:
    """Return one more than the highest number of a block, at least 1 and never more than there are weights."""
    numbers = [int(found[1]) for key in state if (found := re.match(rf"{name}\.(\d+)\.", key))]
    return min(max(numbers, default=0) + 1, max(len(state), 1))


def _size(state: State, places: Iterable[tuple[str, int]]) -> int:
    """Return the length that most of the weights have along their axis."""
    places = list(places)
    return _most(_axes(state, places), places[0][0])


def _axes(state: State, places: Iterable[tuple[str, int]]) -> list[int]:
    return [state[name].shape[axis] for name, axis in places if name in state and state[name].ndim > axis]


def _most(sizes: list[int], name: str) -> int:
    if not sizes or min(sizes) < 1:
        raise DataError("the weights do not fit the network", why=f"missing {name}, or it is empty")
    return Counter(sizes).most_common(1)[0][0]
