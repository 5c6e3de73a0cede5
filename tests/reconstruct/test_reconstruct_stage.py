"""The door of reconstruct: the named generator runs on batches of conditions; absent clips are named."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from brainflix.device import Compute
from brainflix.errors import DataError, UsageError
from brainflix.io.video import decode_at
from brainflix.parts import find as registry
from brainflix.parts.params import Params
from brainflix.parts.work import Tools, Work
from brainflix.reconstruct.generator import Batch
from brainflix.reconstruct.parts import ZeroscopeParams
from brainflix.reconstruct.rendering import N_PREVIEWS, condition, read_conditions, rendering
from brainflix.reconstruct.zeroscope import fixed_caption
from brainflix.store.artifact import Artifact
from brainflix.store.publish import Staging
from brainflix.store.refs import Ref
from brainflix.store.schema import Clips, Predictions, Targets, Videos
from brainflix.store.store import Store
from tests.parts_world import do, job

N, N_FRAMES, SIZE, FPS = 9, 4, 16, 2.0
CLIPS = Clips(
    ids=tuple(f"seg1_{i:03d}" for i in range(4)) + tuple(f"test1_{i:03d}" for i in range(5)),
    segment=("seg1",) * 4 + ("test1",) * 5,
    onset_s=np.arange(N) * 2.0,
    split=np.array([0] * 4 + [2] * 5),
    caption=("b", "a", "b", "a", "c", "c", "c", "c", "c"),
)
TEST_IDS = CLIPS.ids[4:]


class FakeParams(Params):
    split: str = "test"
    brightness: int = 7


@dataclass
class FakeGenerator:
    """Paints the first number of `latents`, in as many frames as it likes; remembers its batches."""

    brightness: int
    n_frames: int = N_FRAMES
    size: tuple[int, int] = (SIZE, SIZE)
    notes: Mapping[str, object] = field(default_factory=lambda: {"attention": "none"})
    batches: list[Batch] = field(default_factory=list)

    def __call__(self, batch: Batch) -> np.ndarray:
        self.batches.append(batch)
        level = batch.conditions["latents"].reshape(len(batch.clip_ids), -1)[:, 0] + self.brightness
        shape = (len(level), self.n_frames, *self.size, 3)
        return np.broadcast_to(level.astype(np.uint8)[:, None, None, None, None], shape)


def publish(store: Store, kind: str, name: str, *saves: Callable[[Path], None]) -> Artifact:
    ref = Ref(kind, name, "0123456789ab")
    with store.publish(
        ref, stage="x", stage_version=1, parameters={}, inputs={}, recipe="r", seed=0, fsync=False
    ) as out:
        for save in saves:
            save(out.path)
    return store.open(ref)


@pytest.fixture
def world(tmp_path: Path) -> dict[str, Artifact]:
    store = Store(tmp_path / "store")
    values = np.arange(N, dtype=np.float32)[:, None] * np.ones(3, np.float32)
    black = np.zeros((N, N_FRAMES, SIZE, SIZE, 3), np.uint8)
    return {
        "clips": publish(store, "targets", "demo-frames", CLIPS.save, Videos(black, CLIPS.ids, FPS).save),
        "targets": publish(store, "targets", "demo-z", Targets(values, CLIPS).save),
        # In another order than the clips: predictions are found by their ids.
        "predictions": publish(
            store, "predictions", "demo-sub-1-z", Predictions(values[4:][::-1], TEST_IDS[::-1], "z").save
        ),
        "keyframes": publish(store, "videos", "demo-key", Videos(black[4:, :1] + 9, TEST_IDS, FPS).save),
    }


def run(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    inputs: dict[str, list[Artifact]],
    n_frames: int = N_FRAMES,
    size: tuple[int, int] = (SIZE, SIZE),
) -> tuple[FakeGenerator, Staging]:
    made: list[FakeGenerator] = []

    def load(params: FakeParams, inputs: dict[str, list[Artifact]], work: Work) -> FakeGenerator:
        made.append(FakeGenerator(params.brightness, n_frames, size))
        return made[-1]

    monkeypatch.setitem(registry.own_parts()["reconstruct"], "fake", registry.Part("here:part", FakeParams, "fake"))
    monkeypatch.setattr("brainflix.parts.part.load", {"here:part": rendering(load)}.get)
    (folder / "out").mkdir()
    asked = job("reconstruct", "fake", "videos", {"brightness": 3}, {})
    out = Staging(asked.ref, folder / "out")
    cpu = Compute(torch.device("cpu"), torch.float32, "a test's")
    do(asked, inputs, out, Tools(Store(folder / "store"), lambda: cpu, clips_per_batch=2))
    assert len(made) == 1, "networks are loaded once, not for each batch"
    return made[0], out


def test_the_part_that_the_recipe_names_is_loaded_once_and_fed_in_batches(
    world: dict[str, Artifact], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = {name: [world[name]] for name in ("clips",)}
    inputs |= {"latents": [world["predictions"]], "keyframe": [world["keyframes"]]}
    generator, out = run(tmp_path, monkeypatch, inputs)
    assert [batch.clip_ids for batch in generator.batches] == [TEST_IDS[:2], TEST_IDS[2:4], TEST_IDS[4:]]
    assert generator.batches[0].n_frames == N_FRAMES
    assert set(generator.batches[0].conditions) == {"latents", "keyframe"}
    assert generator.batches[2].conditions["keyframe"].shape == (1, 1, SIZE, SIZE, 3)
    videos = published(tmp_path, out)
    assert videos.clip_ids == TEST_IDS and videos.fps_hz == FPS
    assert videos.frames[:, 0, 0, 0, 0].tolist() == [7, 8, 9, 10, 11]
    assert out.notes == {"attention": "none", "clips_per_batch": 2}
    assert len(list((out.path / "previews").glob("*.mp4"))) == N_PREVIEWS


def published(folder: Path, out: Staging) -> Videos:
    """Read what the stage wrote through a store, as the next stage would."""
    import shutil

    def copy(path: Path) -> None:
        shutil.copytree(out.path, path, dirs_exist_ok=True)

    return Videos.load(publish(Store(folder / "store"), "videos", "result", copy))


def test_another_number_of_frames_still_fills_the_clips_time(
    world: dict[str, Artifact], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = {"clips": [world["clips"]], "latents": [world["targets"]]}
    _, out = run(tmp_path, monkeypatch, inputs, n_frames=1)
    assert published(tmp_path, out).fps_hz == FPS / N_FRAMES


def test_odd_sides_get_a_preview_with_an_edge_pixel_more(
    world: dict[str, Artifact], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = {"clips": [world["clips"]], "latents": [world["targets"]]}
    _, out = run(tmp_path, monkeypatch, inputs, size=(17, 19))
    assert published(tmp_path, out).frames.shape[2:4] == (17, 19)
    shown = decode_at(sorted((out.path / "previews").glob("*.mp4"))[0], np.arange(N_FRAMES) / FPS)
    assert shown.shape == (N_FRAMES, 18, 20, 3)


def test_a_clip_that_was_not_predicted_is_named_with_the_artifact(world: dict[str, Artifact]) -> None:
    with pytest.raises(DataError, match=r"predictions/demo-sub-1-z@\w+ holds nothing for clip 'seg1_000'.*split=test"):
        condition(world["predictions"], CLIPS.ids)
    with pytest.raises(DataError, match="4 of 9 wanted clips"):
        condition(world["keyframes"], CLIPS.ids)
    assert condition(world["targets"], CLIPS.ids[1:3])[:, 0].tolist() == [1.0, 2.0]


def test_several_subjects_predictions_are_no_condition(world: dict[str, Artifact]) -> None:
    with pytest.raises(UsageError, match="one artifact as 'latents', not 2"):
        read_conditions({"latents": [world["predictions"], world["targets"]]}, TEST_IDS)


def test_split_is_one_of_three_names() -> None:
    assert ZeroscopeParams(weights="demo/zeroscope", split="train").split == "train"
    with pytest.raises(ValidationError, match="'train', 'val' or 'test'"):
        ZeroscopeParams(weights="demo/zeroscope", split="tests")


def test_the_most_frequent_caption_is_the_training_clips_first_by_alphabet() -> None:
    assert fixed_caption("most-frequent", CLIPS) == "a"
    assert fixed_caption("a bird", CLIPS) == "a bird"
