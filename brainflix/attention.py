"""One facade over the attention kernels, so that every network of ours computes the same thing on every card.

`auto` takes xformers' memory-efficient kernel on CUDA where it supports the shape, else PyTorch's scaled dot product
attention. `choose_kernel` says which and why; a parity test holds the kernels together.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch.nn import functional

from brainflix.device import is_cuda
from brainflix.errors import ResourceError

KERNELS = ("auto", "sdpa", "xformers")
# xformers' kernels want head dimensions in multiples of 8 and no more than 256.
_HEAD_MULTIPLE, _HEAD_MAX = 8, 256
# What the user asked for; networks that call `attend` without naming a kernel follow it.
_preferred: ContextVar[str] = ContextVar("preferred attention kernel", default="auto")


@dataclass(frozen=True)
class Kernel:
    """The attention kernel in use and the reason for it."""

    name: str
    reason: str


@lru_cache(maxsize=1)
def _xformers_ops() -> object | None:
    """Import xformers once; None where it is not installed or cannot load."""
    try:
        import xformers.ops as ops  # type: ignore[import-not-found,unused-ignore]
    except (ImportError, OSError):
        return None
    return ops  # type: ignore[no-any-return,unused-ignore]


def choose_kernel(wanted: str, device: torch.device, head_dim: int) -> Kernel:
    """Pick the kernel for tensors on `device` with `head_dim` channels a head.

    Raises:
        ResourceError: `wanted` is "xformers" and it cannot serve; it is never replaced silently.
    """
    if wanted == "sdpa":
        return Kernel("sdpa", "asked for")
    problem = _xformers_problem(device, head_dim)
    if problem is None:
        return Kernel("xformers", "asked for" if wanted == "xformers" else "accelerator present and shape supported")
    if wanted == "xformers":
        raise ResourceError("xformers attention cannot be used", why=problem, next="set attention to auto or sdpa")
    return Kernel("sdpa", problem)


def _xformers_problem(device: torch.device, head_dim: int) -> str | None:
    """Return why xformers cannot serve, or None if it can."""
    if not is_cuda(device):
        return f"xformers has no {device.type.upper()} kernel"
    if head_dim % _HEAD_MULTIPLE or head_dim > _HEAD_MAX:
        return f"head dimension {head_dim} is not a multiple of {_HEAD_MULTIPLE} up to {_HEAD_MAX}"
    if _xformers_ops() is None:
        return "xformers is not installed"
    return None


def prefer(kernel: str) -> None:
    """Make `kernel` the one that `attend` takes from now on unless it is told otherwise."""
    _preferred.set(kernel)


def attend(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, *, kernel: str | None = None) -> torch.Tensor:
    """Scaled dot-product attention.

    Args:
        q: queries of shape (batch, heads, n_queries, head_dim).
        k: keys of shape (batch, heads, n_keys, head_dim).
        v: values of the shape of `k`.
        kernel: one of `KERNELS`; None takes the preferred one.

    Returns:
        tensor of the shape of `q`.
    """
    if choose_kernel(kernel or _preferred.get(), q.device, q.shape[-1]).name == "sdpa":
        return functional.scaled_dot_product_attention(q, k, v)
    ops = _xformers_ops()
    # xformers puts the heads after the tokens: (batch, tokens, heads, head_dim).
    out = ops.memory_efficient_attention(*(x.transpose(1, 2).contiguous() for x in (q, k, v)))  # type: ignore[attr-defined]
    # (batch, heads, n_queries, head_dim)
    return out.transpose(1, 2)  # type: ignore[no-any-return]
