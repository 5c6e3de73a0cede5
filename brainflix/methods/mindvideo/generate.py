"""MinD-Video's generator: pure noise, denoised under a decoded context (docs/methods/mindvideo.md, Generator).

"Adversarial guidance" is classifier-free guidance whose other branch sees what the mean of all responses is encoded to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler, DPMSolverMultistepScheduler, PNDMScheduler

from brainflix.attention import choose_kernel
from brainflix.device import Compute
from brainflix.errors import DataError, UsageError
from brainflix.io.weights import resolve_weights
from brainflix.methods.mindvideo.parts import MindVideoGeneratorParams
from brainflix.methods.mindvideo.train.phases import trained_denoiser
from brainflix.models.inflated_unet import InflatedBlock, InflatedUNet, inflate
from brainflix.parts.contract import Inputs
from brainflix.parts.work import Work
from brainflix.pretrained.vae import decode_latents
from brainflix.progress import Track, untracked
from brainflix.reconstruct.generator import Batch
from brainflix.reconstruct.memory import place_networks, switch_vae
from brainflix.reconstruct.rendering import rendering
from brainflix.reconstruct.seeds import clip_noise
from brainflix.trained.files import load_result

# Solvers that draw no noise of their own, so that a clip does not depend on the others of its batch.
SOLVERS = {"DDIMScheduler": DDIMScheduler, "PNDMScheduler": PNDMScheduler}
SOLVERS |= {"DPMSolverMultistepScheduler": DPMSolverMultistepScheduler}
NAMED = {"ddim": "DDIMScheduler", "dpmsolver++": "DPMSolverMultistepScheduler"}


@dataclass(frozen=True, eq=False)
class MindVideo:
    """The loaded generator: reads the conditions `context` and, where guidance asks for it, `negative`.

    Attributes:
        unet, vae: the networks.
        scheduler_folder: where the noise schedule is; a fresh solver is made for each batch, since it has memory.
        params, seed: the recipe's parameters and the run's seed.
        compute: device and dtype.
        kernel: attention kernel in use, with the reason.
        memory: what to note of switches that save memory.
    """

    unet: InflatedUNet
    vae: AutoencoderKL
    scheduler_folder: Path
    params: MindVideoGeneratorParams
    seed: int
    compute: Compute
    kernel: str
    memory: Mapping[str, object] = field(default_factory=dict)

    @property
    def notes(self) -> Mapping[str, object]:
        """The attention kernel, the solver, and switches that save memory."""
        solver = type(load_solver(self.scheduler_folder, self.params.solver)).__name__
        return {"attention": self.kernel, "solver": solver, **self.memory}

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        """The channels, height and width of one frame's latents."""
        channels, own = int(self.unet.config.in_channels), self.unet.config.sample_size
        if self.params.size_px:
            own = self.params.size_px // 2 ** (len(self.vae.config.block_out_channels) - 1)
        height, width = own if isinstance(own, list | tuple) else (own, own)
        return channels, int(height), int(width)

    def __call__(self, batch: Batch) -> np.ndarray:
        """Return uint8 frames of shape (n_clips, n_frames, H, W, 3).

        Raises:
            DataError: contexts of another shape than the denoiser reads.
        """
        contexts = checked_contexts(batch.conditions, int(self.unet.config.cross_attention_dim))
        return sample(self, contexts, batch.clip_ids, batch.n_frames, batch.track)


def load(params: MindVideoGeneratorParams, inputs: Inputs, work: Work) -> MindVideo:
    """Load the denoiser of the artifact `unet`, and autoencoder and schedule of the pinned weights.

    Raises:
        UsageError: guidance without a `negative` to lead away from, or more steps than the schedule has.
    """
    if params.guidance_scale > 1 and "negative" not in inputs:
        raise UsageError(
            "guidance needs the role 'negative'",
            why="it leads away from the context of the mean response",
            next="give predictions of mindvideo-context with of=mean, or set guidance_scale to 1",
        )
    folder, compute = resolve_weights(params.weights, params.revision, params.folders), work.compute()
    check_steps(load_solver(folder / params.scheduler, params.solver), params.steps)
    config, state = trained_denoiser(load_result(inputs["unet"][0].path))
    unet = inflate(config, state, work.seed).to(dtype=compute.dtype).eval()
    vae = AutoencoderKL.from_pretrained(folder / params.vae, torch_dtype=compute.dtype, local_files_only=True).eval()
    kernel = attention_note(unet, work.attention, compute)
    memory = switch_vae(vae, work) | place_networks([unet, vae], compute, work)
    # Far from any seed that a recipe may have, so that two recipes' samples do not share their noise.
    return MindVideo(
        unet,
        vae,
        folder / params.scheduler,
        params,
        work.seed + (params.sample << 32),
        compute,
        kernel,
        memory,
    )


