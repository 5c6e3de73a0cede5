"""AnimateDiff from video to video: Stable Diffusion 1.5, a motion adapter and a VAE that works frame by frame."""

from __future__ import annotations

from functools import partial

import numpy as np
from diffusers import AnimateDiffVideoToVideoPipeline, DDIMScheduler, MotionAdapter

from brainflix.io.weights import resolve_weights
from brainflix.parts.contract import Inputs
from brainflix.parts.work import Work
from brainflix.reconstruct.fit import Limits
from brainflix.reconstruct.parts import AnimateDiffParams
from brainflix.reconstruct.rendering import rendering
from brainflix.reconstruct.texts import Text
from brainflix.reconstruct.vid2vid import Backend, Call, VideoToVideo, load_pipeline, prepare

# The schedule that the adapters were trained with is another one than Stable Diffusion's.
SCHEDULE = {"beta_schedule": "linear", "timestep_spacing": "linspace", "steps_offset": 1, "clip_sample": False}


def load(params: AnimateDiffParams, inputs: Inputs, work: Work) -> VideoToVideo:
    """Load Stable Diffusion's folder and the adapter's, and join them."""
    folder, compute = resolve_weights(params.weights, params.revision), work.compute()
    adapter = MotionAdapter.from_pretrained(
        resolve_weights(params.adapter, params.adapter_revision), torch_dtype=compute.dtype, local_files_only=True
    )
    pipeline = load_pipeline(AnimateDiffVideoToVideoPipeline, folder, compute, motion_adapter=adapter)
    pipeline.scheduler = DDIMScheduler.from_config(pipeline.scheduler.config, **SCHEDULE)
    # The network halves latents as well; it fits odd ones, but was not trained on them.
    limits = Limits(side_px=pipeline.vae_scale_factor, most=int(adapter.config.motion_max_seq_length))
    backend = Backend(pipeline, limits, partial(embed, pipeline), partial(run, pipeline, params), denoiser="unet")
    return prepare(backend, params, inputs, work)


part = rendering(load)


def embed(pipeline: AnimateDiffVideoToVideoPipeline, captions: list[str]) -> Text:
    """Encode captions with the CLIP text tower: (n, 77, 768) for Stable Diffusion 1.5."""
    states, _ = pipeline.encode_prompt(captions, pipeline._execution_device, 1, do_classifier_free_guidance=False)
    return Text(states)


def run(pipeline: AnimateDiffVideoToVideoPipeline, params: AnimateDiffParams, call: Call) -> np.ndarray:
    """Call the pipeline on a batch; return frames (n_clips, n_frames, height, width, 3) from 0 to 1."""
    return np.asarray(pipeline(video=call.pixels, strength=params.strength, **call.shared(params)).frames)
