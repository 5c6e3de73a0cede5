"""LTX-Video from video to video: few, large latents (32 x 32 pixels, 8 frames), so the fastest of its kind."""

from __future__ import annotations

from functools import partial

import numpy as np
from diffusers import LTXConditionPipeline
from diffusers.pipelines.ltx.pipeline_ltx_condition import LTXVideoCondition, linear_quadratic_schedule

from brainflix.errors import UsageError
from brainflix.io.weights import resolve_weights
from brainflix.parts.contract import Inputs
from brainflix.parts.work import Work
from brainflix.reconstruct.fit import Limits
from brainflix.reconstruct.parts import LtxParams
from brainflix.reconstruct.rendering import rendering
from brainflix.reconstruct.texts import Text
from brainflix.reconstruct.vid2vid import Backend, Call, VideoToVideo, load_pipeline, prepare


def load(params: LtxParams, inputs: Inputs, work: Work) -> VideoToVideo:
    """Load the pipeline.

    Raises:
        UsageError: weights from before 0.9.5, whose schedule depends on the size, which this pipeline does not serve.
    """
    folder, compute = resolve_weights(params.weights, params.revision), work.compute()
    pipeline = load_pipeline(LTXConditionPipeline, folder, compute)
    if pipeline.scheduler.config.use_dynamic_shifting:
        raise UsageError(
            f"the weights {params.weights!r} do not go from video to video",
            why="their schedule shifts with the size, as that of LTX-Video before 0.9.5",
            next="take weights of LTX-Video 0.9.5 or newer",
        )
    side_px = pipeline.vae_spatial_compression_ratio * pipeline.transformer_spatial_patch_size
    limits = Limits(side_px, step=pipeline.vae_temporal_compression_ratio)
    # Slicing inside its autoencoder mixes up clips and times in diffusers 0.42; one clip a call is the same saving.
    backend = Backend(
        pipeline, limits, partial(embed, pipeline), partial(run, pipeline, params), one_by_one=work.vae_slicing
    )
    return prepare(backend, params, inputs, work)


part = rendering(load)


def embed(pipeline: LTXConditionPipeline, captions: list[str]) -> Text:
    """Encode captions with T5: (n, 256, 4096) for the public weights, with the mask of their tokens."""
    states, mask, _, _ = pipeline.encode_prompt(captions, do_classifier_free_guidance=False)
    return Text(states, mask)


def first_noise(params: LtxParams) -> float:
    """Return the share of noise that the first kept step starts from: one of the pipeline's own schedule."""
    return float(linear_quadratic_schedule(params.steps)[params.steps - int(params.steps * params.strength)])


def run(pipeline: LTXConditionPipeline, params: LtxParams, call: Call) -> np.ndarray:
    """Call the pipeline on a batch; return frames (n_clips, n_frames, height, width, 3) from 0 to 1.

    Its `denoise_strength` alone keeps the last steps but starts them from pure noise. A condition of strength s mixes
    s of the video into the noise, which for this model is re-noising to 1 - s: both together are what `strength` means
    elsewhere.
    """
    condition = LTXVideoCondition(video=call.pixels, strength=1.0 - first_noise(params))
    made = pipeline(
        conditions=[condition],
        denoise_strength=params.strength,
        num_frames=call.pixels.shape[1],
        frame_rate=call.rate_hz,
        prompt_attention_mask=call.text.mask,
        negative_prompt_attention_mask=call.negative.mask,
        decode_timestep=params.decode_timestep,
        decode_noise_scale=params.decode_noise,
        # Meant for conditions without any noise of their own.
        image_cond_noise_scale=0.0,
        **call.shared(params),
    )
    return np.asarray(made.frames)
