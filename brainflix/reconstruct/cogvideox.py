"""CogVideoX from video to video: a transformer that reads text and latents as one sequence."""

from __future__ import annotations

from functools import partial

import numpy as np
from diffusers import CogVideoXVideoToVideoPipeline

from brainflix.io.weights import resolve_weights
from brainflix.parts.contract import Inputs
from brainflix.parts.work import Work
from brainflix.reconstruct.fit import Limits
from brainflix.reconstruct.parts import CogVideoXParams
from brainflix.reconstruct.rendering import rendering
from brainflix.reconstruct.texts import Text
from brainflix.reconstruct.vid2vid import Backend, Call, VideoToVideo, load_pipeline, prepare


def load(params: CogVideoXParams, inputs: Inputs, work: Work) -> VideoToVideo:
    """Load the pipeline; weights of 1.5 join pairs of latent frames, and are called clip by clip.

    The pipeline counts those pairs on the length of `video`, which in a batch is the number of clips.
    """
    folder, compute = resolve_weights(params.weights, params.revision), work.compute()
    pipeline = load_pipeline(CogVideoXVideoToVideoPipeline, folder, compute)
    pairs = pipeline.transformer.config.patch_size_t
    backend = Backend(
        pipeline,
        limits(pipeline),
        partial(embed, pipeline),
        partial(run, pipeline, params),
        one_by_one=pairs is not None,
        takes_xformers=False,
    )
    return prepare(backend, params, inputs, work)


part = rendering(load)


def limits(pipeline: CogVideoXVideoToVideoPipeline) -> Limits:
    """Return the sides and numbers of frames that fill whole patches: 4k + 1 frames, or 8k + 5 in pairs."""
    config, step = pipeline.transformer.config, int(pipeline.vae_scale_factor_temporal)
    pairs = int(config.patch_size_t or 1)
    return Limits(pipeline.vae_scale_factor_spatial * int(config.patch_size), (pairs - 1) * step + 1, pairs * step)


def embed(pipeline: CogVideoXVideoToVideoPipeline, captions: list[str]) -> Text:
    """Encode captions with T5: (n, 226, 4096) for the public weights."""
    n_tokens = int(pipeline.transformer.config.max_text_seq_length)
    states, _ = pipeline.encode_prompt(captions, None, False, max_sequence_length=n_tokens)
    return Text(states)


def run(pipeline: CogVideoXVideoToVideoPipeline, params: CogVideoXParams, call: Call) -> np.ndarray:
    """Call the pipeline on clips, or on the frames of one; return (n_clips, n_frames, height, width, 3) from 0 to 1."""
    video = call.pixels if pipeline.transformer.config.patch_size_t is None else call.pixels[0]
    return np.asarray(pipeline(video=video, strength=params.strength, **call.shared(params)).frames)
