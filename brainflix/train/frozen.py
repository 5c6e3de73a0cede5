"""Layers of a network that stay as they are: out of the optimizer, and out of checkpoints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn


def train_only(model: nn.Module, chosen: Callable[[str], bool]) -> None:
    """Freeze every parameter whose name is not chosen, and leave frozen ones out of the network's state.

    Who resumes must therefore start from a network with the same frozen weights; a resumed training then ends as one
    that was not interrupted.
    """
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(parameter.requires_grad and chosen(name))
    fixed = {name for name, parameter in model.named_parameters() if not parameter.requires_grad}

    def leave_out(_: nn.Module, state: dict[str, Tensor], prefix: str, __: Any) -> None:
        for name in fixed:
            state.pop(prefix + name, None)

    def not_missing(_: nn.Module, keys: Any) -> None:
        keys.missing_keys[:] = [name for name in keys.missing_keys if name not in fixed]

    model.register_state_dict_post_hook(leave_out)  # type: ignore[no-untyped-call]
    model.register_load_state_dict_post_hook(not_missing)  # type: ignore[no-untyped-call]


def whole_state(model: nn.Module) -> dict[str, Tensor]:
    """Return every parameter and buffer by name, frozen ones too, detached on the CPU."""
    named = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    return {name: tensor.detach().cpu() for name, tensor in named.items()}


def chosen_layers(kinds: tuple[str, ...]) -> Callable[[str], bool]:
    """Return what says of a denoiser's parameter name whether it belongs to a kind that is trained.

    "temporal" is attention over time, "cross-attention" and "self-attention" are those of the image network, each with
    the layer norm before it; "all" is everything.
    """
    parts = {"temporal": ("attn_temp.", "norm_temp."), "cross-attention": ("attn2.", "norm2.")}
    parts |= {"self-attention": ("attn1.", "norm1.")}
    wanted = tuple(part for kind in kinds for part in parts.get(kind, ()))

    def is_chosen(name: str) -> bool:
        _, _, layer = name.rpartition("transformer_blocks.")
        # Residual blocks have a norm1 and a norm2 as well.
        inside = "transformer_blocks." in name and layer.partition(".")[2].startswith(wanted)
        return "all" in kinds or (bool(wanted) and inside)

    return is_chosen
