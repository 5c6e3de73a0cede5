"""The attention facade: one result whatever the kernel, and a reason for each choice."""

import math
from types import SimpleNamespace

import pytest
import torch

from brainflix import attention
from brainflix.errors import ResourceError

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


def _qkv(queries=5, keys=7, width=8, **where):
    random = torch.Generator().manual_seed(3)
    shapes = [(2, 3, n, width) for n in (queries, keys, keys)]
    return [torch.randn(shape, generator=random).to(**where) for shape in shapes]


def _by_the_formula(q, k, v):
    """Softmax of the scaled products, written out (Vaswani et al. 2017, eq. 1)."""
    scores = torch.einsum("bhqd,bhkd->bhqk", q, k) / math.sqrt(q.shape[-1])
    return torch.einsum("bhqk,bhkd->bhqd", scores.softmax(-1), v)


@pytest.fixture
def fake_xformers(monkeypatch):
    """An xformers whose kernel computes the formula in its own layout (batch, tokens, heads, width) and counts."""
    calls = []

    def kernel(q, k, v):
        calls.append(q.shape)
        return _by_the_formula(*(x.transpose(1, 2) for x in (q, k, v))).transpose(1, 2)

    monkeypatch.setattr(attention, "_xformers_ops", lambda: SimpleNamespace(memory_efficient_attention=kernel))
    monkeypatch.setattr(attention, "_xformers_problem", lambda device, head_dim: None)
    return calls


def test_pytorchs_kernel_follows_the_formula():
    q, k, v = _qkv()
    torch.testing.assert_close(attention.attend(q, k, v, kernel="sdpa"), _by_the_formula(q, k, v))


def test_xformers_gets_its_own_layout_and_gives_the_same(fake_xformers):
    q, k, v = _qkv()
    torch.testing.assert_close(attention.attend(q, k, v, kernel="xformers"), _by_the_formula(q, k, v))
    assert fake_xformers == [(2, 5, 3, 8)]


def test_networks_follow_the_preferred_kernel(fake_xformers):
    q, k, v = _qkv()
    try:
        attention.prefer("sdpa")
        attention.attend(q, k, v)
        assert fake_xformers == []
        attention.prefer("auto")
        attention.attend(q, k, v)
        assert len(fake_xformers) == 1
    finally:
        attention.prefer("auto")


def test_the_choice_has_a_reason(monkeypatch):
    assert attention.choose_kernel("auto", CPU, 64) == attention.Kernel("sdpa", "xformers has no CPU kernel")
    assert "no MPS kernel" in attention.choose_kernel("auto", torch.device("mps"), 64).reason
    assert "head dimension 12" in attention.choose_kernel("auto", CUDA, 12).reason
    monkeypatch.setattr(attention, "_xformers_ops", lambda: None)
    assert "not installed" in attention.choose_kernel("auto", CUDA, 64).reason
    monkeypatch.setattr(attention, "_xformers_ops", object)
    assert attention.choose_kernel("auto", CUDA, 64).name == "xformers"


def test_a_kernel_asked_for_by_name_is_never_replaced():
    q, k, v = _qkv()
    with pytest.raises(ResourceError, match="xformers attention cannot be used"):
        attention.attend(q, k, v, kernel="xformers")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="xformers runs on CUDA alone")
def test_both_kernels_agree_on_a_gpu():
    pytest.importorskip("xformers.ops")
    q, k, v = _qkv(queries=65, keys=65, width=64, device="cuda", dtype=torch.float16)
    ours, theirs = (attention.attend(q, k, v, kernel=name) for name in ("xformers", "sdpa"))
    torch.testing.assert_close(ours, theirs, atol=2e-3, rtol=2e-3)
