"""Tiny twins of the video-to-video pipelines: the real classes with random weights, saved in the Hub's layout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderKLCogVideoX,
    AutoencoderKLLTXVideo,
    AutoencoderKLWan,
    CogVideoXDDIMScheduler,
    CogVideoXTransformer3DModel,
    CogVideoXVideoToVideoPipeline,
    DDIMScheduler,
    FlowMatchEulerDiscreteScheduler,
    LTXConditionPipeline,
    LTXVideoTransformer3DModel,
    MotionAdapter,
    PNDMScheduler,
    StableDiffusionPipeline,
    TextToVideoSDPipeline,
    UNet2DConditionModel,
    UNet3DConditionModel,
    UniPCMultistepScheduler,
    WanTransformer3DModel,
    WanVideoToVideoPipeline,
)
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTokenizer,
    PreTrainedTokenizerFast,
    T5Config,
    T5EncoderModel,
    UMT5Config,
    UMT5EncoderModel,
)

from brainflix.demo.make_weights.tokens import build_tokenizer
from brainflix.demo.make_weights.vae import build as build_vae
from brainflix.device import seeded_init

WORDS = ["a", "bird", "dog", "red", "blue", "flies", "runs", "left", "right", "over", "the", "sea", "&", "sand"]
TEXT_WIDTH = 32


def t5_tokenizer(n_tokens: int) -> PreTrainedTokenizerFast:
    """Return a word tokenizer with T5's special tokens: padding, an end after each text, and one for unknown words."""
    vocabulary = {word: i for i, word in enumerate(["<pad>", "</s>", "<unk>", *WORDS])}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    inner.decoder = decoders.WordPiece()
    inner.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    special = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    return PreTrainedTokenizerFast(tokenizer_object=inner, model_max_length=n_tokens, **special)


def t5(kind: type[T5EncoderModel] = T5EncoderModel, config: type[T5Config] = T5Config) -> T5EncoderModel:
    """Return a text tower of T5's or UMT5's class."""
    sizes = {"d_model": TEXT_WIDTH, "d_kv": 8, "d_ff": 37, "num_layers": 2, "num_heads": 4}
    return kind(config(vocab_size=3 + len(WORDS), **sizes)).eval()


def stir(*networks: torch.nn.Module) -> None:
    """Give layers that start at zero random weights, so that a twin does not do nothing."""
    for network in networks:
        for parameter in network.parameters():
            if not parameter.any():
                torch.nn.init.normal_(parameter, std=0.05)


def clip_tower(tokenizer: CLIPTokenizer, hides: bool | None) -> CLIPTextModel:
    """Return a CLIP text tower; `hides` is what its configuration says of the filling (None: nothing, as most)."""
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=TEXT_WIDTH,
        intermediate_size=37,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=12,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        **({} if hides is None else {"use_attention_mask": hides}),
    )
    tower = CLIPTextModel(config).eval()
    with torch.no_grad():
        for name, parameter in tower.named_parameters():
            # Attention that is not nearly the same everywhere, so that what it may see shows.
            parameter.mul_(6 if name.endswith(("q_proj.weight", "k_proj.weight", "v_proj.weight")) else 1)
    return tower


def stable_diffusion(folder: Path, adapter_folder: Path, hides: bool | None = None) -> None:
    """Save Stable Diffusion 1.5's classes and a motion adapter, each in its own folder."""
    widths: dict[str, Any] = {"block_out_channels": (16, 32), "norm_num_groups": 8}
    tokenizer = build_tokenizer()
    with seeded_init(0):
        text_encoder = clip_tower(tokenizer, hides)
        unet = UNet2DConditionModel(
            sample_size=8,
            layers_per_block=1,
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
            cross_attention_dim=TEXT_WIDTH,
            attention_head_dim=4,
            **widths,
        )
        vae = AutoencoderKL(
            block_out_channels=(8, 8, 8, 8),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            norm_num_groups=4,
            sample_size=64,
            scaling_factor=0.18215,
        )
        adapter = MotionAdapter(
            block_out_channels=(16, 32),
            motion_layers_per_block=1,
            motion_norm_num_groups=8,
            motion_num_attention_heads=4,
            motion_max_seq_length=16,
        )
        stir(adapter)
        StableDiffusionPipeline(
            vae=vae,
            text_encoder=text_encoder,
            tokenizer=tokenizer,
            unet=unet,
            scheduler=PNDMScheduler(
                beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, skip_prk_steps=True, steps_offset=1
            ),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        ).save_pretrained(folder)
        adapter.save_pretrained(adapter_folder)


