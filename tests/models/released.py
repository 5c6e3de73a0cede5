"""Names, shapes and settings of the released checkpoints, as docs/methods lists them (Checkpoints)."""

from __future__ import annotations

from typing import Any

Shapes = dict[str, tuple[int, ...]]
# The released word for each of our fields.
SETTINGS: dict[str, dict[str, str]] = {
    "mbm": {
        "n_grayordinates": "num_voxels",
        "patch_size": "patch_size",
        "width": "embed_dim",
        "depth": "depth",
        "heads": "num_heads",
        "mlp_ratio": "mlp_ratio",
        "mask_ratio": "mask_ratio",
        "decoder_width": "decoder_embed_dim",
        "decoder_heads": "decoder_num_heads",
    },
    "encoder": {
        "n_grayordinates": "num_voxels",
        "patch_size": "patch_size",
        "width": "embed_dim",
        "depth": "depth",
        "heads": "num_heads",
        "mlp_ratio": "mlp_ratio",
        "window": "window_size",
        "n_tokens": "out_channel",
        "context_width": "out_dim",
        "final_norm": "use_norm",
        "temporal": "use_temp_attn",
        "logit_scale_init": "logit_scale_init_value",
    },
}


def settings_of(config: Any) -> dict[str, Any]:
    """Return a config of ours in the released words."""
    words = SETTINGS["mbm" if hasattr(config, "decoder_width") else "encoder"]
    return {theirs: getattr(config, ours) for ours, theirs in words.items()}


def _linear(name: str, n_in: int, n_out: int) -> Shapes:
    return {f"{name}.weight": (n_out, n_in), f"{name}.bias": (n_out,)}


def _norm(name: str, width: int) -> Shapes:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def _attention(name: str, width: int) -> Shapes:
    return _linear(f"{name}.qkv", width, 3 * width) | _linear(f"{name}.proj", width, width)


def _block(name: str, width: int, hidden: int, temporal: bool = False) -> Shapes:
    shapes = _norm(f"{name}.norm1", width) | _attention(f"{name}.attn", width) | _norm(f"{name}.norm2", width)
    shapes |= _linear(f"{name}.mlp.fc1", width, hidden) | _linear(f"{name}.mlp.fc2", hidden, width)
    if temporal:
        shapes |= _attention(f"{name}.attn_temp", width) | _norm(f"{name}.norm_temp", width)
    return shapes


def _trunk(columns: int, width: int, depth: int, hidden: int, temporal: bool = False) -> Shapes:
    shapes: Shapes = {"cls_token": (1, 1, width), "pos_embed": (1, columns // 16 + 1, width)}
    shapes |= {"patch_embed.proj.weight": (width, 1, 16), "patch_embed.proj.bias": (width,)}
    for i in range(depth):
        shapes |= _block(f"blocks.{i}", width, hidden, temporal)
    return shapes | _norm("norm", width)


def mbm_shapes(
    columns: int = 13168,
    width: int = 1024,
    depth: int = 24,
    hidden: int = 1024,
    decoder_width: int = 512,
    decoder_depth: int = 8,
) -> Shapes:
    """Return names and shapes of a masked autoencoder's state dict."""
    decoder_hidden = hidden * decoder_width // width
    shapes = _trunk(columns, width, depth, hidden)
    shapes |= {"mask_token": (1, 1, decoder_width), "decoder_pos_embed": (1, columns // 16 + 1, decoder_width)}
    shapes |= _linear("decoder_embed", width, decoder_width) | _norm("decoder_norm", decoder_width)
    for i in range(decoder_depth):
        shapes |= _block(f"decoder_blocks.{i}", decoder_width, decoder_hidden)
    return shapes | _linear("decoder_pred", decoder_width, 16)


def encoder_shapes(
    columns: int = 3744,
    width: int = 1024,
    depth: int = 24,
    hidden: int = 1024,
    window: int = 2,
    n_tokens: int = 77,
    context_width: int = 768,
    temporal: bool = True,
    final_norm: bool = False,
) -> Shapes:
    """Return names and shapes of the state dict of MinD-Video's encoder."""
    shapes = _trunk(columns, width, depth, hidden, temporal)
    shapes |= {"mask_token": (1, 1, width), "logit_scale": ()}
    shapes |= {
        "proj_head.channel_mapper.weight": (n_tokens, window * columns // 16),
        "proj_head.projection.weight": (context_width, width),
        "proj_head.fc.weight": (context_width, context_width),
    }
    return shapes | (_norm("proj_head.layer_norm", context_width) if final_norm else {})
