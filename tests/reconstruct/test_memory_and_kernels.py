"""Where networks wait and which attention they run on; decisions for cards that the tests do not have."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import accelerate
import pytest
import torch
from diffusers import LTXVideoTransformer3DModel, UNetMotionModel, WanTransformer3DModel

from brainflix import attention
from brainflix.demo.make_weights.unet import build as build_unet
from brainflix.device import Compute
from brainflix.engine.run import make_tools
from brainflix.errors import ResourceError
from brainflix.parts.work import Tools
from brainflix.reconstruct.kernels import choose_for, head_sizes
from brainflix.reconstruct.memory import place_networks, place_pipeline
from brainflix.settings import load_settings
from brainflix.store.store import Store

CARD = Compute(torch.device("cuda"), torch.float16, "pretended")
CPU = Compute(torch.device("cpu"), torch.float32, "no accelerator found")


@dataclass
class FakePipeline:
    """Notes what is done to it."""

    vae: Any = field(default_factory=SimpleNamespace)
    done: list[tuple[str, str]] = field(default_factory=list)

    def to(self, device: torch.device) -> None:
        self.done.append(("to", str(device)))

    def enable_model_cpu_offload(self, device: torch.device) -> None:
        self.done.append(("model", str(device)))

    def enable_sequential_cpu_offload(self, device: torch.device) -> None:
        self.done.append(("sequential", str(device)))


def tools(folder: Path, **changes: Any) -> Tools:
    return Tools(Store(folder), lambda: CARD, **changes)


@pytest.mark.parametrize(
    ("offload", "compute", "done", "note"),
    [
        ("none", CARD, ("to", "cuda"), None),
        ("model", CARD, ("model", "cuda"), "model"),
        ("sequential", CARD, ("sequential", "cuda"), "sequential"),
        ("model", CPU, ("to", "cpu"), "none: model asked for, but there is no accelerator to move networks away from"),
    ],
)
def test_a_pipeline_goes_to_the_card_or_waits(
    tmp_path: Path, offload: str, compute: Compute, done: tuple[str, str], note: str | None
) -> None:
    pipeline: Any = FakePipeline()
    notes = place_pipeline(pipeline, compute, tools(tmp_path, offload=offload))
    assert pipeline.done == [done]
    assert notes == ({} if note is None else {"offload": note})


def test_networks_of_our_own_loop_wait_for_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[tuple[str, object, object]] = []

    def with_hook(network: object, device: torch.device, prev_module_hook: object) -> tuple[object, object]:
        done.append(("model", network, prev_module_hook))
        return network, f"hook of {id(network)}"

    monkeypatch.setattr(accelerate, "cpu_offload_with_hook", with_hook)
    monkeypatch.setattr(accelerate, "cpu_offload", lambda n, d, offload_buffers: done.append(("layers", n, d)))
    first, second = torch.nn.Linear(1, 1), torch.nn.Linear(1, 1)
    assert place_networks([first, second], CARD, tools(tmp_path, offload="model")) == {"offload": "model"}
    assert done == [("model", first, None), ("model", second, f"hook of {id(first)}")]
    done.clear()
    assert place_networks([first, second], CARD, tools(tmp_path, offload="sequential")) == {"offload": "sequential"}
    assert done == [("layers", first, CARD.device), ("layers", second, CARD.device)]


def test_settings_reach_the_tools_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in (("VAE_SLICING", "1"), ("VAE_TILING", "true"), ("OFFLOAD", "sequential")):
        monkeypatch.setenv(f"BRAINFLIX_{name}", value)
    made = make_tools(Store(tmp_path), load_settings(), Tools(Store(tmp_path), lambda: CPU).progress)
    assert (made.vae_slicing, made.vae_tiling, made.offload) == (True, True, "sequential")


def motion_unet() -> UNetMotionModel:
    return UNetMotionModel(
        block_out_channels=(16, 32),
        down_block_types=("CrossAttnDownBlockMotion", "DownBlockMotion"),
        up_block_types=("UpBlockMotion", "CrossAttnUpBlockMotion"),
        norm_num_groups=8,
        layers_per_block=1,
        cross_attention_dim=8,
        num_attention_heads=2,
        motion_num_attention_heads=4,
    )


def test_the_sizes_of_heads_are_read_from_the_layers_of_every_model() -> None:
    # Stable Diffusion's configurations name the number of heads what others name their size.
    small: dict[str, Any] = {"num_attention_heads": 2, "attention_head_dim": 24, "num_layers": 1}
    ltx = LTXVideoTransformer3DModel(in_channels=4, cross_attention_dim=48, caption_channels=8, **small)
    assert head_sizes(WanTransformer3DModel(text_dim=8, freq_dim=8, ffn_dim=8, **small)) == {24}
    assert head_sizes(ltx) == {24}
    assert head_sizes(motion_unet()) == {4, 8, 16}
    assert head_sizes(build_unet()) == {16}


def test_xformers_is_switched_on_where_it_serves_every_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    switched: list[object] = []
    monkeypatch.setattr(attention, "_xformers_ops", object)
    for kind in (UNetMotionModel, type(build_unet())):
        monkeypatch.setattr(kind, "enable_xformers_memory_efficient_attention", lambda self: switched.append(self))
    unet = build_unet()
    assert choose_for(unet, "auto", CARD.device).name == "xformers" and switched == [unet]
    # A head of 4 channels is among those of this one.
    kernel = choose_for(motion_unet(), "auto", CARD.device)
    assert kernel.name == "sdpa" and "head dimension 4" in kernel.reason and switched == [unet]
    with pytest.raises(ResourceError, match="head dimension 4"):
        choose_for(motion_unet(), "xformers", CARD.device)
    assert "no xformers kernel for this model" in choose_for(unet, "auto", CARD.device, supported=False).reason
    with pytest.raises(ResourceError, match="no xformers kernel for this model"):
        choose_for(unet, "xformers", CARD.device, supported=False)
