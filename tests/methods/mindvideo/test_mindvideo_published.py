"""MinD-Video beside Stable Diffusion's own pipeline, on a tiny twin: token states, one frame, and switches for memory.

One frame of the inflated network is what the image network says, so that diffusers' image pipeline, given the same
noise, context and negative context, must make the same picture.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import accelerate
import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, PNDMScheduler, StableDiffusionPipeline

from brainflix.device import pick_compute
from brainflix.methods.mindvideo import generate
from brainflix.methods.mindvideo.generate import MindVideo, load
from brainflix.methods.mindvideo.parts import MindVideoGeneratorParams
from brainflix.methods.mindvideo.train.video import unet_settings
from brainflix.models.inflated_unet import inflate
from brainflix.parts.work import Work
from brainflix.pretrained.vae import decode_latents
from brainflix.reconstruct.generator import Batch
from brainflix.reconstruct.seeds import clip_noise
from brainflix.store.refs import Ref
from brainflix.store.schema import Clips
from brainflix.store.store import Store
from brainflix.targets.parts import CaptionParams
from brainflix.targets.text import extract
from brainflix.trained.files import TrainResult
from tests.reconstruct import twins

COMPUTE = pick_compute("cpu", "float32")
IDS, SEED, STEPS = ("a_1", "a_2"), 7, 4
BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
# What folders of Stable Diffusion have, and what they may have: no offset, or predicted latents that are cut.
SCHEDULES = {
    "pndm": PNDMScheduler(**BETAS, skip_prk_steps=True, steps_offset=0),
    "pndm-1": PNDMScheduler(**BETAS, skip_prk_steps=True, steps_offset=1, set_alpha_to_one=False),
    "ddim": DDIMScheduler(**BETAS, steps_offset=0, clip_sample=True, set_alpha_to_one=False),
    "ddim-one": DDIMScheduler(**BETAS, steps_offset=1, clip_sample=False, set_alpha_to_one=True),
    "ddim-linspace": DDIMScheduler(**BETAS, clip_sample=False, timestep_spacing="linspace"),
    "dpm": DPMSolverMultistepScheduler(**BETAS),
    "dpm-leading": DPMSolverMultistepScheduler(**BETAS, timestep_spacing="leading"),
}
CONTEXT, NEGATIVE = np.random.default_rng(0).standard_normal((2, 2, 12, twins.TEXT_WIDTH)).astype(np.float32)
UNET = Ref("model", "toy-joint", "0" * 12)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("twin")
    twins.stable_diffusion(root / "sd", root / "adapter")
    return root / "sd"


@pytest.fixture(scope="module")
def store(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store with the image network, inflated, and with two captions."""
    image = StableDiffusionPipeline.from_pretrained(folder, safety_checker=None).unet
    unet = inflate(dict(image.config), image.state_dict(), 0)
    state = {f"unet.{name}": tensor for name, tensor in unet.state_dict().items()}
    place = Store(tmp_path_factory.mktemp("store"))
    with place.publish(UNET, stage="train", stage_version=1, parameters={}, inputs={}, fsync=False) as out:
        TrainResult(state, {"architecture": "mindvideo-joint", "unet": unet_settings(unet)}, ()).save(out.path)
    return place


def generator(folder: Path, store: Store, tools: dict[str, Any] | None = None, **changes: Any) -> MindVideo:
    given = {"weights": str(folder), "steps": STEPS, "guidance_scale": 12.5, **changes}
    work = Work(store, lambda: COMPUTE, ref=Ref("videos", "x", "0" * 12), seed=SEED, **(tools or {}))
    return load(MindVideoGeneratorParams(**given), {"unet": [store.open(UNET)], "negative": []}, work)


def frames(made: MindVideo, n_frames: int = 1) -> np.ndarray:
    return made(Batch(IDS, {"context": CONTEXT, "negative": NEGATIVE}, n_frames))


@pytest.mark.parametrize("guidance", [1.0, 12.5])
@pytest.mark.parametrize("name", list(SCHEDULES))
def test_one_frame_is_the_image_pipelines(
    folder: Path, store: Store, tmp_path: Path, name: str, guidance: float
) -> None:
    SCHEDULES[name].save_pretrained(folder / f"scheduler-{name}")
    made = frames(generator(folder, store, scheduler=f"scheduler-{name}", guidance_scale=guidance))
    parts = StableDiffusionPipeline.from_pretrained(folder, safety_checker=None).components
    theirs = StableDiffusionPipeline(
        **{**parts, "scheduler": type(SCHEDULES[name]).from_pretrained(folder / f"scheduler-{name}")},
        requires_safety_checker=False,
    )
    theirs.set_progress_bar_config(disable=True)
    wanted = theirs(
        prompt_embeds=torch.from_numpy(CONTEXT),
        negative_prompt_embeds=torch.from_numpy(NEGATIVE),
        latents=clip_noise(SEED, IDS, (1, 4, 8, 8))[:, 0],
        num_inference_steps=STEPS,
        guidance_scale=guidance,
        output_type="np",
    ).images
    assert made.std() > 1
    # Half a level is what rounding to whole ones takes.
    assert np.abs(made[:, 0] - wanted * 255).max() < 0.6


