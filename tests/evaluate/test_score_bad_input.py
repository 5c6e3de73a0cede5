"""Clips that are damaged, odd or undefined: one clear sentence, or a counted mask, and never a wrong number."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from metric_clips import smooth_clips
from numpy.typing import NDArray
from PIL import Image

from brainflix.errors import DataError, IntegrityError, MissingError
from brainflix.evaluate import pixels
from brainflix.evaluate.request import Request, score_request
from brainflix.io.clip_read import ALPHA_NOTE, GREY_NOTE
from brainflix.io.frames import resize
from tests.evaluate.score_calls import request

Frames = NDArray[np.uint8]
TRUTH, GOOD = (dict(zip("abc", smooth_clips(3, 3, 64, seed), strict=True)) for seed in (0, 1))
PIXELS = ("psnr", "pixcorr")


def _save(folder: Path, clips: dict[str, Any]) -> Path:
    folder.mkdir()
    for name, frames in clips.items():
        np.save(folder / f"{name}.npy", frames)
    return folder


def _frames(folder: Path, frames: NDArray[Any]) -> None:
    """Write one clip as a folder of PNG frames."""
    folder.mkdir(parents=True)
    for number, frame in enumerate(frames):
        Image.fromarray(frame).save(folder / f"{number}.png")


def _score(tmp_path: Path, pred: dict[str, Any], truth: dict[str, Any] = TRUTH, **options: Any) -> dict[str, Any]:
    plan: dict[str, Any] = {"metrics": PIXELS, "permutations": 99, **options}
    return score_request(request(_save(tmp_path / "p", pred), _save(tmp_path / "t", truth), **plan))


def _other_clips(at: Path) -> Request:
    return request(_save(at / "p", {"a": GOOD["a"], "d": GOOD["b"], "c": GOOD["c"]}), _save(at / "t", TRUTH))


def _one_missing(at: Path) -> Request:
    return request(_save(at / "p", {"a": GOOD["a"], "b": GOOD["b"]}), _save(at / "t", TRUTH))


def _unreadable(at: Path) -> Request:
    folder = _save(at / "p", GOOD)
    (folder / "b.npy").write_bytes((folder / "b.npy").read_bytes()[:200])
    return request(folder, _save(at / "t", TRUTH))


def _half_a_picture(at: Path) -> Request:
    for name, frames in TRUTH.items():
        _frames(at / "p" / name, frames)
    picture = at / "p" / "b" / "1.png"
    picture.write_bytes(picture.read_bytes()[: picture.stat().st_size // 2])
    return request(at / "p", _save(at / "t", TRUTH))


def _empty_file(at: Path) -> Request:
    folder = _save(at / "p", GOOD)
    (folder / "c.npy").write_bytes(b"")
    return request(folder, _save(at / "t", TRUTH))


def _no_frame(at: Path) -> Request:
    return request(_save(at / "p", {**GOOD, "b": GOOD["b"][:0]}), _save(at / "t", TRUTH))


def _empty_folders(at: Path) -> Request:
    for side in "pt":
        for name, frames in TRUTH.items():
            _frames(at / side / name, frames if name != "b" else frames[:0])
    return request(at / "p", at / "t")


def _nan_pixels(at: Path) -> Request:
    unit = {name: frames / 255.0 for name, frames in GOOD.items()}
    unit["b"][1, 5, 5, 0] = np.nan
    return request(_save(at / "p", unit), _save(at / "t", TRUTH))


def _nan_features(at: Path) -> Request:
    logits = np.random.default_rng(0).standard_normal((3, 9))
    np.savez(at / "truth.npz", logits)
    logits[1, 4] = np.nan
    np.savez(at / "pred.npz", logits)
    logits_of = {"logits_truth": at / "truth.npz", "logits_pred": at / "pred.npz"}
    return request(_save(at / "p", GOOD), _save(at / "t", TRUTH), metrics=("nway",), **logits_of)


def _infinite_features(at: Path) -> Request:
    logits = np.random.default_rng(0).normal(0, 3e4, (3, 90))
    logits[1, 4] = 7e4
    with np.errstate(over="ignore"):
        np.savez(at / "truth.npz", logits.astype(np.float16))
    np.savez(at / "pred.npz", logits)
    logits_of = {"logits_truth": at / "truth.npz", "logits_pred": at / "pred.npz"}
    return request(_save(at / "p", GOOD), _save(at / "t", TRUTH), metrics=("nway",), **logits_of)


def _three_frames_for_eight(at: Path) -> Request:
    return request(_save(at / "p", GOOD), _save(at / "t", TRUTH), protocol="mindanimator")


def _too_short(at: Path) -> Request:
    return request(_save(at / "p", GOOD), _save(at / "t", TRUTH), fps_pred=6.0, fps_truth=3.0)


def _one_clip_longer(at: Path) -> Request:
    longer = [{**clips, "b": np.concatenate([clips["b"]] * 2)} for clips in (GOOD, TRUTH)]
    return request(_save(at / "p", longer[0]), _save(at / "t", longer[1]))


def _grey_and_alpha(at: Path) -> Request:
    return request(_save(at / "p", {**GOOD, "b": GOOD["b"][..., :2]}), _save(at / "t", TRUTH))


def _channels_first(at: Path) -> Request:
    return request(_save(at / "p", {**GOOD, "b": GOOD["b"].transpose(0, 3, 1, 2)}), _save(at / "t", TRUTH))


def _signed(at: Path) -> Request:
    signed = {name: frames / 127.5 - 1.0 for name, frames in GOOD.items()}
    return request(_save(at / "p", signed), _save(at / "t", TRUTH))


def _samples(at: Path) -> Request:
    made = {f"{name}_s{sample}": frames + sample for name, frames in GOOD.items() for sample in range(3)}
    return request(_save(at / "p", made), _save(at / "t", TRUTH))


def _samples_side_by_side(at: Path) -> Request:
    both = {name: np.concatenate([frames, frames], axis=2) for name, frames in GOOD.items()}
    made = {f"{name}_s{sample}": frames for name, frames in both.items() for sample in range(2)}
    return request(_save(at / "p", made), layout="side-by-side", padding_px=0)


def _samples_in_frames(at: Path) -> Request:
    for name, frames in GOOD.items():
        (at / "p" / name).mkdir(parents=True)
        for sample in range(2):
            for number, frame in enumerate(frames):
                Image.fromarray(frame).save(at / "p" / name / f"sample{sample}_{number}.png")
    return request(at / "p", _save(at / "t", TRUTH), fps_pred=3.0, fps_truth=3.0)


def _nothing(at: Path) -> Request:
    return request(at / "nowhere", _save(at / "t", TRUTH))


SENTENCES: dict[str, tuple[Callable[[Path], Request], str]] = {
    "different clip sets": (_other_clips, "prediction lacks b.*truth lacks d"),
    "a clip is missing": (_one_missing, "prediction lacks c, which the truth has"),
    "unreadable file": (_unreadable, r"cannot read b\.npy"),
    "half a picture": (_half_a_picture, r"cannot read 1\.png"),
    "empty file": (_empty_file, r"cannot read c\.npy.*the file is empty"),
    "clip without a frame": (_no_frame, r"clip b.*shape \(0, 64, 64, 3\)"),
    "empty folders on both sides": (_empty_folders, "b holds no frame"),
    "NaN pixels": (_nan_pixels, "b.* holds NaN"),
    "NaN features": (_nan_features, r"pred\.npz.*NaN"),
    "class scores that overflowed": (_infinite_features, r"truth\.npz.*infinite"),
    "3 frames in an 8-frame protocol": (_three_frames_for_eight, "3 frames, the protocol needs 8"),
    "a prediction that ends early": (_too_short, "shorter than the truth"),
    "one clip longer than the others": (_one_clip_longer, "clip b has 6 frames to compare, a has 3"),
    "two channels": (_grey_and_alpha, "clip b.*channels last"),
    "channels first": (_channels_first, "clip b.*channels last"),
    "pixels in [-1, 1]": (_signed, "clip a.*plain in which"),
    "several samples of each clip": (_samples, "3 samples of clip a.*none is chosen"),
    "several samples side by side": (_samples_side_by_side, "2 samples of clip a.*none is chosen"),
    "several samples in one folder of frames": (_samples_in_frames, "a holds the frames of 2 samples"),
    "no folder": (_nothing, "no folder at"),
}


@pytest.mark.parametrize("case", SENTENCES)
def test_what_cannot_be_scored_is_one_sentence(case: str, tmp_path: Path) -> None:
    make, words = SENTENCES[case]
    with pytest.raises((DataError, IntegrityError, MissingError), match=words) as caught:
        score_request(make(tmp_path))
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 250


def test_a_constant_prediction_is_counted_and_left_out(tmp_path: Path) -> None:
    pred = {**GOOD, "b": np.full_like(GOOD["b"], 90)}
    found = _score(tmp_path, pred, metrics=("psnr", "pixcorr", "skill"))["scores"]
    assert found["psnr"]["n"] == 3 and found["psnr"]["n_nan"] == 0
    line = found["pixcorr"]
    assert (line["n"], line["n_nan"], line["per_clip"][1]) == (2, 3, None), "three frames without a correlation"
    assert line["value"] == pytest.approx((line["per_clip"][0] + line["per_clip"][2]) / 2)
    assert found["skill"]["per_clip"][1] == pytest.approx(0.0), "a static clip is where skill begins"


def test_a_constant_truth_has_no_motion_to_decode(tmp_path: Path) -> None:
    truth = {**TRUTH, "b": np.full_like(TRUTH["b"], 90)}
    found = _score(tmp_path, GOOD, truth, metrics=("pixcorr", "flow_cosine", "skill"))["scores"]
    for name, undefined in (("pixcorr", 3), ("flow_cosine", 1), ("skill", 1)):
        assert (found[name]["n"], found[name]["n_nan"], found[name]["per_clip"][1]) == (2, undefined, None), name
        assert found[name]["value"] is not None


def test_nothing_but_constant_videos_gives_no_number(tmp_path: Path) -> None:
    flat = {name: np.full_like(frames, 90) for name, frames in GOOD.items()}
    line = _score(tmp_path, flat)["scores"]["pixcorr"]
    assert (line["value"], line["p"], line["chance"], line["ci95"]) == (None, None, None, [None, None])
    assert (line["n"], line["n_nan"]) == (0, 9)


def test_grayscale_scores_as_three_equal_channels(tmp_path: Path) -> None:
    grey = {name: frames[..., 1] for name, frames in GOOD.items()}
    found = _score(tmp_path, grey)
    for number, name in enumerate(GOOD):
        shown = np.repeat(grey[name][..., None], 3, axis=-1)
        expected = pixels.psnr(TRUTH[name], shown).mean()
        assert found["scores"]["psnr"]["per_clip"][number] == pytest.approx(expected)
    assert f"prediction: {GREY_NOTE}" in found["notes"]


def test_alpha_is_composited_and_noted(tmp_path: Path) -> None:
    alpha = np.random.default_rng(2).integers(0, 256, (3, 64, 64, 1), dtype=np.uint8)
    pred = {name: np.concatenate([frames, alpha], axis=-1) for name, frames in GOOD.items()}
    found = _score(tmp_path, pred)
    for number, name in enumerate(GOOD):
        shown = np.rint(GOOD[name] * (alpha / 255.0)).astype(np.uint8)
        expected = pixels.psnr(TRUTH[name], shown).mean()
        assert found["scores"]["psnr"]["per_clip"][number] == pytest.approx(expected)
    assert f"prediction: {ALPHA_NOTE}" in found["notes"]


def test_odd_sizes_are_resized_whole_and_a_changed_shape_is_noted(tmp_path: Path) -> None:
    odd = {name: frames[:, :63, :47] for name, frames in GOOD.items()}
    found = _score(tmp_path, odd)
    for number, name in enumerate(GOOD):
        expected = pixels.psnr(TRUTH[name], resize(odd[name], 64, 64)).mean()
        assert found["scores"]["psnr"]["per_clip"][number] == pytest.approx(expected)
    assert "prediction: resized from 47x63 to 64x64, another aspect ratio" in found["notes"]
    assert not [note for note in found["notes"] if note.startswith("truth")]
    assert "compared at the truth's own size, 64x64" in found["notes"] and found["protocol"]["own_size"]


def test_the_document_says_that_nothing_was_selected(tmp_path: Path) -> None:
    found = _score(tmp_path, GOOD)
    assert (found["samples_per_clip"], found["selection"]) == (1, "none")


def test_one_clip_has_a_value_but_neither_interval_nor_chance(tmp_path: Path) -> None:
    found = _score(tmp_path, {"a": GOOD["a"]}, {"a": TRUTH["a"]}, metrics=(*PIXELS, "ssim_excess"))
    line = found["scores"]["psnr"]
    assert line["value"] is not None and line["n"] == 1
    assert (line["p"], line["chance"], line["ci95"], line["se"]) == (None, None, [None, None], None)
    assert [each["metric"] for each in found["skipped"]] == ["ssim_excess"]
