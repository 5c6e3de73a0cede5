"""An image denoiser inflated to video, as in MinD-Video (docs/methods/mindvideo.md, Inflated network).

It is diffusers' UNet2DConditionModel on frames that are folded into the batch, with three changes: self-attention looks
at the two frames before its own (`sparse_causal_pairs`), each transformer block ends with attention over time, and the
group norms of the residual blocks and of the output take their statistics over a clip's frames, as in the released
networks (those in front of the transformer blocks stay per frame there as well). All names of the image network's
weights stay; the new ones hold `_temp.`.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import Attention
from torch import Tensor, nn

from brainflix.attention import attend
from brainflix.device import seeded_init
from brainflix.errors import DataError
from brainflix.models.weights import load_strict

TEMPORAL = "_temp."


def sparse_causal_pairs(n_frames: int) -> list[tuple[int, int]]:
    """Return the two frames whose tokens are keys and values of each frame: t - 2 and t - 1, never below 0."""
    return [(max(t - 2, 0), max(t - 1, 0)) for t in range(n_frames)]


class Frames:
    """How many frames each clip of the batch has; one for all layers of a network, set at each of its calls."""

    def __init__(self) -> None:
        self.count = 1


class FramesNorm(nn.GroupNorm):
    """Group norm of folded frames (clips * frames, channels, height, width) with statistics over a clip's frames."""

    def __init__(self, norm: Any, frames: Frames) -> None:
        super().__init__(norm.num_groups, norm.num_channels, norm.eps)
        self.frames = frames

    def forward(self, x: Tensor) -> Tensor:
        """Return x normalised, (clips * frames, channels, height, width)."""
        # (clips, channels, frames, height, width)
        clips = x.view(-1, self.frames.count, *x.shape[1:]).transpose(1, 2)
        return super().forward(clips).transpose(1, 2).flatten(0, 1)  # (clips * frames, channels, height, width)


class InflatedBlock(nn.Module):
    """A transformer block of the image network, whose layers it takes over, with attention over time after it.

    Args:
        block: diffusers' BasicTransformerBlock with plain layer norms.
        frames: the network's number of frames.
    """

    def __init__(self, block: nn.Module, frames: Frames) -> None:
        super().__init__()
        self.frames = frames
        for name in ("attn1", "norm1", "attn2", "norm2", "ff", "norm3"):
            self.add_module(name, block.get_submodule(name))
        layer = block.get_submodule("attn1")
        self.attn_temp, self.norm_temp = temporal_layers(layer)

    def forward(
        self,
        x: Tensor,
        attention_mask: None = None,
        encoder_hidden_states: Tensor | None = None,
        *_: object,
        **__: object,
    ) -> Tensor:
        """Return tokens (clips * frames, tokens, channels) of the same shape, told of the context (…, tokens, width).

        The names and the order are those by which diffusers' Transformer2DModel calls its blocks.
        """
        layers: dict[str, Any] = dict(self.named_children())
        x = x + self._look_back(layers["attn1"], layers["norm1"](x))
        x = x + _attention(layers["attn2"], layers["norm2"](x), encoder_hidden_states)
        x = x + layers["ff"](layers["norm3"](x))
        # Each place of the picture attends over the clip's frames.
        # (clips, tokens, frames, channels)
        over_time = x.view(-1, self.frames.count, *x.shape[1:]).transpose(1, 2)
        places = over_time.flatten(0, 1)  # (clips * tokens, frames, channels)
        changed = _attention(self.attn_temp, self.norm_temp(places))
        return x + changed.view(over_time.shape).transpose(1, 2).flatten(0, 1)  # (clips * frames, tokens, channels)

    def _look_back(self, layer: Attention, x: Tensor) -> Tensor:
        """Sparse causal attention: keys and values are the tokens of two frames before, each projected once."""
        pairs = torch.tensor(sparse_causal_pairs(self.frames.count), device=x.device)

        def gather(tokens: Tensor) -> Tensor:
            clips = tokens.view(-1, self.frames.count, *tokens.shape[1:])  # (clips, frames, tokens, channels)
            return clips[:, pairs].flatten(2, 3).flatten(0, 1)  # (clips * frames, 2 tokens, channels)

        # (clips * frames, tokens, channels)
        return _attend_heads(layer, layer.to_q(x), gather(layer.to_k(x)), gather(layer.to_v(x)))


