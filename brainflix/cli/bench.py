"""`doctor --bench`: how long each attention kernel takes on this device, and how far apart their results are."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from brainflix.cli.output import Output
    from brainflix.device import Compute
    from brainflix.settings import Settings

# (batch, heads, tokens, head_dim) as in a video UNet: attention within frames, and over the frames of each pixel.
_SHAPES = {"accelerator": ((8, 8, 2304, 64), (9216, 8, 16, 64)), "cpu": ((1, 8, 576, 64), (144, 8, 16, 64))}
_WARM_UP, _REPEATS = 3, 10
KERNELS = ("sdpa", "xformers")


def bench_attention(settings: Settings, out: Output) -> list[dict[str, Any]]:
    """Time every kernel that can serve on the chosen device.

    Args:
        settings: which device and dtype.
        out: told how far it is.

    Returns:
        one record for each kernel and shape: median milliseconds, and the largest difference from the first kernel.
    """
    from brainflix.device import pick_compute

    compute = pick_compute(settings.device, settings.precision)
    shapes = _SHAPES["cpu" if compute.device.type == "cpu" else "accelerator"]
    rows: list[dict[str, Any]] = []
    for shape in out.track(shapes, "shapes"):
        rows += _bench_shape(shape, compute)
    return rows


def _bench_shape(shape: tuple[int, ...], compute: Compute) -> list[dict[str, Any]]:
    import torch

    from brainflix.attention import attend, choose_kernel
    from brainflix.errors import ResourceError

    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(shape, generator=generator).to(compute.device, compute.dtype) for _ in range(3))
    rows: list[dict[str, Any]] = []
    reference: torch.Tensor | None = None
    for kernel in KERNELS:
        about = {"kernel": kernel, "shape": " x ".join(map(str, shape)), "dtype": compute.describe()["dtype"]}
        try:
            choose_kernel(kernel, compute.device, shape[-1])
        except ResourceError as error:
            rows.append({**about, "milliseconds": None, "largest difference": None, "why": error.why})
            continue
        result = attend(q, k, v, kernel=kernel)
        reference = result if reference is None else reference
        difference = float((result.float() - reference.float()).abs().max())
        taken = _median_ms(lambda kernel=kernel: attend(q, k, v, kernel=kernel), compute)  # type: ignore[misc]
        rows.append({**about, "milliseconds": round(taken, 3), "largest difference": difference, "why": ""})
    return rows


def _median_ms(work: Callable[[], object], compute: Compute) -> float:
    times = []
    for repeat in range(_WARM_UP + _REPEATS):
        started = time.perf_counter()
        work()
        _wait(compute)
        if repeat >= _WARM_UP:
            times.append((time.perf_counter() - started) * 1000)
    return sorted(times)[len(times) // 2]


def _wait(compute: Compute) -> None:
    """Wait until the device has done what it was given."""
    import torch

    if compute.device.type != "cpu":
        torch.accelerator.synchronize(compute.device)
