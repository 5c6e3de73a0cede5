"""MinD-Video's released folder: both networks come out as they went in, and what is missing is named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from brainflix.device import seeded_init
from brainflix.errors import DataError, IntegrityError, MissingError
from brainflix.methods.mindvideo.networks import MindVideoEncoderConfig, build_mindvideo_encoder
from brainflix.methods.mindvideo.parts import MindVideoEncoderImportParams
from brainflix.methods.mindvideo.predict import context_of
from brainflix.methods.mindvideo.train.video import unet_settings
from brainflix.models.inflated_unet import InflatedUNet, inflate
from brainflix.store.store import Store
from brainflix.train.import_artifact import imported_ref, publish_import, read_checkpoint
from brainflix.train.imports import Imported
from brainflix.trained.files import load_result
from tests.models.released import settings_of

ENCODER = MindVideoEncoderConfig(48, width=32, depth=1, heads=4, n_tokens=5, context_width=12)
UNET = {
    "sample_size": 8,
    "down_block_types": ("CrossAttnDownBlock2D",),
    "up_block_types": ("CrossAttnUpBlock2D",),
    "block_out_channels": (16,),
    "layers_per_block": 1,
    "norm_num_groups": 4,
    "attention_head_dim": 2,
}


def denoiser(context_width: int = 12) -> InflatedUNet:
    with seeded_init(3):
        unet = InflatedUNet(**UNET, cross_attention_dim=context_width)
        for name, parameter in unet.named_parameters():
            if "attn_temp" in name:
                torch.nn.init.normal_(parameter, std=0.1)
    return unet.eval()


def write(folder: Path, unet: InflatedUNet, leave_out: str | None = None, prefix: str = "") -> Path:
    """Write a folder as it was released; weights whose name holds `leave_out` are not in it."""
    encoder = build_mindvideo_encoder(ENCODER, torch.Generator().manual_seed(0), quiet_temporal=False)
    for name in ("fmri_encoder", "unet"):
        (folder / name).mkdir(parents=True)
    torch.save({"model": encoder.state_dict()}, folder / "fmri_encoder" / "model.pth")
    (folder / "fmri_encoder" / "config.json").write_text(json.dumps(settings_of(ENCODER)))
    kept = {name: each for name, each in unet.state_dict().items() if leave_out is None or leave_out not in name}
    kept = {prefix + name: each for name, each in kept.items()}
    torch.save(kept, folder / "unet" / "diffusion_pytorch_model.bin")
    video = {"down_block_types": ["CrossAttnDownBlock3D"], "up_block_types": ["CrossAttnUpBlock3D"]}
    settings = unet_settings(unet) | video | {"mid_block_type": "UNetMidBlock3DCrossAttn"}
    (folder / "unet" / "config.json").write_text(json.dumps({"_class_name": "UNet3DConditionModel", **settings}))
    return folder


def read(folder: Path) -> Imported:
    """Read a folder as `import-checkpoint` does."""
    return read_checkpoint("mindvideo", MindVideoEncoderImportParams(path=folder), Store(folder.parent / "store"))


def test_both_networks_come_out_as_they_went_in(tmp_path: Path) -> None:
    unet = denoiser()
    imported = read(write(tmp_path / "sub1", unet))
    assert imported.settings["temporal layers of the denoiser"] == "released" and imported.window_tr == (0, 1)
    store = Store(tmp_path / "store")
    ref = imported_ref("mindvideo", "sub1", imported, {})
    assert publish_import(store, ref, "mindvideo", imported, {}) and not publish_import(
        store, ref, "mindvideo", imported, {}
    )
    back = load_result(store.path(ref))
    windows = np.random.default_rng(0).standard_normal((2, 96)).astype(np.float32)
    source = build_mindvideo_encoder(ENCODER, torch.Generator().manual_seed(0), quiet_temporal=False)
    context = context_of(back, windows)
    with torch.no_grad():
        assert np.allclose(context, source(torch.from_numpy(windows).reshape(2, 2, 48)).numpy(), atol=1e-6)
        inside = {name.removeprefix("unet."): each for name, each in back.state.items() if name.startswith("unet.")}
        again = inflate(back.config["unet"], inside, 0).eval()
        x, t = torch.randn((2, 4, 3, 8, 8), generator=torch.Generator().manual_seed(1)), torch.tensor([10, 500])
        assert torch.allclose(again(x, t, torch.from_numpy(context)), unet(x, t, torch.from_numpy(context)), atol=1e-6)
    assert set(back.state) == {f"encoder.{n}" for n in source.state_dict()} | {f"unet.{n}" for n in unet.state_dict()}


def test_a_denoiser_without_temporal_layers_gets_fresh_ones(tmp_path: Path) -> None:
    imported = read(write(tmp_path, denoiser(), "_temp."))
    assert imported.settings["temporal layers of the denoiser"] == "fresh"
    assert any("_temp." in name for name in imported.result.state if name.startswith("unet."))


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.module."])
def test_a_wrapped_denoiser_is_the_same_network(tmp_path: Path, prefix: str) -> None:
    wrapped = read(write(tmp_path / "a" / "sub1", denoiser(), prefix=prefix))
    plain = read(write(tmp_path / "b" / "sub1", denoiser()))
    assert wrapped.said == (f"the prefix {prefix!r} of every name of the denoiser was taken off",) and plain.said == ()
    assert wrapped.result.config == plain.result.config and list(wrapped.result.state) == list(plain.result.state)
    assert all(each.equal(plain.result.state[name]) for name, each in wrapped.result.state.items())


@pytest.mark.parametrize("name", ["conv_in.bias", "down_blocks.0.attentions.0.transformer_blocks.0.norm_temp.weight"])
def test_a_missing_weight_of_the_denoiser_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=f"missing {name}"):
        read(write(tmp_path, denoiser(), name))


def test_a_misshapen_weight_of_the_denoiser_is_named(tmp_path: Path) -> None:
    unet = denoiser()
    unet.conv_in.bias = torch.nn.Parameter(torch.zeros(7))
    with pytest.raises(DataError, match=r"conv_in\.bias is \(7,\)"):
        read(write(tmp_path, unet))


def test_networks_that_do_not_belong_together_and_absent_or_torn_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="12 channels"):
        read(write(tmp_path / "other", denoiser(16)))
    folder = write(tmp_path / "sub1", denoiser())
    weights = folder / "unet" / "diffusion_pytorch_model.bin"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(IntegrityError):
        read(folder)
    weights.unlink()
    with pytest.raises(MissingError, match="no denoiser"):
        read(folder)
    with pytest.raises(MissingError):
        read(tmp_path / "absent")
