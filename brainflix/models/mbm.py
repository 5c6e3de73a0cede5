"""Masked brain modelling: a masked autoencoder over patches of consecutive grayordinates (Brain Netflix, stage 1).

State-dict names are those of the published masked-autoencoder lineage, so that its checkpoints load strictly.
Shapes: B rows, V grayordinates, L patches of P grayordinates, D channels.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from brainflix.attention import attend
from brainflix.errors import DataError, UsageError
from brainflix.models.patches import masked_patch_loss, n_kept, patchify, random_masking, sincos_positions
from brainflix.models.weights import init_weights

POOLS = ("mean", "cls")
ALL_TOKENS = "tokens"


@dataclass(frozen=True)
class MBMConfig:
    """Size of the network; the defaults are the published 165,685,264 parameters.

    Attributes:
        n_grayordinates: columns of a row, rounded up to whole patches.
        patch_size: consecutive grayordinates in one token.
        mask_ratio: fraction of the patches hidden from the encoder while training.
    """

    n_grayordinates: int = 13168
    patch_size: int = 16
    width: int = 1024
    depth: int = 24
    heads: int = 16
    mlp_ratio: float = 1.0
    decoder_width: int = 512
    decoder_depth: int = 8
    decoder_heads: int = 16
    mask_ratio: float = 0.75

    def __post_init__(self) -> None:
        """Refuse sizes that no network can have."""
        if self.n_grayordinates < 1 or self.patch_size < 1:
            raise UsageError("n_grayordinates and patch_size must be positive")
        for width, heads in ((self.width, self.heads), (self.decoder_width, self.decoder_heads)):
            if width < 2 or heads < 1 or width % 2 or width % heads:
                raise UsageError(
                    f"width {width} does not fit {heads} heads", why="it must be even and divisible by them"
                )
        if not 0 <= self.mask_ratio < 1 or n_kept(self.n_patches, self.mask_ratio) < 1:
            raise UsageError(
                f"mask ratio {self.mask_ratio} leaves no patch of {self.n_patches}",
                next="lower mask_ratio or patch_size",
            )

    @property
    def n_patches(self) -> int:
        """Tokens of one row, CLS not counted."""
        return math.ceil(self.n_grayordinates / self.patch_size)


class PatchEmbed(nn.Module):
    """Linear embedding of each patch, kept as the Conv1d that published checkpoints hold."""

    def __init__(self, patch_size: int, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv1d(1, width, kernel_size=patch_size, stride=patch_size)

    def forward(self, patches: Tensor) -> Tensor:
        """Embed patches of shape (B, L, P) as tokens of shape (B, L, D)."""
        # Kernel = stride, so the convolution is one matrix product, which every device does faster.
        return functional.linear(patches, self.proj.weight[:, 0], self.proj.bias)


class SelfAttention(nn.Module):
    """Multi-head self-attention with one biased projection for queries, keys and values."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Mix tokens of shape (B, N, D)."""
        batch, tokens, width = x.shape
        # (3, B, heads, N, head_dim)
        qkv = self.qkv(x).reshape(batch, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        mixed = attend(qkv[0], qkv[1], qkv[2]).transpose(1, 2).reshape(batch, tokens, width)  # (B, N, D)
        return cast(Tensor, self.proj(mixed))


class Mlp(nn.Module):
    """Linear, GELU, Linear."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """Transform each token of shape (..., D)."""
        return cast(Tensor, self.fc2(functional.gelu(self.fc1(x))))


class Block(nn.Module):
    """Pre-norm transformer block: (4 + 2r) D^2 + (9 + r) D parameters at MLP ratio r."""

    def __init__(self, width: int, heads: int, mlp_ratio: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attn = SelfAttention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = Mlp(width, int(width * mlp_ratio))

    def forward(self, x: Tensor) -> Tensor:
        """Transform tokens of shape (B, N, D)."""
        x = x + self.attn(self.norm1(x))
        return cast(Tensor, x + self.mlp(self.norm2(x)))


def run_blocks(blocks: Iterable[nn.Module], x: Tensor, recompute: bool) -> Tensor:
    """Pass tokens (B, N, D) through blocks; `recompute` computes activations again in the backward pass."""
    for block in blocks:
        if recompute and torch.is_grad_enabled():
            x = checkpoint(block, x, use_reentrant=False, preserve_rng_state=False)
        else:
            x = block(x)
    return x


class Encoded(NamedTuple):
    """Encoder output: tokens (B, 1 + n_kept, D) with CLS first, mask (B, L), inverse permutation (B, L)."""

    tokens: Tensor
    mask: Tensor
    restore: Tensor


class BrainEncoder(nn.Module):
    """The encoder half: patches, fixed positions, CLS token, blocks, final norm.

    Attributes:
        recompute: recompute activations in the backward pass; less memory, the same numbers.
    """

    def __init__(self, config: MBMConfig) -> None:
        super().__init__()
        self.config, self.recompute = config, False
        self.patch_embed = PatchEmbed(config.patch_size, config.width)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, config.width))
        self.pos_embed = nn.Parameter(sincos_positions(config.n_patches, config.width), requires_grad=False)
        self.blocks = nn.ModuleList(Block(config.width, config.heads, config.mlp_ratio) for _ in range(config.depth))
        self.norm = nn.LayerNorm(config.width)

    def init_own(self, generator: torch.Generator) -> None:
        """Draw the CLS token and fill the fixed positions."""
        self.cls_token.normal_(std=0.02, generator=generator)
        self.pos_embed.copy_(sincos_positions(self.config.n_patches, self.config.width))

    def encode(
        self, rows: Tensor, *, mask_ratio: float = 0.0, noise: Tensor | None = None, legacy_shuffle: bool = False
    ) -> Encoded:
        """Encode rows; without masking the tokens stay in their order.

        Args:
            rows: padded, z-scored rows of shape (B, L P).
            mask_ratio: fraction of the patches to hide.
            noise: uniform numbers of shape (B, L); needed to mask or to shuffle.
            legacy_shuffle: shuffle the tokens although nothing is hidden, as the released code does.

        Raises:
            DataError: the rows do not have L P columns.
            UsageError: masking or shuffling without noise.
        """
        if rows.ndim != 2 or rows.shape[1] != self.config.n_patches * self.config.patch_size:
            raise DataError(
                f"rows of shape {tuple(rows.shape)} do not fit a network of {self.config.n_patches} patches",
                why=f"each row must have {self.config.n_patches * self.config.patch_size} columns after padding",
            )
        tokens = self.patch_embed(patchify(rows, self.config.patch_size)) + self.pos_embed[:, 1:]
        batch, n_patches, width = tokens.shape
        n_keep = n_kept(n_patches, mask_ratio)
        if n_keep == n_patches and not legacy_shuffle:
            mask = rows.new_zeros(batch, n_patches)
            restore = torch.arange(n_patches, device=rows.device).expand(batch, -1)  # (B, L)
        elif noise is None:
            raise UsageError("masking needs noise", why="randomness is always passed in, never drawn inside a network")
        else:
            keep, restore, mask = random_masking(noise, n_keep)
            tokens = tokens.gather(1, keep[..., None].expand(-1, -1, width))  # (B, n_kept, D)
        cls = (self.cls_token + self.pos_embed[:, :1]).expand(batch, -1, -1)  # (B, 1, D)
        tokens = run_blocks(self.blocks, torch.cat([cls, tokens], dim=1), self.recompute)
        return Encoded(self.norm(tokens), mask, restore)

    def features(self, rows: Tensor, pool: str = "mean") -> Tensor:
        """Return one vector per row: the mean of the patch tokens or the CLS token (B, D), or all "tokens" (B, L D)."""
        if pool not in (*POOLS, ALL_TOKENS):
            raise UsageError(f"unknown pool {pool!r}", next=f"use one of {', '.join((*POOLS, ALL_TOKENS))}")
        tokens = self.encode(rows).tokens
        if pool == ALL_TOKENS:
            return tokens[:, 1:].flatten(1)  # (B, L D)
        return tokens[:, 1:].mean(dim=1) if pool == "mean" else tokens[:, 0]

    def forward(self, rows: Tensor) -> Tensor:
        """Return all tokens in order, of shape (B, 1 + L, D)."""
        return self.encode(rows).tokens


class MBMOutput(NamedTuple):
    """Masked autoencoding of a batch: scalar loss, prediction (B, L, P), mask (B, L) with 1 = hidden."""

    loss: Tensor
    prediction: Tensor
    mask: Tensor


class MaskedBrainModel(BrainEncoder):
    """Encoder and decoder: hide most patches, predict them from the rest."""

    def __init__(self, config: MBMConfig) -> None:
        super().__init__(config)
        width = config.decoder_width
        self.decoder_embed = nn.Linear(config.width, width)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, width))
        self.decoder_pos_embed = nn.Parameter(sincos_positions(config.n_patches, width), requires_grad=False)
        self.decoder_blocks = nn.ModuleList(
            Block(width, config.decoder_heads, config.mlp_ratio) for _ in range(config.decoder_depth)
        )
        self.decoder_norm = nn.LayerNorm(width)
        self.decoder_pred = nn.Linear(width, config.patch_size)

    def init_own(self, generator: torch.Generator) -> None:
        """Draw the CLS and mask tokens and fill both tables of positions."""
        super().init_own(generator)
        self.mask_token.normal_(std=0.02, generator=generator)
        self.decoder_pos_embed.copy_(sincos_positions(self.config.n_patches, self.config.decoder_width))

    def decode(self, encoded: Encoded) -> Tensor:
        """Predict every patch, of shape (B, L, P), from the encoded ones."""
        x = self.decoder_embed(encoded.tokens)
        batch, _, width = x.shape
        n_hidden = encoded.restore.shape[1] + 1 - x.shape[1]
        # (B, L, D), the seen patches before the hidden ones
        patches = torch.cat([x[:, 1:], self.mask_token.to(x.dtype).expand(batch, n_hidden, -1)], dim=1)
        patches = patches.gather(1, encoded.restore[..., None].expand(-1, -1, width))  # (B, L, D)
        x = torch.cat([x[:, :1], patches], dim=1) + self.decoder_pos_embed
        x = run_blocks(self.decoder_blocks, x, self.recompute)
        return cast(Tensor, self.decoder_pred(self.decoder_norm(x)[:, 1:]))

    def forward(  # type: ignore[override]
        self, rows: Tensor, noise: Tensor | None = None, targets: Tensor | None = None, mask_ratio: float | None = None
    ) -> MBMOutput:
        """Hide patches of `rows` and predict those of `targets`.

        Args:
            rows: padded, z-scored rows of shape (B, L P).
            noise: uniform numbers of shape (B, L) that choose the hidden patches.
            targets: rows to predict; by default `rows` themselves (they differ under vertex dropout).
            mask_ratio: by default the config's.
        """
        ratio = self.config.mask_ratio if mask_ratio is None else mask_ratio
        encoded = self.encode(rows, mask_ratio=ratio, noise=noise)
        prediction = self.decode(encoded)
        patches = patchify(rows if targets is None else targets, self.config.patch_size)
        return MBMOutput(masked_patch_loss(prediction, patches, encoded.mask), prediction, encoded.mask)


def build_mbm(config: MBMConfig, generator: torch.Generator) -> MaskedBrainModel:
    """Make a freshly initialised network on the CPU without touching torch's global random state."""
    with torch.device("meta"):
        model = MaskedBrainModel(config)
    model.to_empty(device="cpu")
    init_weights(model, generator)
    return model
