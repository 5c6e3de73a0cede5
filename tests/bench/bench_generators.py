"""Zeroscope's loop on this machine's card: batches of clips on xformers beside one clip at a time without it.

Networks have zeroscope's size and random weights, so the time is the real one and the videos are noise. The target is
that a clip of a batch takes at most half of the time of a clip alone. Without a card a tiny twin runs instead, which
shows that the script works and says nothing about speed.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, DPMSolverMultistepScheduler, UNet3DConditionModel
from diffusers.models.attention_processor import AttnProcessor

from brainflix.attention import choose_kernel
from brainflix.device import Compute, is_cuda, pick_compute, seeded_init
from brainflix.errors import ResourceError
from brainflix.reconstruct.parts import ZeroscopeParams
from brainflix.reconstruct.zeroscope_denoise import Backend, generate

TARGET = 2.0
BLOCKS = {"down_block_types": ("DownEncoderBlock2D",) * 4, "up_block_types": ("UpDecoderBlock2D",) * 4}
BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}


@dataclass(frozen=True)
class Size:
    """What is generated: latents (frames, 4, side, side), prompts (tokens, width), and how many clips and steps."""

    frames: int
    side: int
    tokens: int
    width: int
    clips: int
    steps: int


# Brain Netflix's release: 15 frames of 264 pixels, 16 of 20 steps.
PUBLIC, TINY = Size(15, 33, 77, 1024, 20, 20), Size(3, 8, 12, 64, 2, 2)


def build(size: Size, compute: Compute, folder: Path) -> Backend:
    """Return zeroscope's networks, or the tiny twin's, with random weights on the device."""
    DPMSolverMultistepScheduler(**BETAS).save_pretrained(folder)
    with seeded_init(0):
        if size is PUBLIC:
            with torch.device(compute.device):
                unet = UNet3DConditionModel()
                vae = AutoencoderKL(block_out_channels=(128, 256, 512, 512), layers_per_block=2, **BLOCKS)
        else:
            from brainflix.demo.make_weights.unet import build as build_unet
            from brainflix.demo.make_weights.vae import build as build_vae

            unet, vae = build_unet(), build_vae()
    unet, vae = (network.to(compute.device, compute.dtype).eval() for network in (unet, vae))
    return Backend(unet, vae, folder, torch.zeros(size.tokens, size.width), compute, "")


def kernels(unet: UNet3DConditionModel, compute: Compute) -> dict[str, Callable[[], None]]:
    """Return how to switch the denoiser to each attention kernel that can serve here."""
    own = dict(unet.attn_processors)
    found: dict[str, Callable[[], None]] = {
        "plain": lambda: unet.set_attn_processor(AttnProcessor()),
        "sdpa": lambda: unet.set_attn_processor(dict(own)),
    }
    try:
        choose_kernel("xformers", compute.device, int(unet.config.attention_head_dim))
        found["xformers"] = unet.enable_xformers_memory_efficient_attention
    except ResourceError as error:
        print(f"xformers is left out: {error.why}")
    return found


def measure(backend: Backend, size: Size, at_once: int, n_clips: int) -> tuple[float, float]:
    """Return seconds a clip and peak gigabytes of the card; a first round that is not timed warms everything up."""
    rng = np.random.default_rng(0)
    latents = rng.standard_normal((n_clips, size.frames, 4, size.side, size.side)).astype(np.float32)
    prompts = rng.standard_normal((n_clips, size.tokens, size.width)).astype(np.float32)
    params = ZeroscopeParams(weights="demo/zeroscope", steps=size.steps, strength=0.8)
    on_card = is_cuda(backend.compute.device)

    def some(start: int, steps: int) -> None:
        part = slice(start, start + at_once)
        ids = [f"clip_{i}" for i in range(*part.indices(n_clips))]
        how = {"n_frames": size.frames, "seed": 0, "params": params.model_copy(update={"steps": steps})}
        generate(backend, latents[part], prompts[part], ids, **how)

    some(0, 2)
    if on_card:
        torch.cuda.reset_peak_memory_stats()
        torch.cuda.synchronize()
    started = time.perf_counter()
    for start in range(0, n_clips, at_once):
        some(start, size.steps)
    seconds = (time.perf_counter() - started) / n_clips
    return seconds, torch.cuda.max_memory_allocated() / 1e9 if on_card else float("nan")


def rows(backend: Backend, size: Size) -> dict[str, tuple[float, float]]:
    """Return seconds a clip and gigabytes of every way; one that needs more memory than there is says so."""
    found: dict[str, tuple[float, float]] = {}
    few = max(1, size.clips // 5)
    for kernel, switch in kernels(backend.unet, backend.compute).items():
        switch()
        for layout in ("", ", channels last"):
            memory = torch.channels_last if layout else torch.contiguous_format
            for network in (backend.unet, backend.vae):
                for parameter in network.parameters():
                    if parameter.ndim == 4:
                        parameter.data = parameter.data.contiguous(memory_format=memory)
            for at_once in (1, size.clips):
                if layout and (at_once == 1 or kernel == "plain"):
                    continue
                name = f"{at_once} at once, {kernel}{layout}"
                try:
                    found[name] = measure(backend, size, at_once, few if at_once == 1 else size.clips)
                except torch.OutOfMemoryError:
                    print(f"{name}: not enough memory")
                    torch.cuda.empty_cache()
    return found


def main() -> None:
    """Print a table: seconds a clip, clips and frames a second, ratio to one clip at a time, memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, help="clips of a batch (20, on a processor 2)")
    parser.add_argument("--precision", default="auto", help="auto, bfloat16, float16, float32")
    asked = parser.parse_args()
    compute = pick_compute("auto", asked.precision)
    size = PUBLIC if is_cuda(compute.device) else TINY
    if size is PUBLIC:
        print(f"card: {torch.cuda.get_device_name()}, {compute.describe()['dtype']}, torch {torch.__version__}")
    else:
        print("no GPU is there: a tiny twin runs on the processor, its numbers say nothing about the target")
    with tempfile.TemporaryDirectory() as folder:
        backend = build(size, compute, Path(folder))
        measured = replace(size, clips=asked.clips) if asked.clips else size
        found = rows(backend, measured)
    alone = found["1 at once, sdpa"][0]
    print(f"{'way':<38} {'s/clip':>9} {'clips/s':>9} {'frames/s':>9} {'ratio':>7} {'GB':>7}")
    for name, (seconds, gigabytes) in found.items():
        speeds = f"{seconds:9.4f} {1 / seconds:9.3f} {size.frames / seconds:9.2f} {alone / seconds:7.2f}"
        print(f"{name:<38} {speeds} {gigabytes:7.2f}")
    best = min((name for name in found if not name.startswith("1 ")), key=lambda name: found[name][0], default="")
    if size is PUBLIC and best:
        reached = alone / found[best][0]
        print(f"target: at least {TARGET:g} times as fast a clip in a batch; {best}: {reached:.2f} times,", end=" ")
        print("reached" if reached >= TARGET else "not reached")
    else:
        print(f"target on a card: at least {TARGET:g} times as fast a clip in a batch as one clip at a time")


if __name__ == "__main__":
    main()
