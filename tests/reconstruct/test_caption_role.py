"""Captions as a condition: found by clip, encoded by the pipeline's own text tower, never beside a prompt."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from brainflix.device import pick_compute
from brainflix.errors import DataError, UsageError
from brainflix.io.weights import SHIPPED
from brainflix.parts.work import Work
from brainflix.pretrained.text import encode_captions
from brainflix.reconstruct.generator import Batch
from brainflix.reconstruct.parts import ZeroscopeParams
from brainflix.reconstruct.rendering import condition, read_conditions
from brainflix.reconstruct.zeroscope import Zeroscope, load
from brainflix.store.artifact import Artifact
from brainflix.store.captions import Captions
from brainflix.store.refs import Ref
from brainflix.store.schema import Clips, Predictions, Videos
from brainflix.store.store import Store
from tests.reconstruct.reconstruct_worlds import publish

CPU = pick_compute("cpu", "float32")
IDS = ("a", "b", "c")
SAID = ("a red disc moving left over a sky", "a cyan star moving up over a night", "a red disc moving left over a sky")
PIPELINE = SHIPPED / "zeroscope"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Artifact]]:
    store = Store(tmp_path_factory.mktemp("store"))
    clips = Clips(IDS, ("s",) * 3, np.arange(3.0), np.full(3, 2), ("",) * 3)
    states = encode_captions(list(SAID), PIPELINE / "text_encoder", PIPELINE / "tokenizer", CPU)
    black = np.zeros((3, 4, 64, 64, 3), np.uint8)
    return {
        "clips": [publish(store, "targets", "frames", clips, Videos(black, IDS, 2.0))],
        # In another order than the clips: captions are found by their ids.
        "caption": [publish(store, "predictions", "caption", Captions(SAID[::-1], IDS[::-1], "t"))],
        "prompt": [publish(store, "predictions", "text", Predictions(states, IDS, "t"))],
    }


def generator(inputs: dict[str, list[Artifact]], folder: Path) -> Zeroscope:
    params = ZeroscopeParams(weights="demo/zeroscope", steps=2, guidance_scale=2.0)
    return load(params, inputs, Work(Store(folder), lambda: CPU, ref=Ref("videos", "v", "0" * 12)))


def batch(inputs: dict[str, list[Artifact]], ids: tuple[str, ...] = IDS) -> Batch:
    return Batch(ids, read_conditions(inputs, ids), n_frames=4)


def test_a_condition_of_captions_is_texts_in_the_order_asked_for(world: dict[str, list[Artifact]]) -> None:
    found = condition(world["caption"][0], ["c", "b"])
    assert found.shape == (2,) and found.dtype.kind == "U"
    assert found.tolist() == [SAID[2], SAID[1]]
    with pytest.raises(DataError, match="holds nothing for clip 'd'"):
        condition(world["caption"][0], ["d"])


def test_captions_are_seen_as_their_token_states_are(world: dict[str, list[Artifact]], tmp_path: Path) -> None:
    told = {role: world[role] for role in ("clips", "caption")}
    shown = {role: world[role] for role in ("clips", "prompt")}
    by_words, by_states = generator(told, tmp_path), generator(shown, tmp_path)
    np.testing.assert_allclose(by_words.prompts(batch(told)), by_states.prompts(batch(shown)), atol=1e-5)
    frames = by_words(batch(told)).astype(int)
    assert frames.shape == (3, 4, 64, 64, 3)
    assert np.abs(frames - by_states(batch(shown)).astype(int)).max() <= 1
    alone = by_words(batch(told, ("b",))).astype(int)
    assert np.abs(alone[0] - frames[1]).max() <= 1


def test_a_prompt_and_a_caption_exclude_each_other(world: dict[str, list[Artifact]], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="prompt or the input caption, not both"):
        generator(world, tmp_path)


def test_words_and_states_are_not_confused(world: dict[str, list[Artifact]], tmp_path: Path) -> None:
    words_as_prompt = {"clips": world["clips"], "prompt": world["caption"]}
    with pytest.raises(DataError, match=r"words came as the prompt.*give them as caption"):
        generator(words_as_prompt, tmp_path)(batch(words_as_prompt))
    with pytest.raises(DataError, match=r"predictions/text@\w+ holds no captions.*as prompt instead"):
        generator({"clips": world["clips"], "caption": world["prompt"]}, tmp_path)