part = rendering(load)


def attention_note(unet: InflatedUNet, wanted: str, compute: Compute) -> str:
    """Return the attention kernel of the finest layers and why it is that one."""
    layer: Any = next(module.attn1 for module in unet.modules() if isinstance(module, InflatedBlock))
    kernel = choose_kernel(wanted, compute.device, layer.to_q.out_features // layer.heads)
    return f"{kernel.name}: {kernel.reason}"


def load_solver(folder: Path, solver: str) -> Any:
    """Return a fresh solver on the schedule of a folder: the one that the folder names, or another by name.

    Two settings are those of Stable Diffusion, whatever the folder says, as diffusers' pipelines for it and the
    released one have it: times start one step later (`steps_offset` 1), and predicted latents are not cut.

    Raises:
        UsageError: the folder names a solver that draws noise between its steps, or one that is not known here.
    """
    config = dict(DDIMScheduler.load_config(folder))
    name = NAMED.get(solver) or str(config["_class_name"])
    if name not in SOLVERS:
        raise UsageError(f"the solver {name} is not used here", next="set solver to ddim")
    config["steps_offset"] = 1
    if name == "DDIMScheduler":
        config["clip_sample"] = False  # latents are not confined to [-1, 1]
        if config["_class_name"] != name and config.get("timestep_spacing") == "linspace":
            # Another solver's distances; diffusers' DDIM steps by a fixed number of times, which these are not.
            config["timestep_spacing"] = "leading"
    return SOLVERS[name].from_config(config)


def check_steps(solver: Any, steps: int) -> None:
    """Check that the first of so many steps lies within the noise schedule; times start one step later than from 0.

    Raises:
        UsageError: it does not.
    """
    solver.set_timesteps(steps)
    length = int(solver.config.num_train_timesteps)
    if int(max(solver.timesteps)) >= length:
        raise UsageError(
            f"{steps} steps do not fit into the noise schedule", next=f"set steps to {length - 1} or fewer"
        )


def checked_contexts(conditions: Mapping[str, np.ndarray], width: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Return contexts and negative contexts (n_clips, n_tokens, width); None where no negative was given.

    Raises:
        DataError: another number of axes or channels, or a negative of another shape than the context.
    """
    context, negative = conditions["context"], conditions.get("negative")
    if context.ndim != 3 or context.shape[2] != width:
        raise DataError(f"contexts are of shape {context.shape}", why=f"the denoiser reads (clip, token, {width})")
    if negative is not None and negative.shape != context.shape:
        raise DataError(f"negative contexts are of shape {negative.shape}, the contexts {context.shape}")
    return context, negative


@torch.inference_mode()
def sample(
    generator: MindVideo,
    contexts: tuple[np.ndarray, np.ndarray | None],
    clip_ids: Sequence[str],
    n_frames: int,
    track: Track = untracked,
) -> np.ndarray:
    """Denoise pure noise, which the clips' ids and the seed decide, and decode it.

    Args:
        generator: the loaded networks.
        contexts: contexts and negative contexts, (n_clips, n_tokens, width) each.
        clip_ids: ids of the clips.
        n_frames: frames of a clip.
        track: counts steps.

    Returns:
        uint8 frames of shape (n_clips, n_frames, H, W, 3).
    """
    device = generator.compute.device
    # Drawn frame by frame as everywhere outside the network: (clip, frame, channel, height, width).
    noise = clip_noise(generator.seed, clip_ids, (n_frames, *generator.latent_shape))
    solver = load_solver(generator.scheduler_folder, generator.params.solver)
    solver.set_timesteps(generator.params.steps)
    x = noise.transpose(1, 2).to(device) * solver.init_noise_sigma  # (n, channels, frames, h, w)
    context, negative = (None if each is None else torch.from_numpy(each).to(device) for each in contexts)
    for t in track(solver.timesteps, "steps"):
        predicted = _predict(generator, solver.scale_model_input(x, t), t, context, negative)
        x = solver.step(predicted, t, x).prev_sample
    # From (n, frames, channels, h, w).
    return decode_latents(generator.vae, x.transpose(1, 2), whole="down" if generator.params.compat else "nearest")


def _predict(
    generator: MindVideo, x: torch.Tensor, t: torch.Tensor, context: Any, negative: torch.Tensor | None
) -> torch.Tensor:
    """Predict the noise in x (n, channels, frames, h, w), guided away from the negative context."""
    dtype, scale = generator.compute.dtype, generator.params.guidance_scale
    time = t.to(x.device)
    if scale <= 1 or negative is None:
        return generator.unet(x.to(dtype), time, context.to(dtype)).float()
    both = generator.unet(torch.cat([x, x]).to(dtype), time, torch.cat([negative, context]).to(dtype)).float()
    without, with_context = both.chunk(2)
    return without + scale * (with_context - without)
