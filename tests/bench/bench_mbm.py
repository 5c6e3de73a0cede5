"""A training step of masked brain modelling beside the published formulation, and on a GPU at full size.

    python tests/bench/bench_mbm.py

The peer is the masked autoencoder as the published lineage writes it down: a strided convolution, gather and scatter
for each sample, attention by an explicit softmax. Both take the same weights, rows and masks; their losses must agree.
On a CUDA card the network has its full 165,685,264 parameters, under SDPA and under xformers: loss, steps per second,
memory and model FLOP utilisation. Where there is no such card, that part says so.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor

from brainflix.attention import choose_kernel, prefer
from brainflix.models.mbm import Block, MaskedBrainModel, MBMConfig, build_mbm, n_kept

# Rows of a step, and the network, small enough for a CPU: a sixteenth of the published width.
ROWS, SMALL = 32, MBMConfig(width=128, depth=6, heads=8, decoder_width=64, decoder_depth=2, decoder_heads=8)
REPEATS = 5
# Dense half-precision peak of a card without sparsity, in TFLOP/s, by a part of its name.
PEAK_TFLOPS = {"H200": 989.0, "H100": 989.0, "A100": 312.0, "L40S": 362.0, "L4": 121.0, "4090": 165.0}


def literal_block(block: Block, x: Tensor) -> Tensor:
    """A block with attention written out: softmax of scaled products, as a matrix."""
    batch, tokens, width = x.shape
    heads = block.attn.heads
    qkv = block.attn.qkv(block.norm1(x)).reshape(batch, tokens, 3, heads, width // heads).permute(2, 0, 3, 1, 4)
    weights = (qkv[0] @ qkv[1].transpose(-2, -1) * (width // heads) ** -0.5).softmax(dim=-1)
    x = x + block.attn.proj((weights @ qkv[2]).transpose(1, 2).reshape(batch, tokens, width))
    return x + block.mlp(block.norm2(x))


def literal_loss(model: MaskedBrainModel, rows: Tensor, noise: Tensor) -> Tensor:
    """The loss of one batch, each sample shuffled, gathered and put back by itself."""
    config = model.config
    tokens = model.patch_embed.proj(rows[:, None]).transpose(1, 2) + model.pos_embed[:, 1:]
    n_keep = n_kept(config.n_patches, config.mask_ratio)
    kept, restored, masks = [], [], []
    for sample, own in zip(tokens, noise, strict=True):
        shuffle = torch.argsort(own, stable=True)
        restore = torch.argsort(shuffle)
        kept.append(torch.gather(sample, 0, shuffle[:n_keep, None].expand(-1, config.width)))
        mask = torch.ones_like(own)
        mask[:n_keep] = 0
        restored.append(restore)
        masks.append(torch.gather(mask, 0, restore))
    x = torch.cat([(model.cls_token + model.pos_embed[:, :1]).expand(len(rows), -1, -1), torch.stack(kept)], dim=1)
    for block in model.blocks:
        x = literal_block(block, x)  # type: ignore[arg-type]
    x = model.decoder_embed(model.norm(x))
    hidden = model.mask_token.expand(1, config.n_patches - n_keep, -1)[0]
    filled = [
        torch.gather(torch.cat([sample[1:], hidden]), 0, restore[:, None].expand(-1, config.decoder_width))
        for sample, restore in zip(x, restored, strict=True)
    ]
    x = torch.cat([x[:, :1], torch.stack(filled)], dim=1) + model.decoder_pos_embed
    for block in model.decoder_blocks:
        x = literal_block(block, x)  # type: ignore[arg-type]
    predicted = model.decoder_pred(model.decoder_norm(x))[:, 1:]
    error = (predicted - rows.reshape(len(rows), config.n_patches, config.patch_size)).square().mean(dim=-1)
    mask = torch.stack(masks)
    return (error * mask).sum() / mask.sum()


def step_seconds(loss: Callable[[], Tensor], model: MaskedBrainModel, repeats: int = REPEATS) -> tuple[float, float]:
    """Return the median time of forward, backward and optimiser step, and the loss of the first."""
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.0)
    times, first = [], float("nan")
    for turn in range(repeats + 1):
        started = time.perf_counter()
        value = loss()
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(value)
        optimiser.step()
        if value.is_cuda:
            torch.cuda.synchronize()
        if turn == 0:
            first = float(value.detach())  # the first turn warms up
        else:
            times.append(time.perf_counter() - started)
    return statistics.median(times), first


def model_flops(config: MBMConfig, n_rows: int) -> float:
    """Return the floating-point operations that a training step needs: three forward passes, nothing recomputed."""

    def blocks(depth: int, width: int, tokens: int) -> float:
        dense = (4 + 2 * config.mlp_ratio) * width**2
        return depth * (2 * dense * tokens + 4 * tokens**2 * width)

    seen, everything = n_kept(config.n_patches, config.mask_ratio) + 1, config.n_patches + 1
    ends = 2 * config.patch_size * (config.width * config.n_patches + config.decoder_width * everything)
    joint = 2 * config.width * config.decoder_width * seen
    encoder = blocks(config.depth, config.width, seen)
    return 3.0 * n_rows * (encoder + blocks(config.decoder_depth, config.decoder_width, everything) + ends + joint)


def on_cpu() -> None:
    """Print both formulations' time of a step at small size, taken in turns."""
    model = build_mbm(SMALL, torch.Generator().manual_seed(0)).train()
    draw = torch.Generator().manual_seed(1)
    rows = torch.randn(ROWS, SMALL.n_patches * SMALL.patch_size, generator=draw)
    noise = torch.rand(ROWS, SMALL.n_patches, generator=draw)
    ours, loss = step_seconds(lambda: model(rows, noise).loss, model)
    peer, peer_loss = step_seconds(lambda: literal_loss(model, rows, noise), model)
    again, _ = step_seconds(lambda: model(rows, noise).loss, model)
    if abs(loss - peer_loss) > 1e-4:
        sys.exit(f"the formulations disagree: {loss} and {peer_loss}")
    ours = min(ours, again)
    sys.stdout.write(
        f"MBM step, CPU, {ROWS} rows of {SMALL.n_grayordinates}: {ours:.2f} s, published formulation {peer:.2f} s, "
        f"ratio {peer / ours:.2f} (1 or more asked); losses {loss:.6f} and {peer_loss:.6f}\n"
    )


