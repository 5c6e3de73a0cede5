"""Video-to-video by diffusers: frames and words in, frames out (docs/methods/brain-netflix.md, Other generators).

A backend is one such pipeline with its limits, how it embeds text and how it is called. Every one of them re-noises
the pixels it is given (`video=` and a strength): their `latents=` arguments would skip that.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import DiffusionPipeline

from brainflix.device import Compute
from brainflix.errors import DataError
from brainflix.parts.contract import Inputs
from brainflix.parts.work import Work
from brainflix.pretrained.text import cut_note
from brainflix.reconstruct.fit import Limits, check_frames, check_size, fit_frames, fit_size
from brainflix.reconstruct.generator import Batch
from brainflix.reconstruct.kernels import choose_for
from brainflix.reconstruct.memory import place_pipeline
from brainflix.reconstruct.parts import VideoToVideoParams
from brainflix.reconstruct.prompts import check_one_source
from brainflix.reconstruct.seeds import clip_seed
from brainflix.reconstruct.texts import Embed, Text, check_prompts, embed_captions
from brainflix.reconstruct.zeroscope import fixed_caption
from brainflix.store.captions import Captions
from brainflix.store.schema import Clips


@dataclass(frozen=True, eq=False)
class Call:
    """One call of a pipeline.

    Attributes:
        pixels: what is re-noised, (n_clips, n_frames, 3, height, width) from 0 to 1.
        text, negative: prompts and negative prompts of the clips.
        generators: where each clip's noise comes from.
        rate_hz: frames per second of the clip's time.
    """

    pixels: torch.Tensor
    text: Text
    negative: Text
    generators: list[torch.Generator]
    rate_hz: float

    def shared(self, params: VideoToVideoParams) -> dict[str, Any]:
        """Return the arguments that all pipelines name alike."""
        return {
            "prompt_embeds": self.text.states,
            "negative_prompt_embeds": self.negative.states,
            "num_inference_steps": params.steps,
            "guidance_scale": params.guidance_scale,
            "height": self.pixels.shape[-2],
            "width": self.pixels.shape[-1],
            "generator": self.generators,
            "output_type": "np",
        }


@dataclass(frozen=True, eq=False)
class Backend:
    """One pipeline of diffusers.

    Attributes:
        pipeline: with its networks loaded.
        limits: sides and numbers of frames that it takes.
        embed: encodes captions.
        run: calls it; returns frames (n_clips, n_frames, height, width, 3) from 0 to 1.
        one_by_one: whether it takes a single clip a call.
        denoiser: name of the network that takes most of the time.
        takes_xformers: whether that network's attention can run on xformers.
    """

    pipeline: DiffusionPipeline
    limits: Limits
    embed: Embed
    run: Callable[[Call], np.ndarray]
    one_by_one: bool = False
    denoiser: str = "transformer"
    takes_xformers: bool = True


@dataclass(frozen=True, eq=False)
class VideoToVideo:
    """The generator: reads the conditions `video`, and `caption` or `prompt` (both absent: one caption for all clips).

    Attributes:
        backend: the loaded pipeline.
        params, seed: the recipe's parameters and the run's seed.
        rate_hz: frame rate of the true clips.
        negative: the negative prompt.
        fixed: the one caption; None where the clips have their own.
        notes: what the manifest records.
    """

    backend: Backend
    params: VideoToVideoParams
    seed: int
    rate_hz: float
    negative: Text
    fixed: Text | None
    notes: Mapping[str, object] = field(default_factory=dict)

    def __call__(self, batch: Batch) -> np.ndarray:
        """Return uint8 frames of shape (n_clips, n_frames, height, width, 3)."""
        n_clips = len(batch.clip_ids)
        if "video" not in batch.conditions:
            raise DataError("the batch has no videos to start from", next="name them as the input 'video'")
        given = check_frames(batch.conditions["video"], n_clips)
        share = 1.0 if self.params.fps is None else self.params.fps / self.rate_hz
        n_seen = max(1, round(batch.n_frames * share))
        clock = fit_frames(given.shape[1], batch.n_frames, n_seen, self.backend.limits)
        frames = fit_size(given, self.params.size_px)[:, clock.there]
        if int(self.params.steps * self.params.strength) > 0:
            frames = self._generate(frames, self._text(batch), batch, self.rate_hz * n_seen / batch.n_frames)
        return frames[:, clock.back]

    def _text(self, batch: Batch) -> Text:
        """Return the prompts of a batch's clips."""
        if (captions := batch.conditions.get("caption")) is not None:
            return embed_captions(captions, self.backend.embed)
        if (prompts := batch.conditions.get("prompt")) is not None:
            return check_prompts(prompts, self.negative)
        if self.fixed is None:
            raise DataError("the batch has neither captions nor prompts, and no caption was encoded for all clips")
        return self.fixed.take([0] * len(batch.clip_ids))

    def _generate(self, frames: np.ndarray, text: Text, batch: Batch, rate_hz: float) -> np.ndarray:
        """Re-noise and denoise fitted frames (n_clips, n_frames, height, width, 3) under the clips' prompts."""
        n_clips, at_once = len(frames), 1 if self.backend.one_by_one else max(1, len(frames))
        made = []
        for start in range(0, n_clips, at_once):
            part = slice(start, start + at_once)
            ids = batch.clip_ids[part]
            call = Call(
                torch.from_numpy(frames[part]).movedim(-1, 2).float() / 255,  # (n_clips, n_frames, 3, height, width)
                text.take(part),
                self.negative.take([0] * len(ids)),
                [torch.Generator().manual_seed(clip_seed(self.seed, clip_id)) for clip_id in ids],
                rate_hz,
            )
            made.append(np.rint(np.clip(self.backend.run(call), 0, 1) * 255).astype(np.uint8))
        return np.concatenate(made)


