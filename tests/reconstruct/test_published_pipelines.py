"""The same numbers as diffusers' own pipelines, on tiny twins of the public classes: token states and frames.

diffusers' pipelines are the independent implementation: they read the same folder and are given the same noise.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import (
    DPMSolverMultistepScheduler,
    TextToVideoSDPipeline,
    VideoToVideoSDPipeline,
    WanVideoToVideoPipeline,
)
from diffusers.pipelines.wan import pipeline_wan_video2video

from brainflix.device import pick_compute
from brainflix.parts.work import Work
from brainflix.pretrained.text import encode_captions
from brainflix.reconstruct import wan
from brainflix.reconstruct.generator import Batch
from brainflix.reconstruct.parts import ZeroscopeParams
from brainflix.reconstruct.seeds import clip_noise, clip_seed
from brainflix.reconstruct.zeroscope import Zeroscope, load
from brainflix.store.artifact import Artifact
from brainflix.store.captions import Captions
from brainflix.store.refs import Ref
from brainflix.store.schema import Clips, Predictions
from brainflix.store.store import Store
from tests.reconstruct import twins
from tests.reconstruct.reconstruct_worlds import publish

COMPUTE = pick_compute("cpu", "float32")
IDS, N_FRAMES, SEED = ("a_001", "a_002"), 3, 11
# One text is short, one is longer than what the tower reads.
SAID = ("a red disc", "a magenta triangle moving right over a desert and a red disc moving left over a sky")
NEGATIVE = "a cyan star"


@pytest.fixture(scope="module", params=[None, True], ids=["unsaid", "hidden"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """zeroscope's classes, whose text tower says nothing of a mask, as the public one, or asks for it."""
    path = tmp_path_factory.mktemp("zeroscope")
    twins.zeroscope(path, hides=request.param)
    return path


def pipeline(kind: type[Any], folder: Path) -> Any:
    """Return diffusers' pipeline with the solver that Brain Netflix puts into it."""
    made = kind.from_pretrained(folder)
    made.scheduler = DPMSolverMultistepScheduler.from_config(made.scheduler.config)
    made.set_progress_bar_config(disable=True)
    return made


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Artifact]]:
    store = Store(tmp_path_factory.mktemp("store"))
    clips = Clips(IDS, ("s",) * 2, np.arange(2.0), np.full(2, 2), ("",) * 2)
    return {
        "clips": [publish(store, "targets", "frames", clips)],
        "caption": [publish(store, "predictions", "caption", Captions(SAID, IDS, "t"))],
        "latents": [publish(store, "predictions", "z", Predictions(latents(), IDS, "t"))],
    }


def latents() -> np.ndarray:
    return np.random.default_rng(1).standard_normal((2, N_FRAMES, 4, 8, 8)).astype(np.float32)


def generator(folder: Path, inputs: dict[str, list[Artifact]], tmp_path: Path, **changes: Any) -> Zeroscope:
    given = {"weights": str(folder), "steps": 5, "strength": 0.8, "negative_prompt": NEGATIVE, **changes}
    work = Work(Store(tmp_path), lambda: COMPUTE, ref=Ref("videos", "v", "0" * 12), seed=SEED)
    return load(ZeroscopeParams(**given), inputs, work)


