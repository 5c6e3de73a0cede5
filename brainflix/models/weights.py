"""Fill the weights of a network: drawn from an explicit generator, or loaded with every key accounted for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from brainflix.errors import DataError


@torch.no_grad()
def init_weights(model: nn.Module, generator: torch.Generator) -> None:
    """Draw every weight, in module order: Linear Xavier-uniform / 0, LayerNorm 1 / 0, Conv1d and tokens N(0, 0.02^2).

    A module with a method `init_own(generator)` fills the parameters that it holds itself.
    """
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight, generator=generator)
        elif isinstance(module, nn.Conv1d):
            nn.init.normal_(module.weight, std=0.02, generator=generator)
        elif isinstance(module, nn.LayerNorm):
            nn.init.ones_(module.weight)
        if isinstance(module, nn.Linear | nn.Conv1d | nn.LayerNorm) and module.bias is not None:
            nn.init.zeros_(module.bias)
        own = getattr(module, "init_own", None)
        if own is not None:
            own(generator)


def load_strict(model: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Load weights into a network, every key and shape accounted for.

    Raises:
        DataError: a missing, extra or misshapen key, by name.
    """
    own = model.state_dict()
    problems = [f"missing {name}" for name in own if name not in state]
    problems += [f"extra {name}" for name in state if name not in own]
    problems += [
        f"{name} is {tuple(state[name].shape)}, not {tuple(own[name].shape)}"
        for name in own
        if name in state and state[name].shape != own[name].shape
    ]
    if problems:
        shown = "; ".join(problems[:5]) + (f"; and {len(problems) - 5} more" if len(problems) > 5 else "")
        raise DataError("the weights do not fit the network", why=shown)
    model.load_state_dict(dict(state), strict=True, assign=any(p.is_meta for p in model.parameters()))


# What torch puts before every name: DataParallel and its distributed kin, and torch.compile.
_WRAPPERS = ("module.", "_orig_mod.")


def unwrapped(state: Mapping[str, Any], where: str = "the weights") -> tuple[dict[str, Any], str]:
    """Return weights under their network's own names, and the prefix that wrappers had put before each, "" if none.

    Args:
        state: weights by name.
        where: where they were found, for messages.

    Raises:
        DataError: only some names have such a prefix, so that nobody knows which network is meant.
    """
    names, prefix = list(state), ""
    while found := next((each for each in _WRAPPERS if any(name.startswith(each) for name in names)), None):
        if bare := [name for name in names if not name.startswith(found)]:
            wrapped = next(name for name in names if name.startswith(found))
            raise DataError(
                f"{len(names) - len(bare)} of {len(names)} names of {where} begin with {found!r}",
                why=f"{prefix}{wrapped} does, {prefix}{bare[0]} does not",
                next="save the state of one network, as it was before it was wrapped",
            )
        names = [name.removeprefix(found) for name in names]
        prefix += found
    return dict(zip(names, state.values(), strict=True)), prefix
