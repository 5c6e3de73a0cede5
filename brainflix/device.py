"""Device and compute dtype: decided once, in this file, with the reason as text."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from brainflix.errors import ResourceError, UsageError

DEVICES = ("auto", "cpu", "cuda", "mps")
_NAME = re.compile(f"({'|'.join(DEVICES[1:])})(:[0-9]{{1,3}})?|{DEVICES[0]}")
PRECISIONS = ("auto", "float32", "bfloat16", "float16")


@dataclass(frozen=True)
class Compute:
    """Where the numbers are computed and in which dtype. Never part of an artifact's key.

    Attributes:
        device: the torch device.
        dtype: compute dtype of networks; regressions and metrics stay in float32 and float64.
        reason: why these two, for people and manifests.
    """

    device: torch.device
    dtype: torch.dtype
    reason: str

    @property
    def algebra(self) -> torch.device:
        """Where linear algebra runs: on the device too, unless it lacks the float64 that decompositions need (MPS)."""
        return torch.device("cpu") if self.device.type == "mps" else self.device

    def where(self) -> dict[str, str]:
        """Return the device and the precision."""
        return {"name": str(self.device), "dtype": str(self.dtype).removeprefix("torch.")}

    def describe(self) -> dict[str, str]:
        """Return what a manifest records."""
        return {**self.where(), "reason": self.reason}


def pick_compute(device: str = "auto", precision: str = "auto") -> Compute:
    """Decide the device and dtype from what the user asked and what the machine has.

    Raises:
        UsageError: unknown device or precision name.
        ResourceError: the device was asked for by name and is not there.
    """
    check_device_name(device)
    if precision not in PRECISIONS:
        raise UsageError(f"unknown precision {precision!r}", next=f"use one of {', '.join(PRECISIONS)}")
    chosen, why_device = _pick_device(device)
    dtype, why_dtype = _pick_dtype(precision, chosen)
    return Compute(chosen, dtype, f"{why_device}; {why_dtype}")


def check_device_name(device: str) -> None:
    """Check that a device is named as PyTorch names them.

    Raises:
        UsageError: it is not.
    """
    if not _NAME.fullmatch(device):
        raise UsageError(f"unknown device {device!r}", next=f"use one of {', '.join(DEVICES)}, or cuda:1 and so on")


def is_cuda(device: torch.device) -> bool:
    """Say whether kernels that are written for CUDA cards run on this device."""
    return device.type == "cuda"


def usable_cores() -> int:
    """Return how many cores this process may use, where the system says so; else how many there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _available(kind: str) -> bool:
    if kind == "cuda":
        return torch.cuda.is_available()
    return kind == "cpu" or (kind == "mps" and torch.backends.mps.is_available())


def _count(kind: str) -> int:
    """Return how many devices of an available kind there are."""
    return torch.cuda.device_count() if kind == "cuda" else 1


def _pick_device(device: str) -> tuple[torch.device, str]:
    if device == "auto":
        found = next(kind for kind in ("cuda", "mps", "cpu") if _available(kind))
        return torch.device(found), "no accelerator found" if found == "cpu" else f"{found} found"
    kind, _, number = device.partition(":")
    if not _available(kind) or int(number or 0) >= _count(kind):
        raise ResourceError(
            f"device {device!r} is not available", next="use --device auto, or brainflix doctor to see what is"
        )
    return torch.device(device), f"{device} asked for"


def _pick_dtype(precision: str, device: torch.device) -> tuple[torch.dtype, str]:
    if precision != "auto":
        return getattr(torch, precision), f"{precision} asked for"
    if is_cuda(device) and torch.cuda.is_bf16_supported():
        return torch.bfloat16, "bfloat16: the card supports it and its range needs no loss scaling"
    if is_cuda(device):
        return torch.float16, "float16: the card has no bfloat16"
    return torch.float32, "float32: fastest dtype that is exact enough on this device"


@contextmanager
def seeded_init(seed: int) -> Iterator[None]:
    """Make the weights that library constructors draw from the global generator depend on `seed` alone.

    The global state is put back afterwards, so nothing outside notices.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


CPU = Compute(torch.device("cpu"), torch.float32, "training on the CPU unless told otherwise")
