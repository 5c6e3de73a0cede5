"""The masked autoencoder against the published sizes and an independent single-sample reference."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from brainflix.errors import DataError, UsageError
from brainflix.models.mbm import BrainEncoder, MaskedBrainModel, MBMConfig, build_mbm
from brainflix.models.patches import (
    masked_patch_loss,
    n_kept,
    pad_to_patches,
    patchify,
    random_masking,
    sincos_positions,
    unpatchify,
)
from brainflix.models.weights import init_weights, load_strict

TINY = MBMConfig(160, 16, width=32, depth=2, heads=4, decoder_width=16, decoder_depth=1, decoder_heads=4)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def tiny(seed: int = 0) -> MaskedBrainModel:
    return build_mbm(TINY, generator(seed))


def rows_and_noise(n: int = 6, seed: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    draw = generator(seed)
    return torch.randn(n, 160, generator=draw), torch.rand(n, 10, generator=draw)


def count(parameters: object, trainable: bool | None = None) -> int:
    return sum(p.numel() for p in parameters if trainable in (None, p.requires_grad))  # type: ignore[attr-defined]


def on_meta(cls: type[nn.Module], config: MBMConfig) -> nn.Module:
    with torch.device("meta"):
        return cls(config)


def test_full_size_has_the_published_number_of_parameters() -> None:
    model = on_meta(MaskedBrainModel, MBMConfig())
    parameters = list(model.parameters())
    assert count(parameters) == 165_685_264
    assert count(parameters, True) == 164_419_600
    assert count(parameters, False) == 1_265_664


@pytest.mark.parametrize("columns", [4192, 4704, 13156])
def test_the_trainable_count_does_not_depend_on_the_columns(columns: int) -> None:
    model = on_meta(MaskedBrainModel, MBMConfig(n_grayordinates=columns))
    assert count(model.parameters(), True) == 164_419_600


def test_full_size_parts() -> None:
    model = on_meta(MaskedBrainModel, MBMConfig())
    parts = {name: count(getattr(model, name).parameters()) for name, _ in model.named_children()}
    assert parts == {
        "patch_embed": 17_408,
        "blocks": 151_240_704,
        "norm": 2_048,
        "decoder_embed": 524_800,
        "decoder_blocks": 12_623_872,
        "decoder_norm": 1_024,
        "decoder_pred": 8_208,
    }
    assert (model.cls_token.numel(), model.mask_token.numel()) == (1_024, 512)
    assert count(model.blocks[0].parameters()) == 6_301_696
    assert count(model.decoder_blocks[0].parameters()) == 1_577_984


@pytest.mark.parametrize(("ratio", "published"), [(1.0, 151_262_208), (4.0, 302_330_880)])
def test_the_encoder_alone(ratio: float, published: int) -> None:
    encoder = on_meta(BrainEncoder, MBMConfig(mlp_ratio=ratio))
    # The published count includes a mask token of the encoder's width, which an encoder alone has no use for.
    assert count(encoder.parameters(), True) + 1024 == published


def test_tiny_size() -> None:
    assert (count(tiny().parameters()), count(tiny().parameters(), True)) == (16_640, 16_112)


def test_state_dict_names_are_those_of_the_published_lineage() -> None:
    block = ["norm1", "attn.qkv", "attn.proj", "norm2", "mlp.fc1", "mlp.fc2"]
    modules = ["patch_embed.proj", "norm", "decoder_embed", "decoder_norm", "decoder_pred"]
    modules += [f"blocks.{i}.{part}" for i in range(2) for part in block]
    modules += [f"decoder_blocks.0.{part}" for part in block]
    names = {f"{m}.{kind}" for m in modules for kind in ("weight", "bias")}
    names |= {"cls_token", "pos_embed", "mask_token", "decoder_pos_embed"}
    assert set(tiny().state_dict()) == names
    assert tiny().state_dict()["patch_embed.proj.weight"].shape == (32, 1, 16)


@pytest.mark.parametrize(("patches", "kept"), [(823, 205), (10, 2)])
def test_kept_patches(patches: int, kept: int) -> None:
    assert n_kept(patches, 0.75) == kept
    masking = random_masking(torch.rand(5, patches, generator=generator()), kept)
    assert masking.mask.sum(dim=1).tolist() == [patches - kept] * 5
    assert masking.keep.shape == (5, kept)


def test_masking_differs_between_rows_is_uniform_and_hides_what_it_does_not_keep() -> None:
    masking = random_masking(torch.rand(4000, 10, generator=generator()), 2)
    assert not torch.equal(masking.keep[0], masking.keep[1]) or not torch.equal(masking.keep[0], masking.keep[2])
    hidden_share = masking.mask.mean(dim=0)
    assert torch.allclose(hidden_share, torch.full((10,), 0.8), atol=0.03)  # 3 sigma = 0.019
    assert masking.mask.gather(1, masking.keep).sum() == 0
    assert masking.restore.sort(dim=1).values.equal(torch.arange(10).expand(4000, -1))


def test_loss_is_the_mean_over_hidden_patches_only() -> None:
    model, (rows, noise) = tiny(), rows_and_noise()
    out = model(rows, noise)
    errors = [
        np.mean((out.prediction[i, j].detach().numpy() - rows[i, 16 * j : 16 * j + 16].numpy()) ** 2)
        for i in range(6)
        for j in range(10)
        if out.mask[i, j] == 1
    ]
    assert len(errors) == 6 * 8
    assert out.loss.item() == pytest.approx(np.mean(errors), rel=1e-5)


def test_kept_patches_do_not_enter_the_loss() -> None:
    _, (rows, noise) = tiny(), rows_and_noise()
    mask = random_masking(noise, 2).mask
    patches = patchify(rows, 16)
    prediction = torch.randn(6, 10, 16, generator=generator(3), requires_grad=True)
    loss = masked_patch_loss(prediction, patches, mask)
    kept = (1 - mask)[..., None]
    assert masked_patch_loss(prediction, patches + 5 * kept, mask).item() == loss.item()
    assert masked_patch_loss(prediction + 5 * kept, patches, mask).item() == loss.item()
    (gradient,) = torch.autograd.grad(loss, prediction)
    assert gradient[mask == 0].abs().max() == 0
    assert gradient[mask == 1].abs().min() > 0


def test_nothing_hidden_means_no_loss() -> None:
    rows, noise = rows_and_noise()
    assert tiny()(rows, noise, mask_ratio=0.0).loss.item() == 0


def test_predicting_zeros_on_standardised_rows_costs_one() -> None:
    draw = np.random.default_rng(0).standard_normal((50, 160))
    rows = torch.from_numpy((draw - draw.mean()) / draw.std()).float()
    mask = random_masking(torch.rand(50, 10, generator=generator()), 2).mask
    assert masked_patch_loss(torch.zeros(50, 10, 16), patchify(rows, 16), mask).item() == pytest.approx(1, abs=0.05)


@given(st.integers(1, 5), st.integers(1, 8), st.integers(1, 20))
@settings(max_examples=25, deadline=None)
def test_patches_round_trip(batch: int, patches: int, size: int) -> None:
    rows = torch.arange(batch * patches * size).reshape(batch, -1).float()
    assert unpatchify(patchify(rows, size)).equal(rows)
    assert patchify(rows, size)[-1, -1].equal(rows[-1, -size:])


@given(st.integers(1, 200), st.integers(1, 40), st.booleans())
@settings(max_examples=60, deadline=None)
def test_padding_wraps(columns: int, size: int, legacy: bool) -> None:
    x = np.arange(2 * columns, dtype=np.float32).reshape(2, columns)
    padded = pad_to_patches(x, size, legacy)
    extra = padded.shape[1] - columns
    assert padded.shape[1] % size == 0
    assert 0 < extra <= size if legacy else 0 <= extra < size
    assert np.array_equal(padded, x[:, np.arange(columns + extra) % columns])


@pytest.mark.parametrize(
    ("columns", "legacy", "fixed"),
    [(13156, 13168, 13168), (8161, 8176, 8176), (6026, 6032, 6032), (3731, 3744, 3744), (3040, 3056, 3040)],
)
def test_published_padded_widths(columns: int, legacy: int, fixed: int) -> None:
    x = np.zeros((1, columns), dtype=np.float32)
    assert pad_to_patches(x, 16, legacy=True).shape[1] == legacy
    assert pad_to_patches(x, 16).shape[1] == fixed
    assert MBMConfig(n_grayordinates=columns).n_patches == fixed // 16


def test_without_masking_the_encoder_is_deterministic_and_legacy_shuffling_is_only_a_permutation() -> None:
    model, (rows, noise) = tiny(), rows_and_noise()
    with torch.no_grad():
        tokens = model.encode(rows).tokens
        legacy = model.encode(rows, noise=noise, legacy_shuffle=True)
    assert tokens.equal(model.encode(rows).tokens)
    assert not torch.allclose(legacy.tokens[:, 1:], tokens[:, 1:], atol=1e-3)
    unshuffled = legacy.tokens[:, 1:].gather(1, legacy.restore[..., None].expand(-1, -1, 32))
    assert torch.allclose(unshuffled, tokens[:, 1:], atol=1e-5)
    assert torch.allclose(legacy.tokens[:, 0], tokens[:, 0], atol=1e-5)


def test_features_pool_the_patch_tokens() -> None:
    model, (rows, _) = tiny(), rows_and_noise()
    tokens = model.encode(rows).tokens
    assert torch.allclose(model.features(rows), tokens[:, 1:].mean(dim=1))
    assert torch.allclose(model.features(rows, "cls"), tokens[:, 0])


def test_position_rows() -> None:
    table = sincos_positions(10, 32)[0]
    assert table[0].abs().max() == 0
    assert table[1].tolist() == [0.0] * 16 + [1.0] * 16
    for patch, j in [(3, 0), (7, 5), (9, 15)]:
        angle = patch * 10000 ** (-2 * j / 32)
        assert table[patch + 1, j].item() == pytest.approx(np.sin(angle), abs=1e-6)
        assert table[patch + 1, 16 + j].item() == pytest.approx(np.cos(angle), abs=1e-6)


def test_positions_carry_no_gradient_and_every_other_weight_does() -> None:
    model, (rows, noise) = tiny(), rows_and_noise()
    model(rows, noise).loss.backward()
    without = {name for name, p in model.named_parameters() if p.grad is None or p.grad.abs().max() == 0}
    assert without == {"pos_embed", "decoder_pos_embed"}


def test_positions_break_permutation_equivariance() -> None:
    model, (rows, _) = tiny(), rows_and_noise()
    order = torch.randperm(10, generator=generator(5))
    shuffled = unpatchify(patchify(rows, 16)[:, order])
    with torch.no_grad():
        assert not torch.allclose(
            model.encode(shuffled).tokens[:, 1:], model.encode(rows).tokens[:, 1:][:, order], atol=1e-2
        )
        model.pos_embed.zero_()
        assert torch.allclose(
            model.encode(shuffled).tokens[:, 1:], model.encode(rows).tokens[:, 1:][:, order], atol=1e-5
        )


def reference_forward(model: MaskedBrainModel, row: torch.Tensor, noise: torch.Tensor) -> tuple[np.ndarray, float]:
    """One row in float64 numpy, written from the equations, sample by sample."""
    from scipy.special import erf

    w = {name: value.double().numpy() for name, value in model.state_dict().items()}

    def norm(x: np.ndarray, name: str) -> np.ndarray:
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
        return x * w[f"{name}.weight"] + w[f"{name}.bias"]

    def linear(x: np.ndarray, name: str) -> np.ndarray:
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    def block(x: np.ndarray, name: str, heads: int) -> np.ndarray:
        q, k, v = np.split(linear(norm(x, f"{name}.norm1"), f"{name}.attn.qkv"), 3, axis=-1)
        size = x.shape[1] // heads
        mixed = np.zeros_like(x)
        for h in range(heads):
            part = slice(h * size, (h + 1) * size)
            weight = np.exp(q[:, part] @ k[:, part].T / np.sqrt(size))
            mixed[:, part] = weight / weight.sum(-1, keepdims=True) @ v[:, part]
        x = x + linear(mixed, f"{name}.attn.proj")
        hidden = linear(norm(x, f"{name}.norm2"), f"{name}.mlp.fc1")
        return x + linear(0.5 * hidden * (1 + erf(hidden / np.sqrt(2))), f"{name}.mlp.fc2")

    patches = row.double().numpy().reshape(10, 16)
    kept = np.sort(np.argsort(noise.numpy())[:2])
    x = patches @ w["patch_embed.proj.weight"][:, 0].T + w["patch_embed.proj.bias"] + w["pos_embed"][0, 1:]
    x = np.concatenate([w["cls_token"][0] + w["pos_embed"][0, :1], x[kept]])
    for i in range(2):
        x = block(x, f"blocks.{i}", 4)
    x = linear(norm(x, "norm"), "decoder_embed")
    full = np.repeat(w["mask_token"][0], 11, axis=0)
    full[0], full[kept + 1] = x[0], x[1:]
    x = block(full + w["decoder_pos_embed"][0], "decoder_blocks.0", 4)
    prediction = linear(norm(x, "decoder_norm"), "decoder_pred")[1:]
    hidden = np.setdiff1d(np.arange(10), kept)
    return prediction, float(np.mean((prediction[hidden] - patches[hidden]) ** 2))


def test_forward_agrees_with_a_reference_written_from_the_equations() -> None:
    model, (rows, noise) = tiny(3), rows_and_noise()
    out = model(rows, noise)
    expected = [reference_forward(model, rows[i], noise[i]) for i in range(6)]
    assert np.allclose(out.prediction.detach().numpy(), np.stack([p for p, _ in expected]), atol=1e-5)
    assert out.loss.item() == pytest.approx(np.mean([loss for _, loss in expected]), rel=1e-5)


def test_recomputing_activations_changes_no_gradient() -> None:
    rows, noise = rows_and_noise()
    gradients = []
    for recompute in (False, True):
        model = tiny()
        model.recompute = recompute
        model(rows, noise).loss.backward()
        gradients.append([p.grad for p in model.parameters() if p.grad is not None])
    assert all(a.equal(b) for a, b in zip(*gradients, strict=True))


def test_initial_weights_follow_the_recipe_and_the_generator_alone() -> None:
    before = torch.get_rng_state()
    config = dataclasses.replace(TINY, width=256, heads=8)
    model = build_mbm(config, generator(4))
    assert torch.get_rng_state().equal(before)
    again = build_mbm(config, generator(4))
    assert all(a.equal(b) for a, b in zip(model.parameters(), again.parameters(), strict=True))
    qkv = model.blocks[0].attn.qkv
    bound = np.sqrt(6 / (256 + 768))
    assert 0.99 * bound < qkv.weight.abs().max().item() <= bound
    assert qkv.bias.abs().max() == 0
    assert model.patch_embed.proj.weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert model.cls_token.std().item() == pytest.approx(0.02, rel=0.15)
    assert model.norm.weight.eq(1).all() and model.norm.bias.eq(0).all()
    assert model.pos_embed.equal(sincos_positions(10, 256))


def test_weights_load_strictly() -> None:
    model, other = tiny(0), tiny(1)
    load_strict(model, other.state_dict())
    assert all(a.equal(b) for a, b in zip(model.parameters(), other.parameters(), strict=True))
    state = dict(other.state_dict())
    state["surplus"] = state.pop("mask_token")
    state["norm.weight"] = torch.zeros(3)
    with pytest.raises(DataError, match=r"missing mask_token; extra surplus; norm.weight is \(3,\), not \(32,\)"):
        load_strict(model, state)
    hollow = on_meta(MaskedBrainModel, TINY)
    load_strict(hollow, other.state_dict())
    assert hollow.norm.weight.device.type == "cpu"


def test_unusable_requests_are_refused() -> None:
    rows, _ = rows_and_noise()
    with pytest.raises(UsageError, match="masking needs noise"):
        tiny()(rows)
    with pytest.raises(DataError, match="160 columns"):
        tiny().encode(rows[:, :150])
    with pytest.raises(UsageError, match="unknown pool"):
        tiny().features(rows, "max")
    for bad in ({"width": 30, "heads": 4}, {"mask_ratio": 0.95}, {"mask_ratio": 1.0}, {"patch_size": 0}):
        with pytest.raises(UsageError):
            dataclasses.replace(TINY, **bad)


def test_initialising_twice_from_one_seed_is_stable_across_module_kinds() -> None:
    layer = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4))
    init_weights(layer, generator(1))
    first = layer[0].weight.clone()
    init_weights(layer, generator(1))
    assert layer[0].weight.equal(first)


def test_full_size_shapes() -> None:
    model = on_meta(MaskedBrainModel, MBMConfig())
    rows, noise = torch.empty(2, 13168, device="meta"), torch.empty(2, 823, device="meta")
    assert model.encode(rows, mask_ratio=0.75, noise=noise).tokens.shape == (2, 206, 1024)  # type: ignore[operator]
    assert model.encode(rows).tokens.shape == (2, 824, 1024)  # type: ignore[operator]
    assert model(rows, noise).prediction.shape == (2, 823, 16)
