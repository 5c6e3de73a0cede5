"""Video-to-video diffusion on UNet3DConditionModel and AutoencoderKL (Brain Netflix spec 6).

The loop is ours because diffusers' pipeline class for it is deprecated and its latent axes changed once (spec 6.1):
latents are (clip, frame, channel, height, width) everywhere outside this file. The other order that releases have used
is recognised by its lengths (`axes`), and anything else is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, DPMSolverMultistepScheduler, UNet3DConditionModel

from brainflix.contract import Job, Tools
from brainflix.device import Compute
from brainflix.errors import DataError, UsageError
from brainflix.io.weights import resolve_weights
from brainflix.reconstruct.axes import frames_first
from brainflix.reconstruct.generator import Batch
from brainflix.reconstruct.kernels import choose_for
from brainflix.reconstruct.memory import place_networks, switch_vae
from brainflix.reconstruct.params import ZeroscopeParams
from brainflix.reconstruct.prompts import check_one_source, check_states, encode_predicted, states_of
from brainflix.reconstruct.seeds import clip_noise
from brainflix.store.artifact import Artifact
from brainflix.store.schema import Clips
from brainflix.targets.text import encode_captions
from brainflix.targets.vae import decode_latents

MOST_FREQUENT = "most-frequent"


@dataclass(frozen=True)
class Backend:
    """The loaded networks.

    Attributes:
        unet, vae: the networks.
        scheduler_folder: where the noise schedule is; a fresh solver is made for each batch, since it has memory.
        negative: token states of the negative prompt, (n_tokens, width).
        compute: device and dtype.
        kernel: attention kernel in use, with the reason.
        memory: what to note of switches that save memory.
    """

    unet: UNet3DConditionModel
    vae: AutoencoderKL
    scheduler_folder: Path
    negative: torch.Tensor
    compute: Compute
    kernel: str
    memory: Mapping[str, object] = field(default_factory=dict)

    @property
    def n_channels(self) -> int:
        """Channels of the latents."""
        return int(self.unet.config.in_channels)

    def noise_size(self, size_px: tuple[int, int] | None) -> tuple[int, int]:
        """Return the height and width of latents that are drawn: those of `size_px`, or else what the network says.

        Raises:
            UsageError: a side is no multiple of the autoencoder's factor.
        """
        if size_px is None:
            size = self.unet.config.sample_size
            return (int(size), int(size)) if isinstance(size, int) else (int(size[0]), int(size[1]))
        factor = 2 ** (len(self.vae.config.block_out_channels) - 1)
        if any(side % factor for side in size_px):
            raise UsageError(f"size_px {list(size_px)} does not fit", why=f"sides are multiples of {factor}")
        return size_px[0] // factor, size_px[1] // factor


@dataclass(frozen=True, eq=False)
class Zeroscope:
    """The generator: reads the conditions `latents` (or pure noise) and `prompt` or `caption` (or one prompt for all).

    Attributes:
        backend: the loaded networks.
        prompt: token states where nothing is predicted, (n_tokens, width); None where something is.
        params, seed: the recipe's parameters and the run's seed.
        said: token states (n_tokens, width) of every predicted caption.
    """

    backend: Backend
    prompt: np.ndarray | None
    params: ZeroscopeParams
    seed: int
    said: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def notes(self) -> Mapping[str, object]:
        """The attention kernel, and switches that save memory."""
        return {"attention": self.backend.kernel, **self.backend.memory}

    def __call__(self, batch: Batch) -> np.ndarray:
        """Return uint8 frames of shape (n_clips, n_frames, H, W, 3)."""
        latents = batch.conditions.get("latents")
        how = {"n_frames": batch.n_frames, "seed": self.seed}
        return generate(self.backend, latents, self.prompts(batch), batch.clip_ids, **how, params=self.params)

    def prompts(self, batch: Batch) -> np.ndarray:
        """Return the token states that the batch is denoised under, (n_clips, n_tokens, width).

        Raises:
            DataError: there are none, or what came as `prompt` is words.
        """
        if "prompt" in batch.conditions:
            check_states(batch.conditions["prompt"])
            return batch.conditions["prompt"]
        if "caption" in batch.conditions:
            return states_of(batch.conditions["caption"], self.said)
        if self.prompt is None:
            raise DataError("the batch has no prompts, and none was encoded for all clips")
        return np.repeat(self.prompt[None], len(batch.clip_ids), axis=0)


def load(job: Job, params: ZeroscopeParams, inputs: Mapping[str, list[Artifact]], tools: Tools) -> Zeroscope:
    """Load the pipeline once, and encode predicted captions, or the recipe's where nothing is predicted.

    Raises:
        UsageError: both `prompt` and `caption` are given.
    """
    check_one_source(inputs)
    folder = resolve_weights(params.weights, params.revision)
    compute = tools.compute()
    backend = load_backend(folder, params, compute, tools)
    prompt, said = None, dict[str, np.ndarray]()
    if "caption" in inputs:
        said = encode_predicted(folder, inputs["caption"][0], compute)
    elif "prompt" not in inputs:
        caption = fixed_caption(params.caption, Clips.load(inputs["clips"][0]))
        prompt = encode_prompt(folder, caption, compute).numpy()
    # Far from any seed that a recipe may have, so that two recipes' samples do not share their noise.
    return Zeroscope(backend, prompt, params, job.seed + (params.sample << 32), said)


def fixed_caption(caption: str, clips: Clips) -> str:
    """Return the caption itself, or the most frequent one of the training clips (of equals the first by alphabet)."""
    if caption != MOST_FREQUENT:
        return caption
    counts = Counter(clips.caption[i] for i in clips.of("train"))
    return min(counts, key=lambda text: (-counts[text], text))


def load_backend(folder: Path, params: ZeroscopeParams, compute: Compute, tools: Tools) -> Backend:
    """Load a pipeline folder in the Hub's layout: unet, vae, text_encoder, tokenizer, scheduler."""
    unet = UNet3DConditionModel.from_pretrained(folder / "unet", torch_dtype=compute.dtype).eval()
    kernel = choose_for(unet, tools.attention, compute.device)
    negative = encode_prompt(folder, params.negative_prompt, compute)
    vae = AutoencoderKL.from_pretrained(folder / "vae", torch_dtype=compute.dtype).eval()
    memory = switch_vae(vae, tools) | place_networks([unet, vae], compute, tools)
    return Backend(unet, vae, folder / "scheduler", negative, compute, f"{kernel.name}: {kernel.reason}", memory)