def load_pipeline(kind: type[DiffusionPipeline], folder: Path, compute: Compute, **networks: Any) -> DiffusionPipeline:
    """Load a pipeline folder in the Hub's layout; `networks` are parts that were loaded before, in their own dtype."""
    with warnings.catch_warnings():
        # Newer releases of diffusers would have it called dtype, which older ones that we support do not read.
        warnings.filterwarnings("ignore", message=".*torch_dtype", category=FutureWarning)
        pipeline = kind.from_pretrained(folder, torch_dtype=compute.dtype, local_files_only=True, **networks)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


@torch.no_grad()
def prepare(backend: Backend, params: VideoToVideoParams, inputs: Inputs, work: Work) -> VideoToVideo:
    """Put a loaded pipeline where it runs, and encode what is the same for all clips once.

    Raises:
        UsageError: `size_px` does not fit the model, or captions and prompts are both given.
        ResourceError: an attention kernel was asked for that cannot serve.
    """
    check_size(params.size_px, backend.limits)
    check_one_source(inputs)
    compute, clips = work.compute(), inputs["clips"][0]
    denoiser = getattr(backend.pipeline, backend.denoiser)
    kernel = choose_for(denoiser, work.attention, compute.device, supported=backend.takes_xformers)
    notes = {"attention": f"{kernel.name}: {kernel.reason}", **place_pipeline(backend.pipeline, compute, work)}
    fixed, texts, negative = None, {params.negative_prompt}, backend.embed([params.negative_prompt])
    if "caption" in inputs:
        given = inputs["caption"][0]
        texts |= set(Captions.load(given).captions) if Captions.are_in(given) else set()
    elif "prompt" not in inputs:
        caption = fixed_caption(params.caption, Clips.load(clips))
        fixed = backend.embed([caption])
        texts.add(caption)
    notes |= cut_note(sorted(texts), backend.pipeline.tokenizer, negative.states.shape[1])
    return VideoToVideo(
        backend,
        params,
        # Far from any seed that a recipe may have, so that two recipes' samples do not share their noise.
        seed=work.seed + (params.sample << 32),
        rate_hz=float(clips.json("videos.json")["fps_hz"]),
        negative=negative,
        fixed=fixed,
        notes=notes,
    )
