"""Each extractor beside a direct call of the library, one frame at a time, on small random twins of public weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, AutoencoderKLTemporalDecoder, StableVideoDiffusionPipeline
from PIL import Image
from target_worlds import clips_of, job_of, publish_frames, random_frames, tools_of
from tiny_vision import save_clip, save_depth, save_svd, save_vae
from transformers import (
    CLIPImageProcessorPil,
    CLIPModel,
    CLIPVisionModelWithProjection,
    DPTForDepthEstimation,
    DPTImageProcessorPil,
)

from brainflix.errors import UsageError
from brainflix.io.frames import evenly, resize, resize_as_released
from brainflix.pretrained.vae import decode_latents, encode_latents
from brainflix.seeds import clip_noise
from brainflix.store.schema import Targets
from brainflix.store.spools import clear_spool
from brainflix.store.store import Store
from brainflix.targets.depth import scaled
from tests.parts_world import chosen_params, do

N, HALF = 3, 2e-3  # clips; float16 keeps eleven bits


def make(
    folder: Path, part: str, params: Mapping[str, Any], frames: np.ndarray, clips_per_batch: int = 2, seed: int = 0
) -> np.ndarray:
    """Return the targets that a part makes of frames: (n_clips, *shape)."""
    store = Store(folder / "store")
    inputs = {"frames": [publish_frames(store, frames)]}
    job = job_of(part, chosen_params("targets", part, params), seed=seed)
    clear_spool(store.root, job.ref)
    with store.publish(job.ref, stage="targets", stage_version=1, parameters={}, inputs={}, fsync=False) as out:
        do(job, inputs, out, tools_of(store, clips_per_batch))
    return Targets.load(store.open(job.ref)).values


def close(found: np.ndarray, expected: np.ndarray) -> bool:
    scale = np.abs(expected).max()
    # A network that ignores what it sees would agree with anything.
    assert expected[0].std() > 0 and np.abs(expected[0] - expected[1]).max() > 0.02 * scale
    return found.shape == expected.shape and bool(np.abs(found - expected).max() <= HALF * scale)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("weights")
    savers = {"clip": save_clip, "svd": save_svd, "depth": save_depth, "vae": save_vae}
    return {name: str(save(folder / name)) for name, save in savers.items()}


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    """Smooth pictures: networks on noise alone see all the same."""
    small = random_frames(N, 9, 5)
    return np.stack([resize(clip, 40, 40) for clip in small])


@torch.inference_mode()
def clip_state(weights: str, picture: np.ndarray, which: str) -> np.ndarray:
    model, processor = CLIPModel.from_pretrained(weights).eval(), CLIPImageProcessorPil.from_pretrained(weights)
    pixels = processor(Image.fromarray(picture), return_tensors="pt")["pixel_values"]
    if which == "tokens":
        return model.vision_model(pixel_values=pixels).last_hidden_state[0].numpy()
    return model.get_image_features(pixel_values=pixels).pooler_output[0].numpy()


def test_clip_tokens_are_the_mean_token_grid_of_eight_frames(tmp_path, weights, frames):
    found = make(tmp_path, "clip-tokens", {"weights": weights["clip"]}, frames)
    at = evenly(9, 8)
    states = [np.mean([clip_state(weights["clip"], clip[i], "tokens") for i in at], axis=0) for clip in frames]
    assert found.shape == (N, 1 + 16, 16) and close(found, np.stack(states))


@pytest.mark.parametrize(("n_frames", "at"), [(0, range(9)), (3, (0, 4, 8))])
def test_clip_video_takes_the_frames_that_it_is_told(tmp_path, weights, frames, n_frames, at):
    found = make(tmp_path, "clip-video", {"weights": weights["clip"], "n_frames": n_frames}, frames)
    mean = np.stack(
        [np.mean([clip_state(weights["clip"], clip[i], "embedding") for i in at], axis=0) for clip in frames]
    )
    assert close(found, mean / np.linalg.norm(mean, axis=1, keepdims=True))


@torch.inference_mode()
def svd_row(weights: str, picture: np.ndarray, latents: bool) -> np.ndarray:
    """Encode one frame with the pipeline's own functions."""
    folder = Path(weights)
    pipeline = StableVideoDiffusionPipeline(
        vae=AutoencoderKLTemporalDecoder.from_pretrained(folder / "vae"),
        image_encoder=CLIPVisionModelWithProjection.from_pretrained(folder / "image_encoder"),
        unet=None,
        scheduler=None,
        feature_extractor=CLIPImageProcessorPil.from_pretrained(folder / "feature_extractor"),
    )
    image = Image.fromarray(picture).resize((96, 64), Image.Resampling.BILINEAR)
    row = pipeline._encode_image([image], "cpu", 1, False).flatten()
    if latents:
        pixels = pipeline.video_processor.preprocess(image, height=64, width=96)
        row = torch.cat([row, pipeline._encode_vae_image(pixels, "cpu", 1, False).flatten()])
    return row.numpy()


