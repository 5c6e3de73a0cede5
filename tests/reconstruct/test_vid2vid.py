"""Video-to-video pipelines of diffusers on tiny twins of their real classes: shapes, seeds, clocks, strengths."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from brainflix.device import pick_compute
from brainflix.errors import DataError, ResourceError, UsageError
from brainflix.io.frames import resize
from brainflix.parts import find as registry
from brainflix.parts.work import Tools
from brainflix.reconstruct.fit import Limits
from brainflix.reconstruct.generator import Batch
from brainflix.reconstruct.seeds import clip_seed
from brainflix.reconstruct.vid2vid import VideoToVideo
from brainflix.store.artifact import Artifact
from brainflix.store.refs import Ref
from brainflix.store.schema import Clips, Videos
from brainflix.store.store import Store
from tests.parts_world import call, job
from tests.reconstruct import twins

IDS, N_FRAMES, FPS = ("a_001", "a_002", "a_003"), 5, 2.5
CAPTIONS = np.array(["a red bird", "a blue dog runs", "a red bird"])


@dataclass(frozen=True)
class Twin:
    """A generator on tiny weights: its name, its folders, the smallest size it takes and the frames it sees of 5."""

    name: str
    weights: Mapping[str, str]
    size_px: tuple[int, int]
    n_seen: int
    tools: Tools
    clips: Artifact

    def load(self, roles: tuple[str, ...] = ("clips", "video"), tools: Tools | None = None, **changes: Any) -> Any:
        set_to = {"steps": 4, "strength": 0.5, "size_px": self.size_px} | dict(self.weights) | changes
        asked = replace(job("reconstruct", self.name, "videos", set_to, {}), seed=3)
        part = registry.find("reconstruct", self.name).load()
        return call(part, asked, {role: [self.clips] for role in roles}, tools or self.tools).generator


SAVED: dict[str, tuple[Callable[[Path], None], tuple[int, int], int]] = {
    "animatediff": (lambda folder: twins.stable_diffusion(folder, folder / "adapter"), (16, 24), 5),
    "wan": (twins.wan, (16, 32), 5),
    "cogvideox": (twins.cogvideox, (16, 32), 5),
    "ltx": (twins.ltx, (32, 64), 9),
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Artifact, Path]:
    folder = tmp_path_factory.mktemp("vid2vid")
    store = Store(folder / "store")
    captions = ("sand", "the sea", "the sea")
    clips = Clips(IDS, ("s",) * 3, np.arange(3) * 2.0, np.array([0, 0, 0]), captions)
    ref = Ref("targets", "demo-frames", "0123456789ab")
    how: dict[str, Any] = {"stage": "x", "stage_version": 1, "parameters": {}, "inputs": {}, "recipe": "r", "seed": 0}
    with store.publish(ref, **how, fsync=False) as out:
        clips.save(out.path)
        Videos(np.zeros((3, N_FRAMES, 8, 8, 3), np.uint8), IDS, FPS).save(out.path)
    return store, store.open(ref), folder


def saved_twin(world: tuple[Store, Artifact, Path], name: str) -> Twin:
    store, clips, folder = world
    save, size_px, n_seen = SAVED[name]
    save(folder / name)
    weights = {"weights": str(folder / name)}
    if name == "animatediff":
        weights["adapter"] = str(folder / name / "adapter")
    return Twin(name, weights, size_px, n_seen, Tools(store, lambda: pick_compute("cpu", "float32")), clips)


@pytest.fixture(scope="module", params=list(SAVED))
def twin(request: pytest.FixtureRequest, world: tuple[Store, Artifact, Path]) -> Twin:
    return saved_twin(world, request.param)


@pytest.fixture(scope="module")
def loaded(twin: Twin) -> Any:
    return twin.load(("clips", "video", "caption"))


def films(n_frames: int = N_FRAMES, size: tuple[int, int] = (20, 28)) -> np.ndarray:
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (3, n_frames, 4, 4, 3), dtype=np.uint8)
    return np.stack([resize(clip, *size) for clip in coarse])


def batch(index: list[int] | None = None, n_frames: int = N_FRAMES, **changes: np.ndarray) -> Batch:
    index = [0, 1, 2] if index is None else index
    conditions = {"video": films(), "caption": CAPTIONS} | changes
    return Batch(tuple(IDS[i] for i in index), {role: each[index] for role, each in conditions.items()}, n_frames)


def apart(one: np.ndarray, other: np.ndarray) -> int:
    return int(np.abs(one.astype(int) - other.astype(int)).max())


def spied(generator: VideoToVideo) -> list[dict[str, Any]]:
    """Return a list that fills with what the denoiser is called with."""
    calls: list[dict[str, Any]] = []
    network = getattr(generator.backend.pipeline, generator.backend.denoiser)

    def remember(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        calls.append(dict(enumerate(args)) | kwargs)

    generator_hook = network.register_forward_pre_hook(remember, with_kwargs=True)
    calls_hook.append(generator_hook)
    return calls


calls_hook: list[Any] = []


@pytest.fixture(autouse=True)
def unhooked() -> Any:
    yield
    while calls_hook:
        calls_hook.pop().remove()


def test_frames_of_the_models_size_for_each_frame_of_the_clip(twin: Twin, loaded: VideoToVideo) -> None:
    frames = loaded(batch())
    assert frames.shape == (3, N_FRAMES, *twin.size_px, 3) and frames.dtype == np.uint8
    assert frames.std() > 1
    assert loaded.notes == {"attention": loaded.notes["attention"]} and "sdpa" in str(loaded.notes["attention"])


def test_a_clip_depends_on_its_seed_alone(twin: Twin, loaded: VideoToVideo) -> None:
    together = loaded(batch())
    assert np.array_equal(together, loaded(batch()))
    turned = loaded(batch([2, 0]))
    assert apart(turned[0], together[2]) <= 1 and apart(turned[1], together[0]) <= 1
    assert apart(loaded(batch([1]))[0], together[1]) <= 1
    # One seed for all clips would give two equal videos under equal words.
    same = loaded(batch(video=films()[[0, 0, 0]]))
    assert apart(same[0], same[2]) > 3
    other = replace(loaded, seed=loaded.seed + 1)
    assert apart(other(batch()), together) > 3
    assert twin.load(("clips", "video", "caption"), sample=1).seed != loaded.seed


def test_the_strength_says_how_much_of_the_video_is_left(twin: Twin, loaded: VideoToVideo) -> None:
    roles, video = ("clips", "video", "caption"), films()
    untouched = replace(loaded, params=loaded.params.model_copy(update={"strength": 0.0}))(batch())
    assert np.array_equal(untouched, np.stack([resize(clip, *twin.size_px) for clip in video]))
    changes = []
    for strength in (0.25, 1.0):
        made = twin.load(roles, strength=strength)
        dark, light = (made(batch([0], video=each)).astype(float) for each in (video // 4, 255 - video // 4))
        changes.append(float(np.abs(dark - light).mean()))
    assert changes[1] < 0.35 * changes[0], "at full strength hardly anything of the video is left"


def test_steps_that_strength_keeps_are_run_from_noised_pixels(twin: Twin, loaded: VideoToVideo) -> None:
    calls = spied(loaded)
    loaded(batch([0]))
    # Wan asks its network twice a step, with and without the prompt; others once with both.
    kept = int(loaded.params.steps * loaded.params.strength)
    assert len(calls) == kept * (2 if twin.name == "wan" else 1)


@pytest.mark.parametrize(("n_given", "n_clip"), [(1, N_FRAMES), (N_FRAMES, 3), (3, N_FRAMES)])
def test_other_numbers_of_frames_fill_the_clips_time(loaded: VideoToVideo, n_given: int, n_clip: int) -> None:
    still = replace(loaded, params=loaded.params.model_copy(update={"strength": 0.0}))
    video = np.broadcast_to(np.arange(n_given, dtype=np.uint8)[:, None, None, None] * 10, (3, n_given, 8, 8, 3))
    shown = still(batch(video=video, n_frames=n_clip))[:, :, 0, 0, 0]
    assert (shown == np.arange(n_clip) * n_given // n_clip * 10).all()


def test_the_model_sees_a_number_of_frames_that_it_takes(twin: Twin, loaded: VideoToVideo) -> None:
    seen: list[int] = []
    original = loaded.backend.run

    def run(call: Any) -> np.ndarray:
        seen.append(call.pixels.shape[1])
        assert float(call.pixels.min()) >= 0 and float(call.pixels.max()) <= 1
        return original(call)

    watched = replace(loaded, backend=replace(loaded.backend, run=run))
    assert watched(batch([0])).shape[1] == N_FRAMES and seen == [twin.n_seen]
    faster = replace(watched, params=loaded.params.model_copy(update={"fps": 2 * FPS}))
    assert faster(batch([0])).shape[1] == N_FRAMES
    assert seen[1:] == {"animatediff": [10], "wan": [13], "cogvideox": [13], "ltx": [17]}[twin.name]


@pytest.mark.parametrize(
    "wrong",
    [
        films().transpose(0, 1, 4, 2, 3),
        films().astype(np.float32) / 255,
        films()[:, 0],
        np.zeros((3, N_FRAMES, 4, 8, 8), np.float32),
    ],
    ids=["channels first", "floats", "no frames", "latents"],
)
def test_what_is_no_video_is_refused(loaded: VideoToVideo, wrong: np.ndarray) -> None:
    with pytest.raises(DataError, match="takes uint8 frames"):
        loaded(batch(video=wrong))


def test_words_come_as_captions_or_as_embeddings_or_once_for_all(twin: Twin, loaded: VideoToVideo) -> None:
    with_captions, swapped = loaded(batch()), loaded(batch([0], caption=CAPTIONS[[1, 0, 1]]))
    assert apart(with_captions[0], swapped[0]) > 0, "the words must matter"
    states = np.stack([loaded.backend.embed([str(caption)]).states[0].detach().numpy() for caption in CAPTIONS])
    predicted = twin.load(("clips", "video", "prompt"))
    made = predicted(Batch(IDS, {"video": films(), "prompt": states}, N_FRAMES))
    if loaded.negative.mask is None:
        # LTX reads a mask as well: of predicted embeddings every token counts.
        assert apart(made, with_captions) <= 1
    with pytest.raises(DataError, match="prompts have the shape"):
        predicted(Batch(IDS, {"video": films(), "prompt": states[:, :, :-1]}, N_FRAMES))
    fixed = twin.load(caption="most-frequent")
    said = loaded(batch([0], caption=np.array(["the sea"] * 3)))
    assert apart(fixed(Batch(IDS[:1], {"video": films()[:1]}, N_FRAMES)), said) <= 1
    with pytest.raises(DataError, match="captions are one text for each clip, not float32"):
        loaded(batch(caption=states))
    with pytest.raises(UsageError, match="prompt or the input caption, not both"):
        twin.load(("clips", "video", "caption", "prompt"))
    with pytest.raises(DataError, match="no videos to start from"):
        loaded(Batch(IDS, {"caption": CAPTIONS}, N_FRAMES))


def test_a_size_that_does_not_fit_is_refused_with_the_nearest(twin: Twin) -> None:
    side = twin.size_px[0] if twin.name != "animatediff" else 8
    with pytest.raises(UsageError, match=rf"multiples of {side}\)\. Next: \[{side}, {2 * side}\]"):
        twin.load(size_px=(side + 1, 2 * side - 1))


def test_nothing_is_asked_of_the_network(twin: Twin, monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(*args: object, **kwargs: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr("socket.socket.connect", connect)
    assert twin.load().fixed is not None


def test_switches_that_save_memory_are_noted_and_change_nothing(twin: Twin, loaded: VideoToVideo) -> None:
    tools = replace(twin.tools, vae_slicing=True, vae_tiling=True, offload="model")
    frugal = twin.load(("clips", "video", "caption"), tools)
    vae = frugal.backend.pipeline.vae
    assert vae.use_slicing and vae.use_tiling
    assert frugal.notes["vae_slicing"] is True and frugal.notes["vae_tiling"] is True
    assert "no accelerator" in str(frugal.notes["offload"])
    # These frames are smaller than a tile.
    assert apart(frugal(batch([0, 1])), loaded(batch([0, 1]))) <= 1


def test_half_precision_as_on_cards_computes_nearly_the_same(twin: Twin, loaded: VideoToVideo) -> None:
    tools = replace(twin.tools, compute=lambda: pick_compute("cpu", "bfloat16"))
    half = twin.load(("clips", "video", "caption"), tools)
    networks = half.backend.pipeline
    assert getattr(networks, half.backend.denoiser).dtype == networks.text_encoder.dtype == torch.bfloat16
    assert networks.vae.dtype == (torch.float32 if twin.name == "wan" else torch.bfloat16)
    made = [each(batch([0])).astype(float) for each in (half, loaded)]
    assert made[0].std() > 1 and np.abs(made[0] - made[1]).mean() < 20


def test_words_that_are_too_many_are_noted(twin: Twin, loaded: VideoToVideo) -> None:
    most = loaded.negative.states.shape[1]
    noted = twin.load(negative_prompt=" ".join(["dog"] * (most + 1))).notes["captions cut"]
    assert noted == f"1 of 2 have more than {most} tokens; the text tower reads no further"
    assert "captions cut" not in loaded.notes


def test_xformers_is_never_replaced_silently(twin: Twin) -> None:
    with pytest.raises(ResourceError, match="xformers attention cannot be used"):
        twin.load(tools=replace(twin.tools, attention="xformers"))


def test_guidance_of_one_does_not_hear_the_negative_prompt(twin: Twin) -> None:
    roles = ("clips", "video", "caption")
    made = [twin.load(roles, guidance_scale=1.0, negative_prompt=words)(batch([0])) for words in ("", "the blue dog")]
    assert np.array_equal(*made)


@pytest.mark.parametrize("twin", ["ltx"], indirect=True)
def test_ltx_starts_from_the_video_mixed_with_noise(twin: Twin, loaded: VideoToVideo) -> None:
    # Its two strengths together must do what strength does elsewhere: x = sigma noise + (1 - sigma) z.
    pipeline = loaded.backend.pipeline
    calls = spied(loaded)
    frames = loaded(batch([1]))
    assert frames.shape[1] == N_FRAMES
    sigma = float(calls[0]["timestep"].max()) / 1000
    assert float(calls[0]["timestep"].min()) / 1000 == pytest.approx(sigma)
    generator = torch.Generator().manual_seed(clip_seed(loaded.seed, IDS[1]))
    pixels = np.stack([resize(films()[1], *twin.size_px)])[:, [0, 1, 2, 3, 4, 4, 4, 4, 4]]
    x = torch.from_numpy(pixels).movedim(-1, 1).float() / 127.5 - 1
    noise = torch.randn(1, 8, 2, 1, 2, generator=generator)
    with torch.no_grad():
        z = pipeline.vae.encode(x).latent_dist.sample(generator)
    wanted = pipeline._pack_latents(sigma * noise + (1 - sigma) * z)
    torch.testing.assert_close(calls[0]["hidden_states"][:1], wanted, atol=1e-4, rtol=1e-4)


def test_ltx_weights_of_another_schedule_are_refused(world: tuple[Store, Artifact, Path]) -> None:
    store, clips, folder = world
    twins.ltx(folder / "older", dynamic_shifting=True)
    tools = Tools(store, lambda: pick_compute("cpu", "float32"))
    older = Twin("ltx", {"weights": str(folder / "older")}, (32, 32), 9, tools, clips)
    with pytest.raises(UsageError, match="schedule shifts with the size"):
        older.load()


def test_cogvideox_1_5_goes_clip_by_clip_in_pairs_of_latent_frames(world: tuple[Store, Artifact, Path]) -> None:
    store, clips, folder = world
    twins.cogvideox(folder / "pairs", patch_size_t=2)
    tools = Tools(store, lambda: pick_compute("cpu", "float32"))
    made = Twin("cogvideox", {"weights": str(folder / "pairs")}, (16, 32), 5, tools, clips).load(fps=3 * FPS)
    assert made.backend.limits == Limits(16, first=5, step=8)
    calls = spied(made)
    together = made(Batch(IDS, {"video": films()}, N_FRAMES))
    assert together.shape == (3, N_FRAMES, 16, 32, 3)
    # 15 frames are held to 21, which are 6 latent frames.
    assert {tuple(call["hidden_states"].shape) for call in calls} == {(2, 6, 8, 2, 4)}
    assert apart(made(Batch(IDS[1:2], {"video": films()[1:2]}, N_FRAMES))[0], together[1]) <= 1
