"""Fill the weights of a network: drawn from an explicit generator, or loaded with every key accounted for."""

from __future__ import annotations

from collections.abc import Mapping

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