@pytest.mark.parametrize("latents", [False, True])
def test_svd_is_what_the_pipeline_is_conditioned_on(tmp_path, weights, frames, latents):
    params = {"weights": weights["svd"], "latents": latents, "height_px": 64, "width_px": 96}
    first = make(tmp_path / "first", "svd", params, frames)
    assert first.shape == (N, 12 + latents * 4 * 8 * 12)
    assert close(first[:, :12], np.stack([svd_row(weights["svd"], clip[0], False) for clip in frames]))
    every = make(tmp_path / "every", "svd", {**params, "frames": "every-4th"}, frames)
    expected = np.stack([[svd_row(weights["svd"], clip[i], latents) for i in (0, 4, 8)] for clip in frames])
    assert close(every, expected) and close(every[:, 0], first)
    assert close(every[..., 12:], expected[..., 12:]) if latents else True


@torch.inference_mode()
def depth_map(weights: str, picture: np.ndarray) -> np.ndarray:
    processor = DPTImageProcessorPil.from_pretrained(weights)
    model = DPTForDepthEstimation.from_pretrained(weights).eval()
    depth = model(**processor(Image.fromarray(picture), return_tensors="pt")).predicted_depth[0].numpy()
    small = depth.reshape(16, 4, 16, 4).mean((1, 3))
    return 2 * (small - small.min()) / (small.max() - small.min()) - 1


def test_depth_is_scaled_in_each_frame(tmp_path, weights, frames):
    found = make(tmp_path, "depth", {"weights": weights["depth"], "size_px": 16}, frames)
    expected = [[depth_map(weights["depth"], clip[i]) for i in evenly(9, 8)] for clip in frames]
    assert found.shape == (N, 8, 16, 16) and close(found, np.array(expected))
    assert np.array_equal(found.min((2, 3)), -np.ones((N, 8))) and np.array_equal(found.max((2, 3)), np.ones((N, 8)))


def test_a_flat_map_has_no_range_to_fill():
    maps = torch.stack([torch.full((8, 8), 3.0), torch.arange(64.0).reshape(8, 8)])
    small = scaled(maps, 4)
    assert (small[0] == 0).all() and small[1].min() == -1 and small[1].max() == 1


@pytest.mark.parametrize("part", ["clip-tokens", "clip-video", "svd", "depth", "vae-latents", "sampled"])
def test_the_size_of_batches_changes_nothing(tmp_path, weights, frames, part):
    compat = {"compat": "brainnetflix"} if part == "sampled" else {}
    size = {"height_px": 64, "width_px": 96, "latents": True} if part == "svd" else {}
    name = "vae-latents" if part == "sampled" else part
    place = {"vae-latents": "vae"}.get(name, name.split("-")[0])
    params = {"weights": weights[place], **compat, **size}
    one, all_at_once = (make(tmp_path / str(size), name, params, frames, size) for size in (1, 5))
    assert close(one, all_at_once)


