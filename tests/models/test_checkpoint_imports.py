"""Sizes are read off official weights, and every key is accounted for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from brainflix.errors import DataError, UsageError
from brainflix.methods.mindvideo.checkpoint import encoder_weights
from brainflix.methods.mindvideo.networks import MindVideoEncoder, MindVideoEncoderConfig, build_mindvideo_encoder
from brainflix.models.imports import mbm_weights
from brainflix.models.mbm import MaskedBrainModel, MBMConfig, build_mbm
from brainflix.models.weights import unwrapped
from tests.models.released import SETTINGS, encoder_shapes, mbm_shapes, settings_of

Importer = Callable[[Mapping[str, Tensor], Mapping[str, Any]], tuple[Any, dict[str, Tensor]]]
MBM = MBMConfig(160, 16, width=32, depth=2, heads=4, mlp_ratio=2.0, decoder_width=16, decoder_depth=1, decoder_heads=2)
ENCODER = MindVideoEncoderConfig(160, width=32, depth=2, heads=4, mlp_ratio=2.0, n_tokens=5, context_width=24)


def drawn(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}


def mbm_state() -> dict[str, Tensor]:
    return drawn(mbm_shapes(columns=160, width=32, depth=2, hidden=64, decoder_width=16, decoder_depth=1))


def encoder_state(**changes: Any) -> dict[str, Tensor]:
    size = {"columns": 160, "width": 32, "depth": 2, "hidden": 64, "window": 2, "n_tokens": 5, "context_width": 24}
    return drawn(encoder_shapes(**size | changes))


CASES: list[tuple[Importer, Callable[[], dict[str, Tensor]], Mapping[str, Any]]] = [
    (mbm_weights, mbm_state, settings_of(MBM)),
    (encoder_weights, encoder_state, settings_of(ENCODER)),
]


@pytest.mark.parametrize(
    ("shapes", "model"),
    [
        (mbm_shapes(), lambda: MaskedBrainModel(MBMConfig())),
        (encoder_shapes(), lambda: MindVideoEncoder(MindVideoEncoderConfig())),
        (encoder_shapes(final_norm=True), lambda: MindVideoEncoder(MindVideoEncoderConfig(final_norm=True))),
    ],
    ids=["mbm", "encoder", "encoder with a norm"],
)
def test_full_size_names_and_shapes_are_the_released_ones(
    shapes: Mapping[str, tuple[int, ...]], model: Callable[[], nn.Module]
) -> None:
    with torch.device("meta"):
        own = {name: tuple(tensor.shape) for name, tensor in model().state_dict().items()}
    assert own == dict(shapes)


@pytest.mark.parametrize("settings", [{}, settings_of(MBM)], ids=["by shape", "by settings"])
def test_a_masked_autoencoder_of_any_size(settings: Mapping[str, Any]) -> None:
    given = settings or {"heads": 4, "decoder_heads": 2}
    config, weights = mbm_weights(mbm_state(), given)
    assert config == MBM
    assert all(weights[name].equal(tensor) for name, tensor in mbm_state().items())


@pytest.mark.parametrize("settings", [{"heads": 4}, settings_of(ENCODER)], ids=["by shape", "by settings"])
def test_an_encoder_of_any_size(settings: Mapping[str, Any]) -> None:
    config, weights = encoder_weights(encoder_state(), settings)
    assert config == ENCODER
    assert all(weights[name].equal(tensor) for name, tensor in encoder_state().items())
    odd, _ = encoder_weights(encoder_state(window=3, temporal=False, final_norm=True), {"heads": 4})
    assert (odd.window, odd.temporal, odd.final_norm) == (3, False, True)


def test_half_precision_becomes_float32() -> None:
    _, weights = mbm_weights({name: tensor.half() for name, tensor in mbm_state().items()}, settings_of(MBM))
    assert {tensor.dtype for tensor in weights.values()} == {torch.float32}
    assert weights["norm.weight"].equal(mbm_state()["norm.weight"].half().float())


@pytest.mark.parametrize(("read", "make", "settings"), CASES, ids=["mbm", "encoder"])
@pytest.mark.parametrize("told", [True, False], ids=["settings", "no settings"])
def test_every_single_fault_is_named(read: Importer, make: Any, settings: Mapping[str, Any], told: bool) -> None:
    given = settings if told else {"heads": 4, "decoder_heads": 2}
    # Nothing else in an encoder says how large a patch is.
    ambiguous = {"patch_embed.proj.weight"} if read is encoder_weights and not told else set()
    for name in make():
        state = make()
        gone = state.pop(name)
        with pytest.raises(DataError, match=rf"missing {name}\b"):
            read(state, given)
        with pytest.raises(DataError) as caught:
            read(state | {f"{name}_old": gone}, given)
        assert f"missing {name}" in caught.value.why
        if gone.ndim and name not in ambiguous:
            with pytest.raises(DataError, match=rf"\b{name} is \("):
                read(state | {name: torch.zeros(*gone.shape[:-1], gone.shape[-1] + 1)}, given)


def test_surplus_weights_are_named() -> None:
    surplus = mbm_state() | {"nature_img_mask_token": torch.zeros(1, 1, 16)}
    with pytest.raises(DataError, match="extra nature_img_mask_token"):
        mbm_weights(surplus, settings_of(MBM))


def test_another_kinds_weights_are_told_apart() -> None:
    with pytest.raises(UsageError, match="import-checkpoint mindvideo-encoder"):
        mbm_weights(encoder_state(), {})
    with pytest.raises(UsageError, match="import-checkpoint mbm"):
        encoder_weights(mbm_state(), {})


def test_weights_and_settings_that_cannot_be_are_refused() -> None:
    bad = mbm_state()
    bad["norm.bias"][3] = float("nan")
    with pytest.raises(DataError, match=r"norm\.bias holds NaN"):
        mbm_weights(bad, settings_of(MBM))
    with pytest.raises(DataError, match="depth 'two'"):
        mbm_weights(mbm_state(), settings_of(MBM) | {"depth": "two"})
    with pytest.raises(DataError, match=r"missing blocks\.2"):
        mbm_weights(mbm_state(), settings_of(MBM) | {"depth": 3})
    with pytest.raises(DataError, match="3 channels"):
        encoder_weights(encoder_state(), {"in_chans": 3})
    with pytest.raises(UsageError, match="width 32 does not fit 5 heads"):
        mbm_weights(mbm_state(), settings_of(MBM) | {"heads": 5})
    with pytest.raises(DataError, match="missing"):
        mbm_weights({}, {})


def test_settings_are_translated_word_by_word() -> None:
    assert settings_of(MBM)["embed_dim"] == 32 and settings_of(ENCODER)["window_size"] == 2
    assert {"mbm", "encoder"} == set(SETTINGS)
    same = build_mbm(MBM, torch.Generator().manual_seed(1)).state_dict()
    assert mbm_weights(same, settings_of(MBM))[0] == MBM
    own = build_mindvideo_encoder(ENCODER, torch.Generator().manual_seed(1)).state_dict()
    assert encoder_weights(own, settings_of(ENCODER))[0] == ENCODER


WRAPPERS = ["module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.", "module.module."]


@pytest.mark.parametrize("prefix", WRAPPERS)
@pytest.mark.parametrize(("read", "make", "settings"), CASES, ids=["mbm", "encoder"])
def test_a_wrappers_prefix_is_taken_off_and_said(read: Importer, make: Any, settings: Any, prefix: str) -> None:
    wrapped = {prefix + name: tensor for name, tensor in make().items()}
    state, found = unwrapped(wrapped)
    assert found == prefix
    config, weights = read(state, settings)
    plain, same = read(make(), settings)
    assert config == plain and list(weights) == list(same) and all(weights[name].equal(same[name]) for name in same)
    assert unwrapped(make())[1] == "" and list(unwrapped(make())[0]) == list(make())


def test_a_prefix_on_some_names_is_no_reason_to_guess() -> None:
    names = list(mbm_state())
    some = {("module." if name in names[:3] else "") + name: tensor for name, tensor in mbm_state().items()}
    with pytest.raises(DataError, match=rf"3 of {len(names)} names of x\.pth begin with 'module\.'") as caught:
        unwrapped(some, "x.pth")
    assert caught.value.exit_code == 3 and names[0] in caught.value.why and names[3] in caught.value.why
    with pytest.raises(DataError, match=r"module\._orig_mod\."):
        unwrapped({"module._orig_mod.a": 0, "module.b": 0})
    assert unwrapped({"modules.a": 0, "module_b": 1}) == ({"modules.a": 0, "module_b": 1}, "")
    assert unwrapped({}) == ({}, "")


@pytest.mark.parametrize("depth", [10**9, 1e300, float("inf"), float("nan")])
def test_a_depth_that_no_network_has_is_refused_before_it_is_built(depth: float) -> None:
    with pytest.raises(DataError, match="the settings say depth"):
        mbm_weights(mbm_state(), settings_of(MBM) | {"depth": depth})