def encode_prompt(folder: Path, prompt: str, compute: Compute) -> torch.Tensor:
    """Return one prompt's token states (n_tokens, width) from the pipeline's own text tower."""
    states = encode_captions([prompt], folder / "text_encoder", folder / "tokenizer", compute)
    return torch.from_numpy(states[0])


def kept_timesteps(scheduler: DPMSolverMultistepScheduler, steps: int, strength: float) -> torch.Tensor:
    """Return the last int(steps * strength) timesteps of the schedule, and point the solver at the first of them."""
    scheduler.set_timesteps(steps)
    start = steps - min(int(steps * strength), steps)
    scheduler.set_begin_index(start)
    return scheduler.timesteps[start:]


@torch.inference_mode()
def generate(
    backend: Backend,
    latents: np.ndarray | None,
    prompts: np.ndarray,
    clip_ids: Sequence[str],
    *,
    n_frames: int,
    seed: int,
    params: ZeroscopeParams,
) -> np.ndarray:
    """Re-noise latents to the first kept timestep and denoise them under the prompts.

    Args:
        backend: the loaded generator.
        latents: scaled latents of shape (n_clips, n_frames, channels, height, width), whose size the frames get; the
            order (n_clips, channels, n_frames, height, width) too. None starts from pure noise of `params.size_px`.
        prompts: token states of shape (n_clips, n_tokens, width).
        clip_ids: ids of the clips; with `seed` they decide the noise.
        n_frames: frames of a clip.
        seed: the run's seed.
        params: the recipe's parameters.

    Returns:
        uint8 frames of shape (n_clips, n_frames, H, W, 3).

    Raises:
        DataError: latents of another shape or axis order, or prompts of another shape than the text tower's.
    """
    device = backend.compute.device
    scheduler = DPMSolverMultistepScheduler.from_pretrained(backend.scheduler_folder)
    if latents is None:
        timesteps = kept_timesteps(scheduler, params.steps, 1.0)
        x = clip_noise(seed, clip_ids, (n_frames, backend.n_channels, *backend.noise_size(params.size_px)))
    else:
        start = _scaled(frames_first(latents, n_frames, backend.n_channels), params.latent_factor)
        timesteps = kept_timesteps(scheduler, params.steps, params.strength)
        noise = clip_noise(seed, clip_ids, start.shape[1:])
        # No step is kept at strength 0: the latents are decoded as they are.
        x = scheduler.add_noise(start, noise, timesteps[:1].expand(len(start))) if len(timesteps) else start
    x = x.transpose(1, 2).to(device)
    condition = _condition(backend, prompts, params.guidance_scale) if len(timesteps) else None
    for t in timesteps:
        x = scheduler.step(_predict_noise(backend, x, t, condition, params.guidance_scale), t, x).prev_sample
    return decode_latents(backend.vae, x.transpose(1, 2))


def _scaled(latents: np.ndarray, factor: float) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(latents, np.float32)) * factor


def _condition(backend: Backend, prompts: np.ndarray, guidance: float) -> torch.Tensor:
    """Return what every step attends to, on the device: the prompts, and before them the negative one under guidance.

    Raises:
        DataError: the prompts are not of the negative prompt's shape.
    """
    if prompts.shape[1:] != tuple(backend.negative.shape):
        raise DataError(
            f"prompts are {prompts.shape[1:]}, the generator reads (tokens, width) = {tuple(backend.negative.shape)}",
            next="predict the targets of a captions step with the same weights",
        )
    condition = torch.from_numpy(prompts).to(backend.compute.device)
    if guidance > 1:
        condition = torch.cat([backend.negative.to(condition).expand_as(condition), condition])
    return condition.to(backend.compute.dtype)


def _predict_noise(
    backend: Backend, x: torch.Tensor, t: torch.Tensor, condition: torch.Tensor | None, guidance: float
) -> torch.Tensor:
    """Predict the noise in x (n, channels, frames, h, w), with classifier-free guidance if `guidance` exceeds 1."""
    x = x.to(backend.compute.dtype)
    if guidance <= 1:
        return backend.unet(x, t, condition).sample.float()
    without, with_prompt = backend.unet(torch.cat([x, x]), t, condition).sample.float().chunk(2)
    return without + guidance * (with_prompt - without)
