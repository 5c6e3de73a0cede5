"""Small random networks of the classes that extractors load, saved as the public ones are on the Hub."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from diffusers import AutoencoderKL, AutoencoderKLTemporalDecoder
from transformers import (
    BitConfig,
    CLIPConfig,
    CLIPModel,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
    DPTConfig,
    DPTForDepthEstimation,
)

from brainflix.device import seeded_init

CLIP_MEAN, CLIP_STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
LAYERS = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}


def clip_pixels(size: int) -> dict:
    """Return the description of CLIP's pixels in the older form that the public checkpoints have."""
    return {
        **{"do_resize": True, "do_center_crop": True, "do_normalize": True, "resample": 3},
        **{"size": size, "crop_size": size, "feature_extractor_type": "CLIPFeatureExtractor"},
        **{"image_mean": CLIP_MEAN, "image_std": CLIP_STD},
    }


def spread(model: torch.nn.Module) -> torch.nn.Module:
    """Make a random network's output depend on its input: libraries start with weights close to 0."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.mul_(3.0)
    return model.eval()


def write(folder: Path, pixels: dict) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "preprocessor_config.json").write_text(json.dumps(pixels))
    return folder


def save_clip(folder: Path, size: int = 32) -> Path:
    """Save a CLIP pair, image and text tower in one file as the public ones are: tokens of 8 px."""
    vision = {**LAYERS, "image_size": size, "patch_size": 8, "projection_dim": 12}
    text = {**LAYERS, "vocab_size": 32, "max_position_embeddings": 8, "projection_dim": 12}
    with seeded_init(1):
        model = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=12))
    spread(model).save_pretrained(folder)
    return write(folder, clip_pixels(size))


def save_svd(folder: Path) -> Path:
    """Save what is read of a Stable Video Diffusion pipeline; the tower sees 224 px, as the pipeline insists."""
    with seeded_init(2):
        tower = CLIPVisionModelWithProjection(
            CLIPVisionConfig(**LAYERS, image_size=224, patch_size=56, projection_dim=12)
        )
        vae = AutoencoderKLTemporalDecoder(
            block_out_channels=(32, 32, 32, 32), down_block_types=("DownEncoderBlock2D",) * 4, layers_per_block=1
        )
    spread(tower).save_pretrained(folder / "image_encoder")
    vae.save_pretrained(folder / "vae")
    write(folder / "feature_extractor", clip_pixels(224))
    return folder


def save_depth(folder: Path) -> Path:
    """Save a DPT with MiDaS' hybrid of a convolutional and a transformer backbone, which sees 64 px."""
    bit = BitConfig(
        embedding_size=8,
        hidden_sizes=[8, 16, 32],
        depths=[1, 1, 1],
        layer_type="bottleneck",
        global_padding="SAME",
        embedding_dynamic_padding=True,
        num_groups=1,
        out_features=["stage1", "stage2", "stage3"],
    )
    config = DPTConfig(
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=4,
        num_attention_heads=2,
        image_size=64,
        is_hybrid=True,
        backbone_config=bit,
        backbone_out_indices=[0, 1, 2, 3],
        backbone_featmap_shape=[1, 32, 4, 4],
        neck_hidden_sizes=[8, 16, 16, 16],
        neck_ignore_stages=[0, 1],
        fusion_hidden_size=16,
        readout_type="project",
    )
    with seeded_init(3):
        model = DPTForDepthEstimation(config)
    spread(model).save_pretrained(folder)
    pixels = {
        **{"do_resize": True, "do_rescale": True, "do_normalize": True, "resample": 2, "keep_aspect_ratio": False},
        **{"size": {"height": 64, "width": 64}, "ensure_multiple_of": 32, "rescale_factor": 1 / 255},
        **{"image_mean": [0.5] * 3, "image_std": [0.5] * 3, "feature_extractor_type": "DPTFeatureExtractor"},
    }
    return write(folder, pixels)


def save_vae(folder: Path) -> Path:
    """Save an autoencoder with the downsampling of Stable Diffusion's: eight times, rounded down."""
    with seeded_init(4):
        vae = AutoencoderKL(
            block_out_channels=(32, 32, 32, 32),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            layers_per_block=1,
            latent_channels=4,
        )
    vae.save_pretrained(folder / "vae")
    return folder
