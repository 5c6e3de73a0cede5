"""The inflated denoiser against diffusers' image network, a plain NumPy attention and the released names."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from diffusers import UNet2DConditionModel
from torch import Tensor, nn

from brainflix.device import seeded_init
from brainflix.errors import DataError
from brainflix.models.inflated_unet import InflatedBlock, InflatedUNet, inflate, network_settings, sparse_causal_pairs

TINY: dict[str, Any] = {
    "sample_size": 8,
    "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
    "block_out_channels": (16, 24),
    "layers_per_block": 1,
    "norm_num_groups": 4,
    "cross_attention_dim": 12,
    "attention_head_dim": 2,
}
# Stable Diffusion 1.5's unet/config.json, as published.
SD15: dict[str, Any] = {
    "_class_name": "UNet2DConditionModel",
    "_diffusers_version": "0.6.0",
    "act_fn": "silu",
    "attention_head_dim": 8,
    "block_out_channels": [320, 640, 1280, 1280],
    "center_input_sample": False,
    "cross_attention_dim": 768,
    "down_block_types": ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
    "downsample_padding": 1,
    "flip_sin_to_cos": True,
    "freq_shift": 0,
    "in_channels": 4,
    "layers_per_block": 2,
    "mid_block_scale_factor": 1,
    "norm_eps": 1e-05,
    "norm_num_groups": 32,
    "out_channels": 4,
    "sample_size": 64,
    "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
}


@pytest.fixture(scope="module")
def image_net() -> UNet2DConditionModel:
    with seeded_init(3):
        return UNet2DConditionModel(**TINY).eval()


def clip(n_clips: int = 2, n_frames: int = 5) -> tuple[Tensor, Tensor, Tensor]:
    random = torch.Generator().manual_seed(0)
    x = torch.randn((n_clips, 4, n_frames, 8, 8), generator=random)
    return x, torch.tensor([10, 700][:n_clips]), torch.randn((n_clips, 3, 12), generator=random)


def randomise_temporal(unet: InflatedUNet) -> None:
    random = torch.Generator().manual_seed(1)
    for name, parameter in unet.named_parameters():
        if "_temp." in name:
            with torch.no_grad():
                parameter.copy_(torch.randn(parameter.shape, generator=random) / 3)


def test_one_frame_is_what_the_image_network_says(image_net: UNet2DConditionModel) -> None:
    unet = inflate(TINY, image_net.state_dict(), 0).eval()
    x, t, context = clip(n_frames=1)
    with torch.no_grad():
        alone = image_net(x[:, :, 0], t, context).sample
        torch.testing.assert_close(unet(x, t, context)[:, :, 0], alone, atol=1e-5, rtol=1e-5)
        # Times may be one for all clips.
        torch.testing.assert_close(
            unet(x, torch.tensor(10), context)[:1, :, 0], image_net(x[:1, :, 0], 10, context[:1]).sample
        )


def test_a_clip_of_equal_frames_stays_one_without_temporal_output(image_net: UNet2DConditionModel) -> None:
    unet = inflate(TINY, image_net.state_dict(), 0).eval()
    x, t, context = clip(n_frames=1)
    with torch.no_grad():
        still = unet(x.expand(-1, -1, 4, -1, -1), t, context)
    torch.testing.assert_close(still, unet(x, t, context).expand_as(still).detach(), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("over_frames", [True, False])
def test_norms_see_the_frames_that_they_should(over_frames: bool) -> None:
    unet = inflate({**TINY, "norm_over_frames": over_frames}, None, 0).eval()
    x, _, _ = clip()
    folded = x.transpose(1, 2).flatten(0, 1)
    unet.frames.count = x.shape[2]
    norm = unet.down_blocks[0].resnets[0].norm1
    hidden = unet.conv_in(folded).detach() * torch.linspace(0.1, 3, len(folded)).view(-1, 1, 1, 1)
    found = norm(hidden).detach().numpy()
    clips = hidden.numpy().reshape(2, 5, 4, 4, 8, 8)  # clip, frame, group, channel, height, width
    axes = (1, 3, 4, 5) if over_frames else (3, 4, 5)
    mean, variance = clips.mean(axes, keepdims=True), clips.var(axes, keepdims=True)
    np.testing.assert_allclose(
        found, ((clips - mean) / np.sqrt(variance + 1e-5)).reshape(found.shape), atol=1e-4, rtol=1e-4
    )


def test_pairs_are_the_papers() -> None:
    # Frames t - 2 and t - 1, never below 0: a frame does not see itself, but for the first.
    assert sparse_causal_pairs(6) == [(0, 0), (0, 0), (0, 1), (1, 2), (2, 3), (3, 4)]


def test_attention_over_frames_is_numpys() -> None:
    unet = inflate(TINY, None, 0)
    randomise_temporal(unet)
    block = unet.mid_block.attentions[0].transformer_blocks[0]
    assert isinstance(block, InflatedBlock)
    random = torch.Generator().manual_seed(2)
    x, context = torch.randn((12, 7, 24), generator=random), torch.randn((12, 3, 12), generator=random)
    unet.frames.count = 6
    with torch.no_grad():
        found = block(x, encoder_hidden_states=context).numpy()
        feed = {name: layer for name, layer in block.named_children()}
        wanted = numpy_block(feed, x.numpy(), context.numpy(), n_frames=6)
    np.testing.assert_allclose(found, wanted, atol=2e-5, rtol=2e-5)


def numpy_block(layers: dict[str, nn.Module], x: np.ndarray, context: np.ndarray, n_frames: int) -> np.ndarray:
    """One frame and one place after the other, with loops where the network has none."""
    x = x.copy()
    normed = apply(layers["norm1"], x)
    pairs = [(0, 0), (0, 0), (0, 1), (1, 2), (2, 3), (3, 4)]
    for row in range(len(x)):
        first, frame = row - row % n_frames, row % n_frames
        keys = np.concatenate([normed[first + other] for other in pairs[frame]])
        x[row] += attend(layers["attn1"], normed[row], keys)
    normed = apply(layers["norm2"], x)
    for row in range(len(x)):
        x[row] += attend(layers["attn2"], normed[row], context[row])
    x += apply(layers["ff"], apply(layers["norm3"], x))
    normed, before = apply(layers["norm_temp"], x), x.copy()
    for first in range(0, len(x), n_frames):
        for place in range(x.shape[1]):
            over_time = normed[first : first + n_frames, place]
            x[first : first + n_frames, place] += attend(layers["attn_temp"], over_time, over_time)
    assert not np.allclose(x, before)
    return x


def apply(layer: nn.Module, x: np.ndarray) -> np.ndarray:
    return layer(torch.from_numpy(x)).numpy()


def attend(layer: Any, queries: np.ndarray, keys: np.ndarray) -> np.ndarray:
    q, k, v = queries @ weight(layer.to_q), keys @ weight(layer.to_k), keys @ weight(layer.to_v)
    width = q.shape[1] // layer.heads
    parts = []
    for head in range(layer.heads):
        columns = slice(head * width, (head + 1) * width)
        scores = q[:, columns] @ k[:, columns].T / np.sqrt(width)
        shares = np.exp(scores - scores.max(1, keepdims=True))
        parts.append(shares / shares.sum(1, keepdims=True) @ v[:, columns])
    return np.concatenate(parts, axis=1) @ weight(layer.to_out[0]) + layer.to_out[0].bias.numpy()


def weight(layer: nn.Linear) -> np.ndarray:
    return layer.weight.detach().numpy().T


def test_later_frames_do_not_reach_earlier_ones_but_over_time_and_norms() -> None:
    unet = inflate({**TINY, "norm_over_frames": False}, None, 0).eval()
    x, t, context = clip()
    changed = x.clone()
    changed[:, :, 3] += 1
    with torch.no_grad():
        before, after = unet(x, t, context), unet(changed, t, context)
        assert torch.equal(before[:, :, :3], after[:, :, :3])
        assert not torch.allclose(before[:, :, 4], after[:, :, 4])
        randomise_temporal(unet)
        assert not torch.allclose(unet(x, t, context)[:, :, :3], unet(changed, t, context)[:, :, :3])


def test_clips_of_a_batch_do_not_see_each_other() -> None:
    unet = inflate(TINY, None, 0).eval()
    randomise_temporal(unet)
    x, t, context = clip()
    with torch.no_grad():
        torch.testing.assert_close(unet(x, t, context)[1:], unet(x[1:], t[1:], context[1:]), atol=1e-5, rtol=1e-5)


def test_weights_are_loaded_strictly(image_net: UNet2DConditionModel) -> None:
    flat = image_net.state_dict()
    whole = inflate(TINY, flat, 0).state_dict()
    assert {name for name in whole if name not in flat} == {name for name in whole if "_temp." in name} != set()
    temporal = "mid_block.attentions.0.transformer_blocks.0.attn_temp.to_q.weight"
    for lost in ("conv_in.bias", temporal):
        with pytest.raises(DataError) as caught:
            inflate(TINY, {name: tensor for name, tensor in whole.items() if name != lost}, 0)
        assert f"missing {lost}" in str(caught.value.why)
    with pytest.raises(DataError) as caught:
        inflate(TINY, {**flat, "conv_mid.bias": flat["conv_in.bias"]}, 0)
    assert "extra conv_mid.bias" in str(caught.value.why)
    assert all(tensor.equal(whole[name]) for name, tensor in inflate(TINY, whole, 5).state_dict().items())


def test_what_is_drawn_depends_on_the_seed_alone(image_net: UNet2DConditionModel) -> None:
    name = "mid_block.attentions.0.transformer_blocks.0.attn_temp.to_q.weight"
    drawn = [inflate(TINY, image_net.state_dict(), seed).state_dict()[name] for seed in (0, 0, 1)]
    assert drawn[0].equal(drawn[1]) and not drawn[0].equal(drawn[2])
    half = inflate(TINY, {key: value.half() for key, value in image_net.state_dict().items()}, 0)
    assert {parameter.dtype for parameter in half.parameters()} == {torch.float16}


def test_public_image_networks_have_these_names_and_sizes() -> None:
    with torch.device("meta"):
        flat = UNet2DConditionModel(**{name: value for name, value in SD15.items() if name[0] != "_"}).state_dict()
        inflated = InflatedUNet(**network_settings(SD15)).state_dict()
    assert {name: value.shape for name, value in inflated.items() if "_temp." not in name} == {
        name: value.shape for name, value in flat.items()
    }
    assert sum(value.numel() for value in flat.values()) == 859_520_964
    block = "up_blocks.3.attentions.2.transformer_blocks.0"
    assert inflated[f"{block}.attn_temp.to_out.0.bias"].shape == inflated[f"{block}.norm_temp.weight"].shape == (320,)
    # One temporal layer for each of the 16 transformer blocks: 4 projections, their one bias and the norm.
    widths = 5 * [320] + 5 * [640] + 6 * [1280]
    extra = sum(value.numel() for name, value in inflated.items() if "_temp." in name)
    assert extra == sum(4 * width**2 + 3 * width for width in widths)


def test_video_networks_blocks_are_named_after_their_dimension() -> None:
    released = {
        **SD15,
        "_class_name": "UNet3DConditionModel",
        "down_block_types": ["CrossAttnDownBlock3D"] * 3 + ["DownBlock3D"],
        "mid_block_type": "UNetMidBlock3DCrossAttn",
        "up_block_types": ["UpBlock3D"] + ["CrossAttnUpBlock3D"] * 3,
    }
    settings = network_settings(released)
    assert settings["down_block_types"] == tuple(SD15["down_block_types"])
    assert settings["mid_block_type"] == "UNetMidBlock2DCrossAttn"
    with pytest.raises(DataError, match="'depth'"):
        inflate({**TINY, "depth": 3}, None, 0)


def test_recomputed_activations_give_the_same_gradients() -> None:
    x, t, context = clip()
    gradients = []
    for recompute in (False, True):
        unet = inflate(TINY, None, 0).train()
        randomise_temporal(unet)
        if recompute:
            unet.enable_gradient_checkpointing()
        unet(x, t, context).square().mean().backward()
        gradients.append({name: parameter.grad for name, parameter in unet.named_parameters()})
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradient, gradients[1][name])