@torch.no_grad()
def encoded(folder: Path, texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return diffusers' token states of texts, and those of no text."""
    states, without = pipeline(VideoToVideoSDPipeline, folder).encode_prompt(texts, "cpu", 1, True)
    return states.numpy(), without.numpy()


def apart(made: np.ndarray, pixels: np.ndarray) -> float:
    """Return the largest distance between uint8 frames and pixels from 0 to 1, in grey levels."""
    return float(np.abs(made.astype(float) - pixels * 255).max())


def test_token_states_are_those_of_the_pipeline(folder: Path) -> None:
    texts = [*SAID, "", NEGATIVE]
    theirs, without = encoded(folder, texts)
    ours = encode_captions(texts, folder / "text_encoder", folder / "tokenizer", COMPUTE)
    assert ours.shape == (4, 12, twins.TEXT_WIDTH)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    np.testing.assert_allclose(ours[2], without[0], atol=1e-5)
    assert np.abs(ours[0] - ours[3]).max() > 0.1 and np.abs(ours[0, 4:] - ours[2, 4:]).max() > 0.1


@pytest.mark.parametrize("guidance", [1.0, 15.0])
def test_zeroscopes_frames_are_those_of_the_video_to_video_pipeline(
    folder: Path, inputs: dict[str, list[Artifact]], tmp_path: Path, guidance: float
) -> None:
    ours = generator(folder, inputs, tmp_path, guidance_scale=guidance)
    made = ours(Batch(IDS, {"latents": latents(), "caption": np.array(SAID)}, N_FRAMES))
    theirs = pipeline(VideoToVideoSDPipeline, folder)
    for place, clip_id in enumerate(IDS):
        wanted = theirs(
            SAID[place],
            video=torch.from_numpy(latents()[place : place + 1]),
            strength=0.8,
            num_inference_steps=5,
            guidance_scale=guidance,
            negative_prompt=NEGATIVE,
            generator=torch.Generator().manual_seed(clip_seed(SEED, clip_id)),
        ).frames
        # Half a level is what rounding to whole ones takes.
        assert apart(made[place], wanted[0]) < 0.6
    assert made.std() > 5 and np.abs(made[0].astype(int) - made[1]).max() > 5


@pytest.mark.parametrize("guidance", [1.0, 15.0])
def test_zeroscopes_frames_from_noise_are_those_of_the_text_to_video_pipeline(
    folder: Path, inputs: dict[str, list[Artifact]], tmp_path: Path, guidance: float
) -> None:
    roles = {role: inputs[role] for role in ("clips", "caption")}
    ours = generator(folder, roles, tmp_path, guidance_scale=guidance)
    made = ours(Batch(IDS, {"caption": np.array(SAID)}, N_FRAMES))
    noise = clip_noise(SEED, IDS, (N_FRAMES, 4, 8, 8)).transpose(1, 2)  # (clip, channel, frame, height, width)
    theirs = pipeline(TextToVideoSDPipeline, folder)
    said = {"num_inference_steps": 5, "guidance_scale": guidance, "negative_prompt": [NEGATIVE] * 2}
    wanted = theirs(list(SAID), num_frames=N_FRAMES, height=64, width=64, latents=noise, output_type="np", **said)
    assert apart(made, np.asarray(wanted.frames)) < 0.6


def test_one_caption_for_all_clips_is_encoded_as_the_pipeline_does(
    folder: Path, inputs: dict[str, list[Artifact]], tmp_path: Path
) -> None:
    theirs, without = encoded(folder, [SAID[0]])
    ours = generator(folder, {"clips": inputs["clips"]}, tmp_path, caption=SAID[0], negative_prompt="")
    np.testing.assert_allclose(ours.prompts(Batch(IDS, {}, N_FRAMES))[1], theirs[0], atol=1e-5)
    np.testing.assert_allclose(ours.backend.negative.numpy(), without[0], atol=1e-5)


def test_captions_that_are_cut_are_noted(folder: Path, inputs: dict[str, list[Artifact]], tmp_path: Path) -> None:
    roles = {role: inputs[role] for role in ("clips", "caption")}
    note = generator(folder, roles, tmp_path).notes["captions cut"]
    assert note == "1 of 3 have more than 12 tokens; the text tower reads no further"
    assert "captions cut" not in generator(folder, {"clips": inputs["clips"]}, tmp_path, caption=SAID[0]).notes


def test_wans_text_states_are_those_of_its_pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one video-to-video text tower that is not called through its pipeline, which needs a further package."""
    twins.wan(tmp_path)
    theirs = WanVideoToVideoPipeline.from_pretrained(tmp_path)
    monkeypatch.setattr(pipeline_wan_video2video, "prompt_clean", lambda text: text)
    said = ["a red bird", "", "the blue dog runs over the sea"]
    with torch.no_grad():
        wanted, _ = theirs.encode_prompt(said, do_classifier_free_guidance=False, max_sequence_length=512)
        ours = wan.embed(theirs, said).states
    torch.testing.assert_close(ours, wanted)
    assert ours[0, :4].abs().min() > 0 and not ours[0, 4:].any()
