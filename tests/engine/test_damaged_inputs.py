"""What a stage reads is what was published: one changed byte in any file of any input ends the job, and no number."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from brainflix.engine.run import make_tools, run_job
from brainflix.errors import IntegrityError
from brainflix.parts.work import Tools
from brainflix.progress import Silent
from brainflix.regress.parts import EncoderParams
from brainflix.settings import Settings
from brainflix.store.export import export
from brainflix.store.schema import Predictions
from brainflix.store.store import Store
from brainflix.store.verify import verify
from brainflix.trained.features import extract
from brainflix.trained.files import load_result
from brainflix.trained.network import rebuild
from tests.parts_world import BOLD, TARGET, fill, job

MASKED = {"preset": "tiny", "epochs": 1, "width": 8, "depth": 1, "decoder_width": 8, "patch_size": 8}
MBM = job("train", "masked-brain-modelling", "model", MASKED, {"rows": tuple(BOLD)})
TUNED = {"preset": "tiny", "epochs": 1, "batch_size": 30}
TUNE = job(
    "train",
    "clip-contrastive",
    "model",
    TUNED,
    {"rows": tuple(BOLD), "start": (MBM.ref,), "embeddings": (TARGET,)},
)
PREDICT = job(
    "regress", "encoder", "predictions", {}, {"encoder": (TUNE.ref,), "test": (BOLD[0],), "target": (TARGET,)}
)


def weight(path: Path, name: str) -> int:
    """Return the place of the upper mantissa of a tensor's first number (safetensors: length, JSON header, data)."""
    body = path.read_bytes()
    length = int.from_bytes(body[:8], "little")
    header = json.loads(body[8 : 8 + length])
    return int(8 + length + header[name]["data_offsets"][0] + 2)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    store = Store(folder)
    fill(store)
    for each in (MBM, TUNE):
        run_job(each, store, tools_of(store))
    return folder


@pytest.fixture
def store(trained: Path, tmp_path: Path) -> Store:
    shutil.copytree(trained, tmp_path / "store")
    return Store(tmp_path / "store")


def tools_of(store: Store) -> Tools:
    return make_tools(store, Settings(device="cpu", workers=1), Silent())


def flip(path: Path, place: int) -> None:
    """Change one bit, so that a number stays a number: a mantissa's, or that of a digit in a text."""
    body = bytearray(path.read_bytes())
    body[place] ^= 1
    path.write_bytes(bytes(body))


def digit(path: Path, after: str) -> int:
    """Return the place of the third digit of the number that follows some text."""
    text = path.read_text()
    start = text.index(after) + len(after)
    return [place for place in range(start, len(text)) if text[place].isdigit()][2]


def test_whole_inputs_give_predictions(store: Store) -> None:
    assert isinstance(PREDICT.params, EncoderParams)
    run_job(PREDICT, store, tools_of(store))
    assert Predictions.load(store.open(PREDICT.ref)).values.shape == (6, 5)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_byte_of_a_network_changes_what_it_says_and_is_refused(store: Store, tmp_path: Path, name: str) -> None:
    rows = store.open(BOLD[0]).load("response")
    whole = extract(rebuild(load_result(store.path(TUNE.ref))), rows, what="embedding")
    # The same files outside of a store, where nothing says what they should be: the numbers are others, without a word.
    plain = export(store, TUNE.ref, tmp_path / "plain")
    (plain / "manifest.json").unlink()
    for folder in (plain, store.path(TUNE.ref)):
        path = folder / name
        flip(path, digit(path, '"std": ') if name == "config.json" else weight(path, "head.1.weight"))
    assert not np.array_equal(extract(rebuild(load_result(plain)), rows, what="embedding"), whole)
    with pytest.raises(IntegrityError, match=f"{name} has other content.*gc --remove {TUNE.ref}") as caught:
        load_result(store.path(TUNE.ref))
    assert caught.value.exit_code == 4 and caught.value.next.endswith("then brainflix run toy")
    with pytest.raises(IntegrityError, match=f"{name} has other content"):
        run_job(PREDICT, store, tools_of(store))
    assert not store.has(PREDICT.ref)
    # The keys here are made up, which is told of the manifest.
    assert {each.path for each in verify(store, TUNE.ref)} - {"manifest.json"} == {name}


def test_a_byte_of_any_file_of_any_input_is_refused(store: Store) -> None:
    for ref in (TUNE.ref, BOLD[0], TARGET):
        for entry in store.open(ref).manifest.files:
            path = store.path(ref) / entry.path
            kept = path.read_bytes()
            flip(path, entry.size // 2)
            with pytest.raises(IntegrityError, match=entry.path.replace(".", r"\.")):
                run_job(PREDICT, store, tools_of(store))
            path.write_bytes(kept)
    run_job(PREDICT, store, tools_of(store))


def test_a_copy_out_of_the_store_is_compared_with_the_manifest_that_came_along(store: Store, tmp_path: Path) -> None:
    copy = export(store, TUNE.ref, tmp_path / "copy")
    assert load_result(copy).config == load_result(store.path(TUNE.ref)).config
    flip(copy / "model.safetensors", 900)
    with pytest.raises(IntegrityError, match="other content"):
        load_result(copy)