@pytest.mark.parametrize("hides", [None, False, True], ids=["unsaid", "not hidden", "hidden"])
def test_texts_have_the_token_states_of_the_image_pipeline(tmp_path: Path, hides: bool | None) -> None:
    twins.stable_diffusion(tmp_path / "sd", tmp_path / "adapter", hides)
    # The last one is longer than what the tower reads.
    said = ("a red disc", "", "a magenta triangle moving right over a desert and a red disc")
    clips = Clips(("c0", "c1", "c2"), ("s",) * 3, np.arange(3.0), np.zeros(3), said)
    dataset = SimpleNamespace(load_clips=lambda raw: clips)
    work: Any = SimpleNamespace(compute=lambda: COMPUTE, dataset=dataset)
    inputs: Any = {"stimuli": [SimpleNamespace(path=tmp_path)]}
    made: Any = extract(CaptionParams(weights=str(tmp_path / "sd")), inputs, work)
    pipeline = StableDiffusionPipeline.from_pretrained(tmp_path / "sd", safety_checker=None)
    with torch.no_grad():
        wanted, _ = pipeline.encode_prompt(list(said), "cpu", 1, False)
    np.testing.assert_allclose(made.made.values, wanted.numpy(), atol=2e-3)
    assert np.abs(wanted[0, 5:] - wanted[1, 5:]).max() > 0.1
    assert made.notes["captions cut"] == "1 of 3 have more than 12 tokens; the text tower reads no further"


def test_grey_levels_are_rounded_and_as_released_cut(folder: Path, store: Store) -> None:
    made = generator(folder, store)
    near, below = frames(made, 3).astype(int), frames(generator(folder, store, compat="mindvideo"), 3).astype(int)
    assert set(np.unique(near - below)) == {0, 1}
    noise = clip_noise(SEED, IDS, (3, 4, 8, 8))
    with torch.no_grad():
        pixels = made.vae.decode(noise.flatten(0, 1) / made.vae.config.scaling_factor).sample
    released = ((pixels / 2 + 0.5).clamp(0, 1) * 255).numpy().astype(np.uint8)  # (clips * frames, 3, height, width)
    levels = decode_latents(made.vae, noise, whole="down").reshape(-1, 64, 64, 3).transpose(0, 3, 1, 2)
    # The two sums may differ in their last digits, and so where a level is nearly whole.
    assert (levels != released).mean() < 1e-3


def test_switches_that_save_memory_are_noted_and_change_nothing(folder: Path, store: Store) -> None:
    plain = generator(folder, store)
    frugal = generator(folder, store, {"vae_slicing": True, "vae_tiling": True, "offload": "sequential"})
    assert plain.memory == {} and frugal.vae.use_slicing and frugal.vae.use_tiling
    assert frugal.notes["vae_slicing"] is True and frugal.notes["vae_tiling"] is True
    assert "no accelerator" in str(frugal.notes["offload"])
    made = [frames(each, 3).astype(int) for each in (plain, frugal)]
    # These frames are smaller than a tile.
    assert np.abs(made[0] - made[1]).max() <= 1


def test_layers_that_wait_elsewhere_make_the_same_frames(
    folder: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """accelerate's own hooks, with the processor in the card's place: layers hold no numbers until they run."""

    def wait(networks: list[torch.nn.Module], *_: object) -> dict[str, object]:
        for network in networks:
            accelerate.cpu_offload(network, COMPUTE.device, offload_buffers=len(network._parameters) > 0)
        return {"offload": "sequential"}

    plain = frames(generator(folder, store), 3)
    monkeypatch.setattr(generate, "place_networks", wait)
    frugal = generator(folder, store)
    waiting = [*frugal.unet.parameters(), *frugal.vae.parameters()]
    assert {parameter.device.type for parameter in waiting} == {"meta"} and frugal.notes["offload"] == "sequential"
    assert np.array_equal(frames(frugal, 3), plain)
