"""MinD-Video's fMRI encoder: a trunk with attention over a window (docs/methods/mindvideo.md, Encoder).

State-dict names are the released ones, so that its checkpoints load strictly. Shapes: B rows, W volumes of a window,
L patches of P grayordinates, D channels of the trunk.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from brainflix.errors import DataError, UsageError
from brainflix.models.mbm import Mlp, PatchEmbed, SelfAttention, run_blocks
from brainflix.models.patches import patchify, sincos_positions
from brainflix.models.weights import init_weights, load_strict

# Parts of a masked autoencoder that the encoder goes on from; its CLS token, its decoder and its tables stay behind.
_TRUNK = ("patch_embed.", "blocks.", "norm.")
_TEMPORAL = ("attn_temp.", "norm_temp.")


@dataclass(frozen=True)
class MindVideoEncoderConfig:
    """Size of the network; the defaults are the published 253,725,893 parameters, for the first subject's voxels.

    Attributes:
        n_grayordinates: columns of one volume, rounded up to whole patches.
        patch_size: consecutive grayordinates in one token.
        window: volumes that are seen together.
        n_tokens: tokens of the context that a generator reads.
        context_width: channels of each of them.
        final_norm: LayerNorm on the context.
        temporal: attention over the window in each block; without it volumes meet only in the head.
        logit_scale_init: first value of `logit_scale`, whose exponential multiplies similarities.
    """

    n_grayordinates: int = 3744
    patch_size: int = 16
    width: int = 1024
    depth: int = 24
    heads: int = 16
    mlp_ratio: float = 1.0
    window: int = 2
    n_tokens: int = 77
    context_width: int = 768
    final_norm: bool = False
    temporal: bool = True
    logit_scale_init: float = 1.0

    def __post_init__(self) -> None:
        """Refuse sizes that no network can have."""
        counts = (self.n_grayordinates, self.patch_size, self.depth, self.window, self.n_tokens, self.context_width)
        if min(counts) < 1:
            raise UsageError(f"no such encoder: {self}", why="every size must be positive")
        if self.width < 2 or self.heads < 1 or self.width % 2 or self.width % self.heads:
            raise UsageError(
                f"width {self.width} does not fit {self.heads} heads", why="it must be even and divisible by them"
            )

    @property
    def n_patches(self) -> int:
        """Tokens of one volume."""
        return math.ceil(self.n_grayordinates / self.patch_size)


class WindowBlock(nn.Module):
    """Pre-norm block: attention over the patches of a volume, over the window at each patch, then the MLP.

    With D = 1024 and MLP ratio 1 it holds 10,502,144 parameters, 6,301,696 of them without the temporal attention.
    """

    def __init__(self, config: MindVideoEncoderConfig) -> None:
        super().__init__()
        width, heads = config.width, config.heads
        self.window = config.window
        self.norm1 = nn.LayerNorm(width)
        self.attn = SelfAttention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = Mlp(width, int(width * config.mlp_ratio))
        self.temporal = config.temporal
        if config.temporal:
            self.norm_temp = nn.LayerNorm(width)
            self.attn_temp = SelfAttention(width, heads)

    def forward(self, x: Tensor) -> Tensor:
        """Transform tokens of shape (B W, L, D), the volumes of a window one after the other."""
        x = x + self.attn(self.norm1(x))
        if self.temporal:
            x = x + self._over_window(self.norm_temp(x))
        return cast(Tensor, x + self.mlp(self.norm2(x)))

    def _over_window(self, x: Tensor) -> Tensor:
        volumes, patches, width = x.shape
        # (B L, W, D)
        by_patch = x.reshape(-1, self.window, patches, width).transpose(1, 2).reshape(-1, self.window, width)
        mixed = self.attn_temp(by_patch).reshape(-1, patches, self.window, width)  # (B, L, W, D)
        return cast(Tensor, mixed.transpose(1, 2).reshape(volumes, patches, width))  # (B W, L, D)


class ContextHead(nn.Module):
    """All tokens of a window to a context: a linear map over the tokens, then Linear h and h + Linear(GELU(h))."""

    def __init__(self, config: MindVideoEncoderConfig) -> None:
        super().__init__()
        self.channel_mapper = nn.Linear(config.window * config.n_patches, config.n_tokens, bias=False)
        self.projection = nn.Linear(config.width, config.context_width, bias=False)
        self.fc = nn.Linear(config.context_width, config.context_width, bias=False)
        self.layer_norm = nn.LayerNorm(config.context_width) if config.final_norm else nn.Identity()

    def forward(self, tokens: Tensor) -> Tensor:
        """Map tokens of shape (B, W L, D) to a context of shape (B, n_tokens, context_width)."""
        mapped = self.channel_mapper(tokens.transpose(1, 2)).transpose(1, 2)  # (B, n_tokens, D)
        projected = self.projection(mapped)
        return cast(Tensor, self.layer_norm(projected + self.fc(functional.gelu(projected))))


class MindVideoEncoder(nn.Module):
    """Windows of fMRI volumes to a generator's context.

    Attributes:
        cls_token, mask_token: unused, kept because released checkpoints hold them.
        recompute: recompute activations in the backward pass; less memory, the same numbers.
    """

    def __init__(self, config: MindVideoEncoderConfig) -> None:
        super().__init__()
        self.config, self.recompute = config, False
        self.patch_embed = PatchEmbed(config.patch_size, config.width)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, config.width))
        self.pos_embed = nn.Parameter(sincos_positions(config.n_patches, config.width), requires_grad=False)
        self.blocks = nn.ModuleList(WindowBlock(config) for _ in range(config.depth))
        self.norm = nn.LayerNorm(config.width)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, config.width))
        self.proj_head = ContextHead(config)
        self.logit_scale = nn.Parameter(torch.zeros(()))

    def init_own(self, generator: torch.Generator) -> None:
        """Draw the two tokens, fill the fixed positions, set the logit scale."""
        self.cls_token.normal_(std=0.02, generator=generator)
        self.mask_token.normal_(std=0.02, generator=generator)
        self.pos_embed.copy_(sincos_positions(self.config.n_patches, self.config.width))
        self.logit_scale.fill_(self.config.logit_scale_init)

    def trunk(self, rows: Tensor) -> Tensor:
        """Return the normed tokens, of shape (B, W L, D), the first volume's first.

        Args:
            rows: padded, z-scored windows of shape (B, W, L P).

        Raises:
            DataError: another number of volumes or of columns.
        """
        columns = self.config.n_patches * self.config.patch_size
        if rows.ndim != 3 or rows.shape[1:] != (self.config.window, columns):
            raise DataError(
                f"rows of shape {tuple(rows.shape)} do not fit the encoder",
                why=f"it reads windows of {self.config.window} volumes of {columns} columns after padding",
            )
        # (B W, L, D)
        tokens = self.patch_embed(patchify(rows.flatten(0, 1), self.config.patch_size)) + self.pos_embed[:, 1:]
        tokens = self.norm(run_blocks(self.blocks, tokens, self.recompute))
        return cast(Tensor, tokens.reshape(len(rows), -1, self.config.width))  # (B, W L, D)

    def forward(self, rows: Tensor) -> Tensor:
        """Return the context, of shape (B, n_tokens, context_width), of windows of shape (B, W, L P)."""
        return cast(Tensor, self.proj_head(self.trunk(rows)))


def build_mindvideo_encoder(
    config: MindVideoEncoderConfig, generator: torch.Generator, *, quiet_temporal: bool = True
) -> MindVideoEncoder:
    """Make a freshly initialised network on the CPU without touching torch's global random state.

    Args:
        config: its size.
        generator: what the weights are drawn from.
        quiet_temporal: let the temporal attention add nothing at first, so that a trunk that is put in keeps what it
            learned; without it the attention starts at random, as the released code has it.
    """
    with torch.device("meta"):
        model = MindVideoEncoder(config)
    model.to_empty(device="cpu")
    init_weights(model, generator)
    if quiet_temporal and config.temporal:
        with torch.no_grad():
            for block in model.blocks:
                cast(WindowBlock, block).attn_temp.proj.weight.zero_()
    return model


def start_from_mbm(model: MindVideoEncoder, mbm_state: Mapping[str, Tensor]) -> None:
    """Put a masked autoencoder's trunk into an encoder; temporal parts, head and unused tokens stay as they are.

    Positions are taken over too, the nearest one for each patch where the two cut rows into different numbers of them.

    Args:
        model: freshly initialised encoder.
        mbm_state: state dict of a masked autoencoder, or of an encoder alone, of the same width and depth.

    Raises:
        DataError: a part of the trunk is missing, surplus or misshapen, by name.
    """
    trunk = {name: tensor for name, tensor in mbm_state.items() if name.startswith(_TRUNK)}
    own = {name: t for name, t in model.state_dict().items() if not _from_trunk(name) and name != "pos_embed"}
    if "pos_embed" in mbm_state:
        own["pos_embed"] = nearest_positions(mbm_state["pos_embed"], model.config.n_patches)
    load_strict(model, own | trunk)


def nearest_positions(table: Tensor, n_patches: int) -> Tensor:
    """Return a table of positions (1, 1 + L, D) for `n_patches` patches, each the nearest of the given ones."""
    if table.shape[1] == n_patches + 1:
        return table
    # (1, n_patches, D)
    patches = functional.interpolate(table[:, 1:].transpose(1, 2), size=n_patches, mode="nearest").transpose(1, 2)
    return torch.cat([table[:, :1], patches], dim=1)


def _from_trunk(name: str) -> bool:
    return name.startswith(_TRUNK) and not any(part in name for part in _TEMPORAL)