def temporal_layers(layer: Attention) -> tuple[Attention, nn.LayerNorm]:
    """Return fresh attention over time in the size of `layer`, and the norm before it; its output starts at zero."""
    width = layer.to_q.in_features
    attention = Attention(query_dim=width, heads=layer.heads, dim_head=layer.to_q.out_features // layer.heads)
    nn.init.zeros_(attention.to_out[0].weight)
    nn.init.zeros_(attention.to_out[0].bias)
    return attention, nn.LayerNorm(width)


def _attention(layer: Attention, x: Tensor, context: Tensor | None = None) -> Tensor:
    """Attend from tokens x (batch, tokens, channels) to those of the context, or to themselves."""
    seen = x if context is None else context
    return _attend_heads(layer, layer.to_q(x), layer.to_k(seen), layer.to_v(seen))


def _attend_heads(layer: Attention, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Split projected tokens into heads, attend, join them and project: (batch, tokens, channels)."""
    # (batch, heads, tokens, head_dim) each
    heads = (t.view(*t.shape[:2], layer.heads, -1).transpose(1, 2) for t in (queries, keys, values))
    joined = attend(*heads).transpose(1, 2).flatten(2)  # (batch, tokens, channels)
    out: Tensor = layer.to_out[1](layer.to_out[0](joined))
    return out


class InflatedUNet(UNet2DConditionModel):  # type: ignore[misc]
    """The video denoiser.

    Args:
        norm_over_frames: take the group norms' statistics over a clip's frames, as the released networks do.
        settings: those of UNet2DConditionModel.

    Raises:
        DataError: a setting that the image network has not.
    """

    def __init__(self, *, norm_over_frames: bool = True, **settings: Any) -> None:
        known = inspect.signature(UNet2DConditionModel.__init__).parameters
        unknown = sorted(set(settings) - set(known))
        if unknown:
            raise DataError(f"an image denoiser has no setting {unknown[0]!r}")
        super().__init__(**settings)
        self.register_to_config(norm_over_frames=norm_over_frames)
        self.frames = Frames()
        for module in list(self.modules()):
            blocks = getattr(module, "transformer_blocks", None)
            if blocks is not None:
                module.transformer_blocks = nn.ModuleList(InflatedBlock(block, self.frames) for block in blocks)
        if norm_over_frames:
            self._widen_norms()

    def _widen_norms(self) -> None:
        for module in list(self.modules()):
            if hasattr(module, "time_emb_proj"):
                module.norm1, module.norm2 = (FramesNorm(norm, self.frames) for norm in (module.norm1, module.norm2))
        self.conv_norm_out: nn.GroupNorm = FramesNorm(self.get_submodule("conv_norm_out"), self.frames)

    def forward(self, x: Tensor, t: Tensor, context: Tensor) -> Tensor:
        """Predict the noise.

        Args:
            x: noised latents of shape (clips, channels, frames, height, width).
            t: time of all clips, or of each (clips,).
            context: what a clip's frames show, (clips, tokens, cross_attention_dim), shared by them.

        Returns:
            Tensor of the shape of `x`.
        """
        n_clips, n_frames = len(x), x.shape[2]
        self.frames.count = n_frames
        times = t.expand(n_clips).repeat_interleave(n_frames)  # (clips * frames,)
        folded = x.transpose(1, 2).flatten(0, 1)  # (clips * frames, channels, height, width)
        out: Tensor = super().forward(folded, times, context.repeat_interleave(n_frames, dim=0), return_dict=False)[0]
        return out.view(n_clips, n_frames, *out.shape[1:]).transpose(1, 2)  # (clips, channels, frames, height, width)


def inflate(config: Mapping[str, Any], state: Mapping[str, Tensor] | None, seed: int) -> InflatedUNet:
    """Make the video denoiser of an image network's or of a released video network's configuration and weights.

    Args:
        config: a UNet folder's config.json; names of video blocks count as those of image blocks.
        state: weights by name; None draws all. Those of an image network have no temporal layer, which is then drawn.
        seed: decides what is drawn.

    Raises:
        DataError: a setting that the network has not, or a missing, extra or misshapen weight, by name.
    """
    settings = network_settings(config)
    with seeded_init(seed):
        if state is None:
            return InflatedUNet(**settings)
        with torch.device("meta"):
            unet = InflatedUNet(**settings)
        if not any(TEMPORAL in name for name in state):
            dtype = next(iter(state.values())).dtype
            state = {**state, **{name: tensor.to(dtype) for name, tensor in _fresh_temporal(unet).items()}}
    load_strict(unet, state)
    return unet


def network_settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a config.json, blocks by the image network's names and its own remarks left out."""
    settings = {name: value for name, value in config.items() if not name.startswith("_")}
    for name, value in settings.items():
        if name.endswith("block_types"):
            settings[name] = tuple(_flat(block) for block in value)
    if settings.get("mid_block_type"):
        settings["mid_block_type"] = _flat(settings["mid_block_type"])
    return settings


def _flat(block: str) -> str:
    """Name the image network's block that a video network's block is made of."""
    return block.replace("Block3D", "Block2D")


def _fresh_temporal(unet: InflatedUNet) -> dict[str, Tensor]:
    """Draw the temporal layers of a network that holds no numbers yet, on the CPU."""
    drawn: dict[str, Tensor] = {}
    for name, block in unet.named_modules():
        if isinstance(block, InflatedBlock):
            attention, norm = temporal_layers(block.get_submodule("attn1"))
            drawn |= {f"{name}.attn_temp.{key}": value for key, value in attention.state_dict().items()}
            drawn |= {f"{name}.norm_temp.{key}": value for key, value in norm.state_dict().items()}
    return drawn
