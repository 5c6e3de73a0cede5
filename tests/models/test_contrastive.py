"""The soft-target contrastive loss and the aligned network."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from brainflix.errors import UsageError
from brainflix.models.contrastive import ContrastiveConfig, build_contrastive, soft_clip_loss
from brainflix.models.mbm import MBMConfig

MBM = MBMConfig(160, 16, width=32, depth=2, heads=4, decoder_width=16, decoder_depth=1, decoder_heads=4)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pair(n: int = 12, d: int = 7) -> tuple[torch.Tensor, torch.Tensor]:
    draw = generator()
    return torch.randn(n, d, generator=draw), torch.randn(n, d, generator=draw)


def test_indistinguishable_embeddings_cost_log_batch() -> None:
    same = torch.ones(64, 5)
    assert soft_clip_loss(same, same, torch.arange(64), 1 / 0.07).item() == pytest.approx(4.15888, abs=1e-5)


def test_orthonormal_matches_cost_almost_nothing() -> None:
    # In float64: so near to 0, float32's log-softmax is rounded in steps of 0.3 %, which differ between processors.
    eye = torch.eye(64, dtype=torch.float64)
    assert soft_clip_loss(eye, eye, torch.arange(64), 1 / 0.07).item() == pytest.approx(3.937e-5, rel=1e-3)


def test_without_repeats_it_is_the_usual_symmetric_cross_entropy() -> None:
    brain, clip = pair()
    logits = 5 * functional.normalize(brain, dim=1) @ functional.normalize(clip, dim=1).T
    usual = (
        functional.cross_entropy(logits, torch.arange(12)) + functional.cross_entropy(logits.T, torch.arange(12))
    ) / 2
    assert soft_clip_loss(brain, clip, torch.arange(12), 5.0).item() == pytest.approx(usual.item(), rel=1e-5)


def test_loss_ignores_joint_order_the_side_and_positive_scale() -> None:
    brain, clip = pair()
    ids = torch.tensor([0, 1, 2, 0, 4, 5, 1, 7, 8, 9, 10, 0])
    loss = soft_clip_loss(brain, clip, ids, 9.0).item()
    order = torch.randperm(12, generator=generator(1))
    assert soft_clip_loss(brain[order], clip[order], ids[order], 9.0).item() == pytest.approx(loss, rel=1e-5)
    assert soft_clip_loss(clip, brain, ids, 9.0).item() == pytest.approx(loss, rel=1e-5)
    assert soft_clip_loss(3 * brain, 0.2 * clip, ids, 9.0).item() == pytest.approx(loss, rel=1e-5)


def test_swapping_rows_of_one_clip_changes_nothing_only_if_they_are_known_to_be_one() -> None:
    brain, clip = pair()
    ids = torch.arange(12)
    ids[3] = 0
    swapped = clip.clone()
    swapped[0], swapped[3] = clip[3], clip[0]
    loss = soft_clip_loss(brain, clip, ids, 9.0).item()
    assert soft_clip_loss(brain, swapped, ids, 9.0).item() == pytest.approx(loss, rel=1e-5)
    hard = soft_clip_loss(brain, clip, torch.arange(12), 9.0).item()
    assert abs(soft_clip_loss(brain, swapped, torch.arange(12), 9.0).item() - hard) > 1e-3


def test_repeats_of_one_clip_are_not_pushed_apart() -> None:
    clip = torch.eye(4)[[0, 0, 1, 2]]
    ids = torch.tensor([0, 0, 1, 2])
    # Three perfect groups: the two repeats share their mass, log 2 for each, and nothing else costs.
    assert soft_clip_loss(clip, clip, ids, 50.0).item() == pytest.approx(math.log(2) / 2, abs=1e-4)


def test_network_starts_at_the_stated_scale_and_never_passes_the_bound() -> None:
    model = build_contrastive(ContrastiveConfig(MBM, embedding_width=8), generator())
    rows = torch.randn(5, 160, generator=generator(2))
    out = model(rows)
    assert out.embedding.shape == (5, 8)
    assert out.scale.item() == pytest.approx(1 / 0.07, rel=1e-5)
    assert out.masked_loss.item() == 0
    with torch.no_grad():
        model.logit_scale.fill_(7.0)
    out = model(rows)
    assert out.scale.item() == pytest.approx(100, rel=1e-5)
    out.scale.backward()
    assert model.logit_scale.grad is not None and model.logit_scale.grad.item() > 0  # bounded, yet still able to fall


def test_head_is_layernorm_then_linear_on_the_pooled_tokens() -> None:
    model = build_contrastive(ContrastiveConfig(MBM, embedding_width=8, pool="cls"), generator())
    rows = torch.randn(5, 160, generator=generator(2))
    pooled = model.encoder.features(rows, "cls")
    linear = model.head[1]
    expected = functional.layer_norm(pooled, (32,)) @ linear.weight.T + linear.bias
    assert torch.allclose(model.embed(rows), expected, atol=1e-6)
    assert linear.weight.shape == (8, 32)


def test_masked_modelling_can_go_on_beside_the_alignment() -> None:
    model = build_contrastive(ContrastiveConfig(MBM, embedding_width=8, with_decoder=True), generator())
    rows, noise = torch.randn(5, 160, generator=generator(2)), torch.rand(5, 10, generator=generator(3))
    out = model(rows, noise)
    assert out.masked_loss.item() == pytest.approx(model.encoder(rows, noise).loss.item())
    assert out.masked_loss.item() > 0
    bare = build_contrastive(ContrastiveConfig(MBM, embedding_width=8), generator())
    assert not any("decoder" in name for name in bare.state_dict())


def test_unknown_pool_is_refused() -> None:
    with pytest.raises(UsageError, match="unknown pool"):
        ContrastiveConfig(MBM, pool="max")
