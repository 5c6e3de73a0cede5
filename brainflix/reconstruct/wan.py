"""Wan from video to video: a transformer on latents of a causal video autoencoder, 4 frames and 8 x 8 pixels each."""

from __future__ import annotations

import html
from functools import partial

import numpy as np
import torch
from diffusers import AutoencoderKLWan, WanVideoToVideoPipeline

from brainflix.io.weights import resolve_weights
from brainflix.parts.contract import Inputs
from brainflix.parts.work import Work
from brainflix.reconstruct.fit import Limits
from brainflix.reconstruct.parts import WanParams
from brainflix.reconstruct.rendering import rendering
from brainflix.reconstruct.texts import Text
from brainflix.reconstruct.vid2vid import Backend, Call, VideoToVideo, load_pipeline, prepare

# Tokens that the model was trained to read; shorter prompts end in zeros.
N_TOKENS = 512


def load(params: WanParams, inputs: Inputs, work: Work) -> VideoToVideo:
    """Load the pipeline, its autoencoder in float32 as its authors do: it loses colours in half precision."""
    folder, compute = resolve_weights(params.weights, params.revision), work.compute()
    vae = AutoencoderKLWan.from_pretrained(folder / "vae", torch_dtype=torch.float32, local_files_only=True)
    pipeline = load_pipeline(WanVideoToVideoPipeline, folder, compute, vae=vae)
    side_px = pipeline.vae_scale_factor_spatial * int(pipeline.transformer.config.patch_size[1])
    limits = Limits(side_px, step=int(pipeline.vae_scale_factor_temporal))
    backend = Backend(pipeline, limits, partial(embed, pipeline), partial(run, pipeline, params))
    return prepare(backend, params, inputs, work)


part = rendering(load)


def clean(caption: str) -> str:
    """Return a caption as the model was trained on: entities written out, single spaces."""
    return " ".join(html.unescape(html.unescape(caption)).split())


def embed(pipeline: WanVideoToVideoPipeline, captions: list[str]) -> Text:
    """Encode captions with UMT5: (n, 512, 4096) for the public weights, zeros behind each caption's end.

    The pipeline's own method needs the package ftfy, which mends text in broken encodings; ours is not.
    """
    texts = [clean(caption) for caption in captions]
    tokens = pipeline.tokenizer(
        texts, padding="max_length", max_length=N_TOKENS, truncation=True, return_tensors="pt"
    ).to(pipeline._execution_device)
    states = pipeline.text_encoder(tokens.input_ids, tokens.attention_mask).last_hidden_state
    return Text(states * tokens.attention_mask[..., None].to(states))


def run(pipeline: WanVideoToVideoPipeline, params: WanParams, call: Call) -> np.ndarray:
    """Call the pipeline on a batch; return frames (n_clips, n_frames, height, width, 3) from 0 to 1."""
    return np.asarray(pipeline(video=call.pixels, strength=params.strength, **call.shared(params)).frames)
