"""What is wrong with a side is refused or noted: two sides that are one, bytes that are floats, clips left out."""

from __future__ import annotations

import unicodedata
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from brainflix.errors import DataError
from brainflix.evaluate.request import score_request
from tests.evaluate.score_calls import request
from tests.io.film_files import clip, flag_matrix, write, write_gif


def save(folder: Path, clips: dict[str, Any]) -> Path:
    folder.mkdir()
    for name, frames in clips.items():
        np.save(folder / f"{name}.npy", frames)
    return folder


def score(pred: Path, truth: Path, **choices: Any) -> dict[str, Any]:
    return score_request(request(pred, truth, **{"metrics": ("pixcorr", "mse"), "permutations": 0, **choices}))


TRUTH, OTHER = ({name: clip(seed + at) for at, name in enumerate("abc")} for seed in (0, 3))


def test_one_folder_as_both_sides_is_noted_also_by_a_link(tmp_path: Path) -> None:
    truth = save(tmp_path / "t", TRUTH)
    (tmp_path / "link").symlink_to(truth)
    for pred in (truth, tmp_path / "link", tmp_path / "t" / ".." / "t"):
        notes = score(pred, truth)["notes"]
        assert any(note.startswith("prediction and truth are the same") for note in notes)
    notes = score(save(tmp_path / "p", OTHER), truth)["notes"]
    assert not [note for note in notes if "same" in note or "to the byte" in note]


def test_a_copy_of_the_truth_is_noted_clip_by_clip(tmp_path: Path) -> None:
    pred = save(tmp_path / "p", {**OTHER, "b": TRUTH["b"]})
    notes = score(pred, save(tmp_path / "t", TRUTH))["notes"]
    assert "prediction: 1 of 3 clips are the truth to the byte, the first is b" in notes
    assert not [note for note in notes if "are the same" in note]


def test_a_baseline_that_is_the_truth_is_noted(tmp_path: Path) -> None:
    truth = save(tmp_path / "t", TRUTH)
    notes = score(save(tmp_path / "p", OTHER), truth, baselines=(f"mine={truth}",))["notes"]
    assert any(note.startswith("mine and truth are the same") for note in notes)


def test_what_is_passed_over_is_noted_on_either_side(tmp_path: Path) -> None:
    pred, truth = save(tmp_path / "p", OTHER), save(tmp_path / "t", TRUTH)
    for folder in (pred, truth):
        (folder / ".DS_Store").write_bytes(b"\0")
        (folder / "d.mpp").write_bytes(b"x")
    (pred / "log").mkdir()
    (pred / "log" / "a.txt").write_text("x")
    found = score(pred, truth)
    assert found["n_clips"] == 3
    assert {"prediction: passed over in p: d.mpp, log", "truth: passed over in t: d.mpp"} <= set(found["notes"])
    (truth / "d.mpp").rename(truth / "d.npy")
    np.save(truth / "d.npy", clip(9))
    with pytest.raises(DataError, match=r"prediction lacks d.*passed over in p: d\.mpp"):
        score(pred, truth)


def test_formats_of_any_suffix_are_scored(tmp_path: Path) -> None:
    for number, suffix in enumerate(("mp4", "mkv", "m4v")):
        write(tmp_path / "t" / f"c{number}.{suffix}", clip(number))
        write(tmp_path / "p" / f"c{number}.{suffix}", clip(number if number != 1 else 9))
    found = score(tmp_path / "p", tmp_path / "t")
    assert found["n_clips"] == 3
    assert [value == 0 for value in found["scores"]["mse"]["per_clip"]] == [True, False, True]


