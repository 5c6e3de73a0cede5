"""Networks of `score` against direct calls of transformers on small random twins of the same classes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tiny_networks as tiny
import torch
from PIL import Image
from transformers import AutoConfig, CLIPModel, VideoMAEForVideoClassification, ViTForImageClassification

from brainflix.device import pick_compute
from brainflix.errors import DataError
from brainflix.evaluate.networks.checkpoints import Located
from brainflix.evaluate.networks.features import Extraction, Network, extract
from brainflix.evaluate.networks.images import clip_embeddings, frame_logits
from brainflix.evaluate.networks.video_classifier import VideoClassifier
from brainflix.evaluate.networks.videos import resample, video_logits
from brainflix.evaluate.videos import VideoSet

COMPUTE = pick_compute("cpu", "float32")


def located(folder: Path) -> Located:
    return Located("key", str(folder), folder, "pin")


def show(network: Network, clips: np.ndarray, clips_per_batch: int = 20) -> np.ndarray:
    return extract(network, VideoSet(len(clips), lambda row: clips[row]), Extraction(clips_per_batch=clips_per_batch))


def prepared(frame: np.ndarray, size: tuple[int, int], how: int, mean: list[float], sd: list[float]) -> torch.Tensor:
    """Resize with Pillow to (width, height), cut the middle, scale and normalise: (3, SIDE, SIDE)."""
    image = np.asarray(Image.fromarray(frame).resize(size, how)).astype(np.float64)
    top, left = (image.shape[0] - tiny.SIDE) // 2, (image.shape[1] - tiny.SIDE) // 2
    image = image[top : top + tiny.SIDE, left : left + tiny.SIDE] / 255
    return torch.tensor(((image - mean) / sd).transpose(2, 0, 1), dtype=torch.float32)


@torch.inference_mode()
def test_frames_are_squashed_and_classified_as_transformers_does(tmp_path: Path) -> None:
    folder, clips = tiny.save_vit(tmp_path), tiny.videos(2, 3, 40, 60)
    model = ViTForImageClassification.from_pretrained(folder).eval()
    side = (tiny.SIDE, tiny.SIDE)
    pixels = torch.stack([prepared(frame, side, 2, tiny.HALF, tiny.HALF) for clip in clips for frame in clip])
    expected = model(pixel_values=pixels).logits.numpy().reshape(2, 3, tiny.CLASSES)
    found = show(frame_logits(located(folder), COMPUTE), clips)
    assert found.dtype == np.float32 and np.ptp(expected) > 1
    assert found == pytest.approx(expected, abs=2e-5)


@torch.inference_mode()
def test_clip_embeddings_are_those_of_get_image_features(tmp_path: Path) -> None:
    folder, clips = tiny.save_clip(tmp_path), tiny.videos(2, 3, 40, 60)
    model = CLIPModel.from_pretrained(folder).eval()
    mean, sd = tiny.CLIP_PIXELS["image_mean"], tiny.CLIP_PIXELS["image_std"]
    wide = (tiny.SIDE * 60 // 40, tiny.SIDE)
    pixels = torch.stack([prepared(frame, wide, 3, mean, sd) for clip in clips for frame in clip])
    features = model.get_image_features(pixel_values=pixels)
    features = features if isinstance(features, torch.Tensor) else features.pooler_output
    found = show(clip_embeddings(located(folder), COMPUTE), clips)
    assert found.shape == (2, 3, tiny.CLIP_WIDTH)
    assert found == pytest.approx(features.numpy().reshape(found.shape), abs=2e-5)


@torch.inference_mode()
@pytest.mark.parametrize(("n_frames", "used"), [(8, 8), (4, 4), (5, 4), (12, 12), (13, 12), (2, 2), (3, 2)])
def test_videomae_takes_any_number_of_frames_with_the_first_positions(tmp_path: Path, n_frames: int, used: int) -> None:
    folder, clips = tiny.save_videomae(tmp_path, n_frames=8), tiny.videos(2, n_frames)
    model = VideoMAEForVideoClassification.from_pretrained(folder).eval()
    table = VideoMAEForVideoClassification(AutoConfig.from_pretrained(folder, num_frames=16)).videomae.embeddings
    mean, sd = tiny.VIDEO_PIXELS["image_mean"], tiny.VIDEO_PIXELS["image_std"]
    side = (tiny.SIDE, tiny.SIDE)
    pixels = torch.stack([torch.stack([prepared(frame, side, 2, mean, sd) for frame in clip[:used]]) for clip in clips])
    # The positions of a longer table, cut: what the checkpoint would have used of its own for fewer frames.
    n_patches = used // 2 * (tiny.SIDE // tiny.PATCH) ** 2
    model.videomae.embeddings.position_embeddings = table.position_embeddings[:, :n_patches]
    expected = model(pixels).logits.numpy()
    assert np.ptp(expected) > 0.5
    assert VideoClassifier(folder, COMPUTE).logits(clips) == pytest.approx(expected, abs=2e-5)


def test_a_video_of_one_frame_fills_no_tubelet(tmp_path: Path) -> None:
    classifier = VideoClassifier(tiny.save_videomae(tmp_path), COMPUTE)
    with pytest.raises(DataError, match="2 frames at least, the clips have 1"):
        classifier.logits(tiny.videos(2, 1))


def test_one_classifier_goes_from_one_length_to_another_and_back(tmp_path: Path) -> None:
    classifier, clips = VideoClassifier(tiny.save_videomae(tmp_path), COMPUTE), tiny.videos(2, 12)
    before = classifier.logits(clips[:, :8])
    assert not np.allclose(classifier.logits(clips), before)
    assert np.array_equal(classifier.logits(clips[:, :8]), before)


@pytest.mark.parametrize(
    ("given", "frames"),
    [
        (16, list(range(16))),
        (8, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7]),
        (6, [0, 0, 1, 1, 1, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5]),
        (32, list(range(0, 32, 2))),
        (1, [0] * 16),
    ],
)
def test_resampling_takes_the_frame_that_starts_nearest(given: int, frames: list[int]) -> None:
    clips = np.arange(given, dtype=np.uint8).reshape(1, given, 1, 1, 1).repeat(3, axis=-1)
    assert resample(clips, 16)[0, :, 0, 0, 0].tolist() == frames


def test_the_variant_of_16_frames_sees_resampled_clips(tmp_path: Path) -> None:
    folder, clips = tiny.save_videomae(tmp_path), tiny.videos(2, 6)
    found = show(video_logits(located(folder), COMPUTE, 16), clips)
    frames = [0, 0, 1, 1, 1, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5]
    assert found == pytest.approx(VideoClassifier(folder, COMPUTE).logits(clips[:, frames]), abs=1e-6)


@pytest.mark.parametrize("make", ["vit", "videomae", "clip"])
def test_neither_batches_nor_the_order_of_clips_matter(tmp_path: Path, make: str) -> None:
    clips, order = tiny.videos(5, 4), np.array([3, 0, 4, 2, 1])
    folder = getattr(tiny, f"save_{make}")(tmp_path)
    network = {"vit": frame_logits, "videomae": video_logits, "clip": clip_embeddings}[make](located(folder), COMPUTE)
    whole = show(network, clips)
    assert np.ptp(whole, axis=0).max() > 0.1, "clips differ"
    assert show(network, clips, clips_per_batch=2) == pytest.approx(whole, abs=1e-5)
    assert show(network, clips[order], clips_per_batch=3) == pytest.approx(whole[order], abs=1e-5)


def test_a_checkpoint_without_the_head_is_refused_and_not_made_up(tmp_path: Path) -> None:
    network = frame_logits(located(tiny.save_clip(tmp_path / "clip")), COMPUTE)
    with pytest.raises(DataError, match=r"no AutoModelForImageClassification.*would be random"):
        show(network, tiny.videos(1, 2))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="empty holds no CLIPModel"):
        show(clip_embeddings(located(tmp_path / "empty"), COMPUTE), tiny.videos(1, 2))


def test_a_damaged_checkpoint_or_one_without_its_processor_ends_in_one_sentence(tmp_path: Path) -> None:
    whole = tiny.save_vit(tmp_path / "vit")
    for name, words in (
        ("cut", "holds no AutoModel"),
        ("shapes", "holds no AutoModel"),
        ("processor", "holds no processor"),
    ):
        folder = Path(shutil.copytree(whole, tmp_path / name))
        if name == "cut":
            weights = folder / "model.safetensors"
            weights.write_bytes(weights.read_bytes()[:1000])
        elif name == "shapes":
            config = json.loads((folder / "config.json").read_text()) | {"hidden_size": 32}
            (folder / "config.json").write_text(json.dumps(config))
        else:
            (folder / "preprocessor_config.json").unlink()
        with pytest.raises(DataError, match=words):
            show(frame_logits(located(folder), COMPUTE), tiny.videos(1, 2))
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match="holds no configuration"):
        show(video_logits(located(tmp_path / "none"), COMPUTE), tiny.videos(1, 2))