@pytest.mark.parametrize(("size", "latent"), [(240, 30), (256, 32), (264, 33), (268, 33), (272, 34), (320, 40)])
def test_latents_are_an_eighth_rounded_down_and_decode_to_eight_times_that(weights, size, latent):
    vae = AutoencoderKL.from_pretrained(Path(weights["vae"]) / "vae").eval()
    compute = tools_of(Store("/nowhere")).compute()
    latents = encode_latents(vae, random_frames(1, 1, size), compute)
    assert latents.shape == (1, 1, 4, latent, latent)
    assert decode_latents(vae, torch.from_numpy(latents)).shape == (1, 1, 8 * latent, 8 * latent, 3)


@torch.inference_mode()
def posterior(weights: str, picture: np.ndarray) -> Any:
    vae = AutoencoderKL.from_pretrained(Path(weights) / "vae").eval()
    pixels = torch.from_numpy(picture).movedim(-1, 0)[None] / 127.5 - 1.0
    return vae.encode(pixels).latent_dist, vae.config.scaling_factor


def test_fifteen_frames_of_268_px_are_65340_numbers_in_the_order_frame_channel_height_width(tmp_path, weights):
    frames = np.stack([resize(clip, 268, 268) for clip in random_frames(2, 15, 5)])
    found = make(tmp_path, "vae-latents", {"weights": weights["vae"]}, frames)
    flat = found.reshape(2, -1)
    assert flat.shape == (2, 65_340) == (2, 15 * 4 * 33 * 33)
    assert np.array_equal(flat.reshape(2, 15, 4, 33, 33), found)
    dist, factor = posterior(weights["vae"], frames[1, 7])
    frame = flat[1, 7 * 4 * 33 * 33 : 8 * 4 * 33 * 33]
    assert frame == pytest.approx((dist.mode()[0] * factor).numpy().ravel(), abs=HALF)
    # Of the other two targets of that paper: 226 tokens of BLIP and 77 of a text tower.
    assert (226 * 768, 77 * 1024) == (173_568, 78_848)


def test_the_released_latents_are_samples_seeded_for_each_clip(tmp_path, weights, frames):
    params = {"weights": weights["vae"], "n_frames": 3, "size_px": 32}
    mode = make(tmp_path / "mode", "vae-latents", params, frames)
    sample = make(tmp_path / "sample", "vae-latents", {**params, "compat": "brainnetflix"}, frames, seed=7)
    noise = clip_noise(7, clips_of(N).ids, (3, 4, 4, 4)).numpy()
    for clip, place in ((0, 1), (2, 2)):
        frame = frames[clip, evenly(9, 3)[place]][None]
        dist, factor = posterior(weights["vae"], resize_as_released(frame, 32, 32)[0])
        expected = (dist.mean[0] + dist.std[0] * torch.from_numpy(noise[clip, place])).numpy() * factor
        assert sample[clip, place] == pytest.approx(expected, abs=HALF)
        dist, _ = posterior(weights["vae"], resize(frame, 32, 32)[0])
        assert mode[clip, place] == pytest.approx(dist.mean[0].numpy() * factor, abs=HALF)
    assert np.abs(sample - mode).max() > 0.05
    other = make(tmp_path / "other", "vae-latents", {**params, "compat": "brainnetflix"}, frames, seed=8)
    assert np.abs(sample - other).max() > 0.05
    before = torch.random.get_rng_state()
    again = make(tmp_path / "again", "vae-latents", {**params, "compat": "brainnetflix"}, frames, seed=7)
    assert np.array_equal(sample, again) and torch.equal(torch.random.get_rng_state(), before)


def test_more_frames_than_there_are_is_an_error_that_says_what_to_set(tmp_path, weights):
    with pytest.raises(UsageError, match="8 frames a clip are asked for, and the frames artifact has 5"):
        make(tmp_path, "clip-tokens", {"weights": weights["clip"]}, random_frames(1, 5, 40))