@pytest.mark.parametrize("swapped", [False, True])
def test_names_are_paired_whatever_their_normalization(tmp_path: Path, swapped: bool) -> None:
    forms = ("NFD", "NFC") if swapped else ("NFC", "NFD")
    for side, form in zip("tp", forms, strict=True):
        for number in range(3):
            write(tmp_path / side / f"{unicodedata.normalize(form, f'café {number}')}.mp4", clip(number))
    found = score(tmp_path / "p", tmp_path / "t")
    assert found["n_clips"] == 3 and found["scores"]["mse"]["value"] == 0


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_video_that_is_to_be_turned_scores_as_it_is_shown(tmp_path: Path, degrees: int) -> None:
    matrix = {90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}[degrees]
    for number in range(2):
        write(tmp_path / "t" / f"{number}.mp4", clip(number))
        path = write(tmp_path / "p" / f"{number}.mp4", np.rot90(clip(number), degrees // 90, axes=(1, 2)))
        flag_matrix(path, *matrix)
    found = score(tmp_path / "p", tmp_path / "t")["scores"]
    assert found["mse"]["value"] == 0 and found["pixcorr"]["value"] == pytest.approx(1)


def one_frame(folder: Path, suffix: str, held_ms: int) -> None:
    """Write a clip of a single frame that is shown for so long."""
    if suffix == "mp4":
        write(folder / "a.mp4", clip(n=1), Fraction(1000, held_ms))
    else:
        folder.mkdir()
        Image.fromarray(clip(n=1)[0]).save(folder / f"a.{suffix}", duration=held_ms, save_all=True)


@pytest.mark.parametrize("suffix", ["gif", "mp4"])
def test_a_single_frame_that_ends_early_is_refused_and_one_that_is_held_is_not(tmp_path: Path, suffix: str) -> None:
    truth = write_gif(tmp_path / "t" / "a.gif", clip(), 330).parent
    one_frame(tmp_path / "short", suffix, 330)
    one_frame(tmp_path / "held", suffix, 2000)
    with pytest.raises(DataError, match=r"clip a: the prediction is shorter than the truth \(it ends at 0\.33"):
        score(tmp_path / "short", truth)
    assert score(tmp_path / "held", truth)["scores"]["mse"]["value"] > 0


def test_an_animation_whose_last_frame_is_held_lasts_as_long(tmp_path: Path) -> None:
    truth = write_gif(tmp_path / "t" / "a.gif", clip(), 330).parent
    held = write_gif(tmp_path / "held" / "a.gif", clip(n=2), [330, 1700]).parent
    short = write_gif(tmp_path / "short" / "a.gif", clip(n=2), [330, 400]).parent
    assert score(held, truth)["scores"]["mse"]["value"] > 0
    with pytest.raises(DataError, match=r"shorter than the truth"):
        score(short, truth)


def test_bytes_of_0_and_1_alone_are_floats_that_were_cut(tmp_path: Path) -> None:
    unit = {name: (frames / 255.0).round().astype(np.uint8) for name, frames in OTHER.items()}
    truth = save(tmp_path / "t", TRUTH)
    with pytest.raises(DataError, match="the prediction holds only the bytes 0 and 1"):
        score(save(tmp_path / "p", unit), truth)
    with pytest.raises(DataError, match="the truth holds only the bytes 0 and 1"):
        score(truth, tmp_path / "p")


def test_a_dark_clip_is_noted_and_a_black_one_is_a_clip(tmp_path: Path) -> None:
    truth = save(tmp_path / "t", TRUTH)
    dark = {**OTHER, "b": (OTHER["b"] > 99).astype(np.uint8)}
    note = "prediction: 1 clips hold only the bytes 0 and 1, and are black to the eye"
    assert note in score(save(tmp_path / "dark", dark), truth)["notes"]
    black = {name: np.zeros_like(frames) for name, frames in OTHER.items()}
    notes = score(save(tmp_path / "black", black), truth)["notes"]
    assert not [each for each in notes if "bytes 0 and 1" in each]


def test_further_sets_are_read_as_carefully(tmp_path: Path) -> None:
    truth, pred = save(tmp_path / "t", TRUTH), save(tmp_path / "p", OTHER)
    mixed = {"a": TRUTH["a"] / 255.0, "b": TRUTH["b"].astype(np.float32), "c": TRUTH["c"] / 255.0}
    save(tmp_path / "mixed", mixed)
    with pytest.raises(DataError, match=r"float clips of the mine have two ranges"):
        score(pred, truth, baselines=(f"mine={tmp_path / 'mixed'}",))
    grey = save(tmp_path / "grey", {name: frames[..., 0] for name, frames in TRUTH.items()})
    notes = score(pred, truth, baselines=(f"mine={grey}",))["notes"]
    assert "mine: grayscale became three equal channels" in notes
