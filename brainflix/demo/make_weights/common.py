"""What the four trainings share: scenes that the demo never shows, a schedule, a log line, half precision files."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from brainflix.demo.grammar import Scene, draw_scene
from brainflix.demo.render import frame_times, render

# The demo's film is drawn from small seeds; training streams start far above them.
STREAM_SEED = 1_000_000
N_FRAMES, FPS_HZ, SIZE_PX = 8, 4.0, 64


def scene_batches(seed: int, batch_size: int) -> Iterator[list[Scene]]:
    """Yield endless batches of random scenes."""
    rng = np.random.default_rng(STREAM_SEED + seed)
    while True:
        yield [draw_scene(rng) for _ in range(batch_size)]


def clips_of(scenes: Iterable[Scene]) -> np.ndarray:
    """Render scenes as the demo samples them: uint8 array of shape (n_scenes, 8, 64, 64, 3)."""
    times = frame_times(N_FRAMES, FPS_HZ)
    return np.stack([render(scene, times, SIZE_PX) for scene in scenes])


def to_signed(frames: np.ndarray) -> torch.Tensor:
    """Turn uint8 frames (..., H, W, 3) into float tensors (..., 3, H, W) in [-1, 1]."""
    return torch.from_numpy(frames).movedim(-1, -3).float() / 127.5 - 1.0


def half_where_fast() -> torch.autocast:
    """Compute in bfloat16 on processors with the vector units for it; on others it is ten times slower than float32."""
    return torch.autocast("cpu", torch.bfloat16, enabled="AVX512" in torch.backends.cpu.get_cpu_capability())


def parameter_groups(model: torch.nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Split parameters so that biases and norms are not decayed."""
    params = [p for p in model.parameters() if p.requires_grad]
    return [
        {"params": [p for p in params if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in params if p.ndim <= 1], "weight_decay": 0.0},
    ]


def cosine_lr(step: int, n_steps: int, peak: float, warmup: int = 100) -> float:
    """Linear warm-up, then half a cosine to zero."""
    if step < warmup:
        return peak * (step + 1) / warmup
    return 0.5 * peak * (1 + math.cos(math.pi * (step - warmup) / max(1, n_steps - warmup)))


def optimise(
    model: torch.nn.Module, loss: torch.Tensor, optimizer: torch.optim.Optimizer, lr: float, clip_norm: float = 1.0
) -> None:
    """Take one optimiser step at learning rate `lr`."""
    for group in optimizer.param_groups:
        group["lr"] = lr
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
    optimizer.step()


@dataclass
class Log:
    """Says every `every` steps how the losses stand, on stderr."""

    what: str
    n_steps: int
    every: int = 100
    started: float = field(default_factory=time.monotonic)
    sums: dict[str, float] = field(default_factory=dict)

    def __call__(self, step: int, **losses: float) -> None:
        """Add one step's losses; print their means when due."""
        for name, value in losses.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
        if (step + 1) % self.every == 0:
            means = "  ".join(f"{name} {total / self.every:.4f}" for name, total in self.sums.items())
            seconds = time.monotonic() - self.started
            sys.stderr.write(f"{self.what} {step + 1}/{self.n_steps}  {means}  {seconds:.0f} s\n")
            sys.stderr.flush()
            self.sums = {}


class Average:
    """Exponential moving average of a model's parameters; steadier samples than the last step's weights."""

    def __init__(self, model: torch.nn.Module, decay: float) -> None:
        self.decay = decay
        self.values = {name: p.detach().clone() for name, p in model.named_parameters()}

    def update(self, model: torch.nn.Module, step: int) -> None:
        """Move the average towards the model; faster in the first steps."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, p in model.named_parameters():
            self.values[name].lerp_(p.detach(), 1 - decay)

    def store_in(self, model: torch.nn.Module) -> None:
        """Overwrite the model's parameters with the averages."""
        with torch.no_grad():
            for name, p in model.named_parameters():
                p.copy_(self.values[name])


def save_half(model: torch.nn.Module, folder: Path) -> None:
    """Save a diffusers or transformers model in its own layout, safetensors in half precision."""
    half = model.to(torch.float16)
    half.save_pretrained(folder, safe_serialization=True)  # type: ignore[operator]
    model.to(torch.float32)
