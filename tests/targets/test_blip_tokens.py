"""BLIP's tokens of clips: what transformers' own processor and model say of each frame, averaged."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from transformers import BlipForConditionalGeneration, BlipImageProcessorPil

from brainflix.demo.make_weights import blip as recipe
from brainflix.demo.make_weights.common import clips_of, scene_batches
from brainflix.device import pick_compute
from brainflix.errors import UsageError
from brainflix.io.frames import resize
from brainflix.pretrained.blip import load_vision_tower
from brainflix.targets.blip import mean_tokens, pixel_scale
from brainflix.targets.parts import BlipParams
from brainflix.targets.pictures import sized

CPU = pick_compute("cpu", "float32")
NAME = "demo/blip"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An untrained captioner's files, with the processor's beside them."""
    path = tmp_path_factory.mktemp("blip")
    recipe.build(recipe.build_tokenizer(), seed=1).save_pretrained(path)
    BlipImageProcessorPil(image_mean=list(recipe.MEAN), image_std=list(recipe.STD)).save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    return clips_of(next(scene_batches(8, 3)))


def tokens(folder, frames: np.ndarray, **options) -> np.ndarray:
    params = BlipParams(weights=NAME, **{"n_frames": 8, "size_px": 64, **options})
    tower = load_vision_tower(folder, CPU)
    return mean_tokens(tower, frames, params=params, scale=pixel_scale(folder, params), compute=CPU)


def expected(folder, frames: np.ndarray, *, normalise: bool) -> np.ndarray:
    """Ask the whole model of every frame, through the checkpoint's own processor."""
    model = BlipForConditionalGeneration.from_pretrained(folder).eval()
    processor = BlipImageProcessorPil.from_pretrained(folder)
    means = []
    for clip in frames:
        pixels = processor(list(clip), do_resize=False, do_normalize=normalise, return_tensors="pt")["pixel_values"]
        with torch.no_grad():
            seen = [model.vision_model(frame[None], interpolate_pos_encoding=True)[0][0] for frame in pixels]
        means.append(torch.stack(seen).mean(0).numpy())
    return np.stack(means)


def test_tokens_are_the_mean_of_every_frames(folder, frames):
    found = tokens(folder, frames)
    assert found.dtype == np.float32 and found.shape[::2] == (3, recipe.WIDTH)
    np.testing.assert_allclose(found, expected(folder, frames, normalise=True), atol=2e-5)


def test_the_released_code_leaves_the_normalisation_out(folder, frames):
    found = tokens(folder, frames, compat="brainnetflix")
    np.testing.assert_allclose(found, expected(folder, frames, normalise=False), atol=2e-5)
    assert np.abs(found - tokens(folder, frames)).max() > 0.01


def test_other_sizes_resize_pixels_and_positions(folder, frames):
    large = resize(frames.reshape(-1, 64, 64, 3), 96, 96).reshape(3, 8, 96, 96, 3)
    found = tokens(folder, frames, size_px=96)
    patch = load_vision_tower(folder, CPU).config.patch_size
    assert found.shape[1] == 1 + (96 // patch) ** 2
    np.testing.assert_allclose(found, expected(folder, large, normalise=True), atol=2e-5)


def bilinear(frames: np.ndarray, size: int) -> np.ndarray:
    """Read each place of a smaller picture between its four nearest pixels, and no others: (n, size, size, 3)."""
    at = (np.arange(size) + 0.5) * frames.shape[1] / size - 0.5
    low, share = np.floor(at).astype(int), at - np.floor(at)
    high = np.minimum(low + 1, frames.shape[1] - 1)
    wide = frames.astype(float)
    rows = wide[:, low] * (1 - share)[:, None, None] + wide[:, high] * share[:, None, None]
    return rows[:, :, low] * (1 - share)[:, None] + rows[:, :, high] * share[:, None]


def test_the_released_code_shrinks_without_smoothing(folder):
    """Stripes of a pixel alias to plain grey levels there, and become one grey where pixels are smoothed."""
    noisy = np.random.default_rng(0).integers(0, 256, (2, 3, 96, 96, 3), dtype=np.uint8)
    small = np.stack([bilinear(clip, 32) for clip in noisy])
    found = sized(noisy, 32, 32, as_released=True)
    assert found.dtype == np.uint8 and np.abs(found - small).max() <= 1 and found.std() > 60
    assert sized(noisy, 32, 32).std() < 40
    options = {"n_frames": 3, "size_px": 32}
    seen = tokens(folder, noisy, compat="brainnetflix", **options)
    np.testing.assert_allclose(seen, expected(folder, found, normalise=False), atol=2e-5)
    assert np.abs(seen - expected(folder, sized(noisy, 32, 32), normalise=False)).max() > 0.01
    np.testing.assert_array_equal(sized(found, 32, 32, as_released=True), found)


@pytest.mark.parametrize("n_frames, seen", [(0, range(8)), (3, (0, 3, 7)), (1, (0,))])
def test_frames_are_spread_from_first_to_last(folder, frames, n_frames, seen):
    np.testing.assert_array_equal(
        tokens(folder, frames, n_frames=n_frames), tokens(folder, frames[:, list(seen)], n_frames=0)
    )


def test_more_frames_than_there_are_is_a_mistake(folder, frames):
    with pytest.raises(UsageError, match="15 frames a clip are asked for, and the frames artifact has 8"):
        tokens(folder, frames, n_frames=15)


def test_only_the_chosen_frames_count(folder, frames):
    changed = frames.copy()
    changed[:, 1:7] = 0
    np.testing.assert_array_equal(tokens(folder, changed, n_frames=2), tokens(folder, frames, n_frames=2))
    assert np.abs(tokens(folder, changed, n_frames=3) - tokens(folder, frames, n_frames=3)).max() > 0.01


def test_clips_do_not_depend_on_their_batch(folder, frames):
    together = tokens(folder, frames)
    alone = np.concatenate([tokens(folder, frames[i : i + 1]) for i in range(3)])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_an_average_does_not_know_the_order_of_frames(folder, frames):
    """Why motion's direction cannot be read from these tokens: a clip and its reverse have the same."""
    np.testing.assert_allclose(tokens(folder, frames), tokens(folder, frames[:, ::-1].copy()), atol=1e-4)


def test_the_scale_is_the_checkpoints_own(folder, tmp_path):
    own = json.loads((folder / "preprocessor_config.json").read_text()) | {"image_mean": [0.1, 0.2, 0.3]}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(own))
    assert pixel_scale(tmp_path, BlipParams(weights=NAME)) == ((0.1, 0.2, 0.3), recipe.STD)
    assert pixel_scale(tmp_path, BlipParams(weights=NAME, compat="brainnetflix")) == ((0.0,) * 3, (1.0,) * 3)