def on_gpu(n_rows: int = 100) -> None:
    """Print steps per second, memory and model FLOP utilisation at full size, under each attention kernel."""
    if not torch.cuda.is_available():
        sys.stdout.write("MBM at full size: no CUDA card here, nothing measured\n")
        return
    device, card = torch.device("cuda"), torch.cuda.get_device_name()
    config = MBMConfig()
    peak = next((value for name, value in PEAK_TFLOPS.items() if name in card), None)
    rows = torch.randn(n_rows, config.n_patches * config.patch_size, generator=torch.Generator().manual_seed(1))
    noise = torch.rand(n_rows, config.n_patches, generator=torch.Generator().manual_seed(2))
    rows, noise = rows.to(device), noise.to(device)
    for kernel in ("sdpa", "xformers"):
        if kernel == "xformers" and choose_kernel("auto", device, config.width // config.heads).name != kernel:
            sys.stdout.write("xformers: not installed\n")
            continue
        prefer(kernel)
        model = build_mbm(config, torch.Generator().manual_seed(0)).to(device).train()
        torch.cuda.reset_peak_memory_stats()

        def loss(model: MaskedBrainModel = model) -> Tensor:
            with torch.autocast("cuda", torch.bfloat16):
                return cast(Tensor, model(rows, noise).loss)

        seconds, first = step_seconds(loss, model, repeats=20)
        memory = torch.cuda.max_memory_allocated() / 2**30
        share = (
            f"{model_flops(config, n_rows) / seconds / peak / 1e12:.0%} of {peak:.0f} TFLOP/s" if peak else "unknown"
        )
        sys.stdout.write(
            f"MBM, {card}, bf16, {n_rows} rows, {kernel}: loss {first:.4f}, {1 / seconds:.2f} steps/s, "
            f"{memory:.1f} GiB, model FLOP utilisation {share} (45 % asked)\n"
        )


if __name__ == "__main__":
    on_cpu()
    on_gpu()
