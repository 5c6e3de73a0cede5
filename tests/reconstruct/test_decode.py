"""Predicted latents decoded once: what video-to-video generators start from, and what the stage does around it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL

from brainflix.demo.make_weights.vae import build as build_vae
from brainflix.device import pick_compute
from brainflix.engine.job import Job
from brainflix.errors import DataError
from brainflix.parts.work import Tools
from brainflix.reconstruct import decode
from brainflix.reconstruct.generator import Batch
from brainflix.reconstruct.rendering import read_conditions
from brainflix.store.publish import Staging
from brainflix.store.refs import Ref
from brainflix.store.schema import Clips, Predictions, Videos
from brainflix.store.store import Store
from tests.parts_world import call, do, job

IDS, N_FRAMES = ("a_001", "a_002"), 3


@pytest.fixture
def vae_alone(tmp_path: Path) -> Path:
    """A folder of weights with nothing but an autoencoder."""
    build_vae().save_pretrained(tmp_path / "weights" / "vae")
    return tmp_path / "weights"


def decoding(weights: Path, **changes: Any) -> Job:
    return job("reconstruct", "decode-latents", "videos", {"weights": str(weights), **changes}, {})


def load(weights: Path, tools: Tools, **changes: Any) -> decode.Decoder:
    return call(decode.load, decoding(weights, **changes), {}, tools)


def some_latents(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((2, N_FRAMES, 4, 8, 10)).astype(np.float32)


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    return Tools(Store(tmp_path / "store"), lambda: pick_compute("cpu", "float32"))


def test_frames_are_the_autoencoders_from_either_axis_order(vae_alone: Path, tools: Tools) -> None:
    z = some_latents()
    decoder = load(vae_alone, tools, latent_factor=0.5)
    frames = decoder(Batch(IDS, {"latents": z}, N_FRAMES))
    vae = AutoencoderKL.from_pretrained(vae_alone / "vae")
    with torch.no_grad():
        pixels = vae.decode(torch.from_numpy(z[1]) * 0.5 / vae.config.scaling_factor).sample.clamp(-1, 1)
    wanted = (pixels.numpy() * 127.5 + 127.5).round().astype(int).transpose(0, 2, 3, 1)
    assert frames.shape == (2, N_FRAMES, 64, 80, 3) and frames.dtype == np.uint8
    assert np.abs(frames[1] - wanted).max() <= 1
    assert np.array_equal(decoder(Batch(IDS, {"latents": z.transpose(0, 2, 1, 3, 4)}, N_FRAMES)), frames)


def test_more_frames_than_are_decoded_at_once_are_the_same(vae_alone: Path, tools: Tools) -> None:
    decoder = load(vae_alone, tools)
    z = np.concatenate([some_latents(seed) for seed in range(4)])
    many = decoder(Batch(tuple("abcdefgh"), {"latents": z}, N_FRAMES)).astype(int)
    few = np.concatenate([decoder(Batch(IDS, {"latents": some_latents(seed)}, N_FRAMES)) for seed in range(4)])
    assert np.abs(many - few).max() <= 1


def test_latents_must_be_there(vae_alone: Path, tools: Tools) -> None:
    decoder = load(vae_alone, tools)
    with pytest.raises(DataError, match="no latents to decode"):
        decoder(Batch(IDS, {}, N_FRAMES))


def test_one_network_is_not_moved_away_and_the_notes_say_so(vae_alone: Path, tools: Tools) -> None:
    decoder = load(vae_alone, replace(tools, vae_slicing=True, offload="model"))
    assert decoder.vae.use_slicing and not decoder.vae.use_tiling
    assert decoder.notes == {
        "vae_slicing": True,
        "offload": "none: model asked for, but there is no accelerator to move networks away from",
    }


def test_the_stage_hands_decoded_clips_on_as_a_condition(vae_alone: Path, tools: Tools, tmp_path: Path) -> None:
    clips = Clips(IDS, ("s", "s"), np.arange(2) * 2.0, np.array([2, 2]), ("a", "b"))

    def publish(kind: str, name: str, *saves: Any) -> Any:
        how: dict[str, Any] = {"stage": "x", "stage_version": 1, "parameters": {}, "inputs": {}, "recipe": "r"}
        with tools.store.publish(Ref(kind, name, "0123456789ab"), **how, seed=0, fsync=False) as out:
            for save in saves:
                save(out.path)
        return tools.store.open(Ref(kind, name, "0123456789ab"))

    true = Videos(np.zeros((2, N_FRAMES, 8, 8, 3), np.uint8), IDS, 1.5)
    inputs = {
        "clips": [publish("targets", "demo-frames", clips.save, true.save)],
        "latents": [publish("predictions", "demo-z", Predictions(some_latents(), IDS, "z").save)],
    }
    asked = decoding(vae_alone)
    (tmp_path / "out").mkdir()
    out = Staging(asked.ref, tmp_path / "out")
    do(asked, inputs, out, tools)
    made = publish("videos", "decoded", lambda path: shutil.copytree(out.path, path, dirs_exist_ok=True))
    assert Videos.load(made).fps_hz == 1.5
    assert read_conditions({"video": [made]}, IDS)["video"].shape == (2, N_FRAMES, 64, 80, 3)
