"""MinD-Video's encoder against the published sizes and an independent composition of its parts."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch.nn import functional

from brainflix.errors import DataError, UsageError
from brainflix.methods.mindvideo.networks import (
    MindVideoEncoder,
    MindVideoEncoderConfig,
    build_mindvideo_encoder,
    nearest_positions,
    start_from_mbm,
)
from brainflix.models.mbm import MBMConfig, build_mbm
from brainflix.models.patches import sincos_positions

TINY = MindVideoEncoderConfig(160, width=32, depth=2, heads=4, n_tokens=5, context_width=24)
MBM = MBMConfig(160, 16, width=32, depth=2, heads=4, decoder_width=16, decoder_depth=1, decoder_heads=4)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def windows(n: int = 3, seed: int = 1) -> torch.Tensor:
    return torch.randn(n, 2, 160, generator=generator(seed))


def hollow(**changes: object) -> MindVideoEncoder:
    with torch.device("meta"):
        return MindVideoEncoder(MindVideoEncoderConfig(**changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(("columns", "published"), [(3744, 253_725_893), (6016, 253_893_169), (6224, 253_908_483)])
def test_full_size_has_the_published_number_of_parameters(columns: int, published: int) -> None:
    model = hollow(n_grayordinates=columns)
    patches = columns // 16
    trainable = sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert trainable == 24 * 10_502_144 + 21_505 + 77 * 2 * patches + 1_376_256
    # With the table of fixed positions.
    assert sum(p.numel() for p in model.parameters()) == trainable + (patches + 1) * 1024 == published
    assert sum(p.numel() for p in model.blocks[0].parameters()) == 10_502_144


def test_full_size_shapes_and_names() -> None:
    model = hollow()
    assert model(torch.empty(2, 2, 3744, device="meta")).shape == (2, 77, 768)
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    assert shapes["pos_embed"] == (1, 235, 1024) and shapes["proj_head.channel_mapper.weight"] == (77, 468)
    assert shapes["proj_head.projection.weight"] == (768, 1024) and shapes["proj_head.fc.weight"] == (768, 768)
    assert shapes["blocks.23.attn_temp.qkv.weight"] == (3072, 1024) and shapes["logit_scale"] == ()
    assert shapes["cls_token"] == shapes["mask_token"] == (1, 1, 1024)


def test_state_dict_names_are_the_released_ones() -> None:
    parts = ["norm1", "attn.qkv", "attn.proj", "norm2", "norm_temp", "attn_temp.qkv", "attn_temp.proj"]
    modules = [f"blocks.{i}.{part}" for i in range(2) for part in (*parts, "mlp.fc1", "mlp.fc2")]
    modules += ["patch_embed.proj", "norm", "proj_head.layer_norm"]
    names = {f"{module}.{kind}" for module in modules for kind in ("weight", "bias")}
    names |= {f"proj_head.{part}.weight" for part in ("channel_mapper", "projection", "fc")}
    names |= {"cls_token", "mask_token", "pos_embed", "logit_scale"}
    with_norm = build_mindvideo_encoder(dataclasses.replace(TINY, final_norm=True), generator())
    assert set(with_norm.state_dict()) == names
    bare = build_mindvideo_encoder(dataclasses.replace(TINY, temporal=False), generator())
    assert set(bare.state_dict()) == {n for n in names if "_temp" not in n and "layer_norm" not in n}


def by_hand(model: MindVideoEncoder, rows: torch.Tensor) -> torch.Tensor:
    """Encode one window after the other with plain matrix products on the state dict."""
    state, heads, found = model.state_dict(), model.config.heads, []

    def norm(x: torch.Tensor, name: str) -> torch.Tensor:
        return functional.layer_norm(x, x.shape[-1:], state[f"{name}.weight"], state[f"{name}.bias"])

    def linear(x: torch.Tensor, name: str) -> torch.Tensor:
        return x @ state[f"{name}.weight"].T + state.get(f"{name}.bias", torch.zeros(()))

    def attention(x: torch.Tensor, name: str) -> torch.Tensor:
        parts = []
        split = [part.chunk(heads, dim=-1) for part in linear(x, f"{name}.qkv").chunk(3, dim=-1)]
        for q, k, v in zip(*split, strict=True):
            parts.append((q @ k.T / q.shape[-1] ** 0.5).softmax(dim=-1) @ v)
        return linear(torch.cat(parts, dim=-1), f"{name}.proj")

    for window in rows:
        volumes = []
        for row in window:
            kernel = state["patch_embed.proj.weight"][:, 0]
            patches = torch.stack([kernel @ row[16 * p : 16 * p + 16] for p in range(10)])
            volumes.append(patches + state["patch_embed.proj.bias"] + state["pos_embed"][0, 1:])
        for i in range(model.config.depth):
            block = f"blocks.{i}"
            volumes = [x + attention(norm(x, f"{block}.norm1"), f"{block}.attn") for x in volumes]
            mixed = [
                attention(norm(torch.stack([x[p] for x in volumes]), f"{block}.norm_temp"), f"{block}.attn_temp")
                for p in range(10)
            ]
            volumes = [x + torch.stack([m[t] for m in mixed]) for t, x in enumerate(volumes)]
            volumes = [
                x + linear(functional.gelu(linear(norm(x, f"{block}.norm2"), f"{block}.mlp.fc1")), f"{block}.mlp.fc2")
                for x in volumes
            ]
        tokens = torch.cat([norm(x, "norm") for x in volumes])
        h = linear(state["proj_head.channel_mapper.weight"] @ tokens, "proj_head.projection")
        found.append(h + linear(functional.gelu(h), "proj_head.fc"))
    return torch.stack(found)


@pytest.mark.parametrize("quiet", [True, False])
def test_forward_is_the_stated_composition(quiet: bool) -> None:
    model = build_mindvideo_encoder(TINY, generator(), quiet_temporal=quiet)
    with torch.no_grad():
        context = model(windows())
        assert context.shape == (3, 5, 24)
        assert torch.allclose(context, by_hand(model, windows()), atol=1e-5)


def test_a_started_encoder_is_the_masked_autoencoders_trunk_without_cls() -> None:
    mbm = build_mbm(MBM, generator(5))
    model = build_mindvideo_encoder(TINY, generator(6))
    start_from_mbm(model, mbm.state_dict())
    with torch.no_grad():
        tokens = mbm.patch_embed(windows().reshape(6, 10, 16)) + mbm.pos_embed[:, 1:]
        for block in mbm.blocks:
            tokens = block(tokens)
        expected = mbm.norm(tokens).reshape(3, 20, 32)
        assert torch.allclose(model.trunk(windows()), expected, atol=1e-5)
        # Each volume by itself: the other one has no say yet.
        other = windows()
        other[:, 1] = 7
        assert torch.allclose(model.trunk(other)[:, :10], expected[:, :10], atol=1e-5)
    loud = build_mindvideo_encoder(TINY, generator(6), quiet_temporal=False)
    start_from_mbm(loud, mbm.state_dict())
    with torch.no_grad():
        assert not torch.allclose(loud.trunk(windows()), expected, atol=1e-2)
        assert not torch.allclose(loud.trunk(other)[:, :10], loud.trunk(windows())[:, :10], atol=1e-2)


def test_a_quiet_temporal_attention_can_learn() -> None:
    model = build_mindvideo_encoder(TINY, generator())
    model(windows()).square().mean().backward()
    weight = model.blocks[0].attn_temp.proj.weight  # type: ignore[union-attr]
    assert weight.abs().max() == 0 and weight.grad.abs().max() > 0  # type: ignore[operator,union-attr]
    without = {name for name, p in model.named_parameters() if p.grad is None}
    assert without == {"pos_embed", "cls_token", "mask_token", "logit_scale"}


def test_a_trunk_of_another_length_brings_the_nearest_positions() -> None:
    mbm = build_mbm(MBM, generator(5))
    model = build_mindvideo_encoder(dataclasses.replace(TINY, n_grayordinates=80), generator())
    start_from_mbm(model, mbm.state_dict())
    assert model.pos_embed[0, 1:].equal(mbm.pos_embed[0, 1::2])
    assert model.pos_embed[0, 0].abs().max() == 0
    assert model.blocks[1].mlp.fc1.weight.equal(mbm.blocks[1].mlp.fc1.weight)  # type: ignore[union-attr,operator]
    table = sincos_positions(4, 6)
    assert nearest_positions(table, 4) is table
    assert nearest_positions(table, 6)[0, 1:].equal(table[0, [1, 1, 2, 3, 3, 4]])


def test_a_trunk_that_does_not_fit_is_named() -> None:
    model = build_mindvideo_encoder(TINY, generator())
    state = dict(build_mbm(MBM, generator()).state_dict())
    state["blocks.1.mlp.fc3.weight"] = state.pop("blocks.1.mlp.fc1.weight")
    state["norm.bias"] = torch.zeros(3)
    with pytest.raises(DataError) as caught:
        start_from_mbm(model, state)
    for word in ("missing blocks.1.mlp.fc1.weight", "extra blocks.1.mlp.fc3.weight", "norm.bias is (3,), not (32,)"):
        assert word in str(caught.value)
    del state["pos_embed"]
    with pytest.raises(DataError, match="missing pos_embed"):
        start_from_mbm(model, state)


def test_unusable_windows_and_sizes_are_refused() -> None:
    model = build_mindvideo_encoder(TINY, generator())
    for wrong in (torch.zeros(2, 1, 160), torch.zeros(2, 3, 160), torch.zeros(2, 2, 150), torch.zeros(2, 320)):
        with pytest.raises(DataError, match="windows of 2 volumes of 160 columns"):
            model(wrong)
    for bad in ({"width": 30}, {"depth": 0}, {"window": 0}, {"n_tokens": 0}):
        with pytest.raises(UsageError):
            dataclasses.replace(TINY, **bad)  # type: ignore[arg-type]


def test_building_twice_gives_one_network_and_leaves_torchs_randomness_alone() -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    first, second = (build_mindvideo_encoder(TINY, generator(2)).state_dict() for _ in range(2))
    assert all(first[name].equal(second[name]) for name in first)
    assert torch.get_rng_state().equal(before)
    assert first["logit_scale"] == 1 and first["pos_embed"].equal(sincos_positions(10, 32))


def test_recomputing_activations_gives_the_same_gradients() -> None:
    gradients = []
    for recompute in (False, True):
        model = build_mindvideo_encoder(TINY, generator(), quiet_temporal=False)
        model.recompute = recompute
        model(windows()).square().mean().backward()
        gradients.append(model.patch_embed.proj.weight.grad)
    assert torch.allclose(gradients[0], gradients[1])