def zeroscope(folder: Path, hides: bool | None = None) -> None:
    """Save zeroscope's classes, with a schedule of DDIM's as the public folder has it."""
    tokenizer = build_tokenizer()
    with seeded_init(0):
        text_encoder = clip_tower(tokenizer, hides)
        unet = UNet3DConditionModel(
            sample_size=8,
            down_block_types=("CrossAttnDownBlock3D", "DownBlock3D"),
            up_block_types=("UpBlock3D", "CrossAttnUpBlock3D"),
            block_out_channels=(16, 32),
            layers_per_block=1,
            norm_num_groups=8,
            cross_attention_dim=TEXT_WIDTH,
            attention_head_dim=8,
        )
        stir(unet)
    with torch.no_grad():
        for name, parameter in unet.named_parameters():
            parameter.mul_(3 if ".attn2." in name else 1)  # so that words show
    betas: dict[str, Any] = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}
    scheduler = DDIMScheduler(**betas, clip_sample=False, set_alpha_to_one=False, steps_offset=1)
    TextToVideoSDPipeline(
        vae=build_vae().eval(), text_encoder=text_encoder, tokenizer=tokenizer, unet=unet, scheduler=scheduler
    ).save_pretrained(folder)


def wan(folder: Path) -> None:
    """Save Wan 2.1's classes."""
    with seeded_init(0):
        transformer = WanTransformer3DModel(
            num_attention_heads=2,
            attention_head_dim=12,
            in_channels=16,
            out_channels=16,
            text_dim=TEXT_WIDTH,
            freq_dim=32,
            ffn_dim=32,
            num_layers=2,
            rope_max_seq_len=32,
        )
        vae = AutoencoderKLWan(base_dim=4, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1)
        stir(transformer)
        WanVideoToVideoPipeline(
            tokenizer=t5_tokenizer(512),
            text_encoder=t5(UMT5EncoderModel, UMT5Config),
            transformer=transformer,
            vae=vae,
            scheduler=UniPCMultistepScheduler(
                prediction_type="flow_prediction", use_flow_sigmas=True, num_train_timesteps=1000, flow_shift=3.0
            ),
        ).save_pretrained(folder)


def cogvideox(folder: Path, patch_size_t: int | None = None) -> None:
    """Save CogVideoX's classes; with `patch_size_t` those of 1.5."""
    newer = {"patch_size_t": patch_size_t, "patch_bias": False} if patch_size_t else {}
    with seeded_init(0):
        transformer = CogVideoXTransformer3DModel(
            num_attention_heads=2,
            attention_head_dim=16,
            in_channels=8,
            out_channels=8,
            time_embed_dim=8,
            text_embed_dim=TEXT_WIDTH,
            num_layers=2,
            sample_width=8,
            sample_height=8,
            sample_frames=17,
            max_text_seq_length=12,
            use_rotary_positional_embeddings=True,
            **newer,
        )
        vae = AutoencoderKLCogVideoX(
            block_out_channels=(8, 8, 8, 8), latent_channels=8, layers_per_block=1, norm_num_groups=4
        )
        stir(transformer)
        CogVideoXVideoToVideoPipeline(
            tokenizer=t5_tokenizer(12),
            text_encoder=t5(),
            vae=vae,
            transformer=transformer,
            scheduler=CogVideoXDDIMScheduler(
                beta_start=0.00085, beta_end=0.012, rescale_betas_zero_snr=True, prediction_type="v_prediction"
            ),
        ).save_pretrained(folder)


def ltx(folder: Path, *, dynamic_shifting: bool = False) -> None:
    """Save LTX-Video's classes as from 0.9.5 on, with an autoencoder that reads the time."""
    with seeded_init(0):
        transformer = LTXVideoTransformer3DModel(
            in_channels=8,
            out_channels=8,
            num_attention_heads=2,
            attention_head_dim=8,
            cross_attention_dim=16,
            num_layers=2,
            caption_channels=TEXT_WIDTH,
        )
        vae = AutoencoderKLLTXVideo(
            latent_channels=8,
            block_out_channels=(8, 8, 8, 8),
            decoder_block_out_channels=(8, 8, 8, 8),
            layers_per_block=(1, 1, 1, 1, 1),
            decoder_layers_per_block=(1, 1, 1, 1, 1),
            timestep_conditioning=True,
        )
        stir(transformer, vae)
        LTXConditionPipeline(
            scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=dynamic_shifting),
            vae=vae,
            text_encoder=t5(),
            tokenizer=t5_tokenizer(256),
            transformer=transformer,
        ).save_pretrained(folder)
