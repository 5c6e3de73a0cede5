"""The attention kernel of a generator's denoiser: chosen by the project's one rule, for all of its head sizes."""

from __future__ import annotations

from typing import Any

import torch

from brainflix.attention import Kernel, choose_kernel
from brainflix.errors import ResourceError

_FIXED = "diffusers has no xformers kernel for this model"


def choose_for(denoiser: torch.nn.Module, wanted: str, device: torch.device, *, supported: bool = True) -> Kernel:
    """Choose the kernel and switch the denoiser to it; a model that xformers cannot serve keeps PyTorch's.

    Raises:
        ResourceError: `wanted` is "xformers" and it cannot serve; it is never replaced silently.
    """
    if not supported:
        if wanted == "xformers":
            raise ResourceError("xformers attention cannot be used", why=_FIXED, next="set attention to auto or sdpa")
        return Kernel("sdpa", "asked for" if wanted == "sdpa" else _FIXED)
    kernels = [choose_kernel(wanted, device, size) for size in sorted(head_sizes(denoiser)) or [8]]
    chosen = next((kernel for kernel in kernels if kernel.name == "sdpa"), kernels[0])
    if chosen.name == "xformers":
        switch: Any = denoiser
        switch.enable_xformers_memory_efficient_attention()
    return chosen


def head_sizes(denoiser: torch.nn.Module) -> set[int]:
    """Return the channels a head of every attention layer; configurations name them in several ways."""
    layers: list[Any] = [module for module in denoiser.modules() if hasattr(module, "inner_dim")]
    return {int(layer.inner_dim) // int(layer.heads) for layer in layers if hasattr(layer, "heads")}
