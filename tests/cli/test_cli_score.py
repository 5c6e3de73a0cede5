"""`brainflix score` on folders that the test makes: known values, invariances, formats, and one sentence per damage."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import zarr
from PIL import Image
from scipy.ndimage import gaussian_filter
from skimage.metrics import structural_similarity

import brainflix.evaluate
from brainflix.evaluate.choosing import lines_of
from brainflix.evaluate.hue import hue_cos
from brainflix.evaluate.nway import chance
from brainflix.evaluate.protocols import PROTOCOLS
from brainflix.io.frames import resize
from brainflix.io.video import encode

SCHEMA = Path(brainflix.evaluate.__file__).parent / "schema.json"
pytestmark = pytest.mark.usefixtures("no_weights")
FAST = ("--metrics", "psnr,pixcorr")
Run = Callable[..., Any]


def clips(n: int, n_frames: int = 3, size: int = 64, seed: int = 0) -> dict[str, np.ndarray]:
    """Return smooth moving clips that differ."""
    rng = np.random.default_rng(seed)
    found = {}
    for i in range(n):
        field = gaussian_filter(rng.standard_normal((size, 2 * size, 3)), (4, 4, 0))
        field = np.clip(127 + 60 * field / field.std(), 0, 255).astype(np.uint8)
        found[f"clip{i}"] = np.stack([field[:, (i + 2) * t : (i + 2) * t + size] for t in range(n_frames)])
    return found


def noisy(truth: dict[str, np.ndarray], sd: float = 20.0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(9)
    return {
        name: np.clip(frames * 0.8 + 20 + rng.normal(0, sd, frames.shape), 0, 255).astype(np.uint8)
        for name, frames in truth.items()
    }


def write(folder: Path, made: dict[str, np.ndarray], kind: str = "npy", duration: int = 250) -> str:
    """Write clips in a format and return the folder."""
    folder.mkdir(parents=True)
    for name, frames in made.items():
        if kind == "npy":
            np.save(folder / f"{name}.npy", frames)
        elif kind == "gif":
            first, *rest = [Image.fromarray(frame) for frame in frames]
            first.save(folder / f"{name}.gif", save_all=True, append_images=rest, duration=duration, loop=0)
        elif kind == "mp4":
            encode(frames, 1000 / duration, folder / f"{name}.mp4", crf=1)
        elif kind == "png":
            (folder / name).mkdir()
            for number, frame in enumerate(frames):
                Image.fromarray(frame).save(folder / name / f"{number}.png")
    if kind == "zarr":
        zarr.create_array(str(folder / "a.zarr"), data=np.stack(list(made.values())), attributes={"ids": list(made)})
    return str(folder)


@pytest.fixture
def document(brainflix: Run) -> Callable[..., dict[str, Any]]:
    """Run `score --json`, hold its document to the schema, and return it."""

    def run(*arguments: str) -> dict[str, Any]:
        said = brainflix("score", "--json", *arguments)
        assert said.code == 0, said.err
        found: dict[str, Any] = json.loads(said.out)
        validate(found)
        return found

    return run


def validate(found: dict[str, Any]) -> None:
    """Check a document by jsonschema where it is installed, else by the keywords that our schema uses."""
    schema = json.loads(SCHEMA.read_text())
    if importlib.util.find_spec("jsonschema"):
        importlib.import_module("jsonschema").validate(found, schema)
    check(found, schema, "document")


TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None), "number": (int, float)}


def check(value: Any, schema: dict[str, Any], where: str) -> None:
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    fits = [
        type(value) is int
        if kind == "integer"
        else isinstance(value, TYPES[kind]) and (kind == "boolean") == (type(value) is bool)
        for kind in kinds
    ]
    assert any(fits), f"{where} is {value!r}, not {kinds}"
    assert value in schema.get("enum", [value]), f"{where} is {value!r}"
    if isinstance(value, dict):
        properties, others = schema.get("properties", {}), schema["additionalProperties"]
        assert set(schema.get("required", ())) <= set(value), where
        for key, each in value.items():
            assert key in properties or others, f"{where}.{key} is not in the schema"
            check(each, properties.get(key, others), f"{where}.{key}")
    elif isinstance(value, list):
        assert schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)), where
        for number, each in enumerate(value):
            check(each, schema["items"], f"{where}[{number}]")
    elif isinstance(value, int) and not isinstance(value, bool):
        assert value >= schema.get("minimum", value), where


def test_the_schema_catches_what_it_should() -> None:
    schema = json.loads(SCHEMA.read_text())
    with pytest.raises(AssertionError):
        check({"schema": 1}, schema, "document")
    line = schema["properties"]["scores"]["additionalProperties"]
    with pytest.raises(AssertionError):
        check("0.5", line["properties"]["value"], "value")
    with pytest.raises(AssertionError):
        check(True, line["properties"]["n"], "n")


def test_identical_folders_score_as_they_must(tmp_path: Path, document: Run) -> None:
    truth = write(tmp_path / "truth", clips(3))
    found = document("--pred", truth, "--truth", truth)
    values = {name: line["value"] for name, line in found["scores"].items()}
    assert (values["ssim_rgb_u7"], values["ssim_gray_g11"]) == pytest.approx((1.0, 1.0), abs=1e-11)
    assert values["psnr"] == values["psnr_pooled"] == 100.0
    assert values["pixcorr"] == pytest.approx(1.0, abs=1e-12)
    assert values["epe"] == 0.0 and values["skill"] == 1.0 and values["flow_cosine"] == pytest.approx(1.0, abs=1e-5)
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in clips(3)["clip0"]]
    flows = [cv2.calcOpticalFlowFarneback(a, b, None, 0.5, 3, 15, 3, 5, 1.2, 0) for a, b in pairwise(grey)]
    speed = np.linalg.norm(np.stack(flows), axis=-1).mean()
    assert speed > 0.1 and found["scores"]["epe_static"]["per_clip"][0] == pytest.approx(speed, rel=1e-5)
    for name in ("ssim_excess", "pixcorr", "flow_cosine", "epe"):
        line = found["scores"][name]
        assert line["chance"] is not None and line["n"] == line["n_clusters"] == 3
        assert set(line["baselines"]) == {"grey", "blurred", "static_first", "truth_first", "mismatched"}
    assert found["scores"]["epe"]["baselines"]["static_first"] == pytest.approx(values["epe_static"])
    assert found["scores"]["epe"]["baselines"]["grey"] == pytest.approx(values["epe_static"])
    assert found["scores"]["pixcorr"]["baselines"]["grey"] is None, "a constant frame has no correlation"
    skipped = {each["metric"]: each for each in found["skipped"]}
    assert (
        "frame rate" in skipped["epe_normalised"]["status"] and "--fps-truth" in skipped.pop("epe_normalised")["next"]
    )
    every = lines_of(PROTOCOLS["strict"])
    raft = {name for name, each in every.items() if each.part == "raft"}
    assert set(skipped) == {name for name, each in every.items() if each.about.weights}
    assert all("frames of 64x64 are too small" in skipped[name]["status"] for name in raft if "epe" not in name)
    for name, repository in {
        "nway_2_video_g1": "MCG-NJU/videomae-base-finetuned-kinetics --revision 488eb9a0565f257b32866",
        "nway_50_frame_g3": "google/vit-base-patch16-224 --revision 3f49326",
        "clip_tc": "openai/clip-vit-base-patch32 --revision 3d74acf",
        "identification_clip": "openai/clip-vit-large-patch14 --revision 32bd642",
    }.items():
        assert skipped[name]["status"] == "skipped: weights missing"
        assert f"hf download {repository}" in skipped[name]["next"]
    assert skipped["lpips"]["status"] == "skipped: torchvision is not installed"
    assert "pip install" in skipped["lpips"]["next"]
    assert skipped["fvd"]["status"] == "skipped: features missing" and found["checkpoints"] == {}


def test_metrics_of_one_paper_stand_under_its_protocol_alone(tmp_path: Path, document: Run, brainflix: Run) -> None:
    truth = clips(3, n_frames=16)
    paths = ("--pred", write(tmp_path / "p", noisy(truth)), "--truth", write(tmp_path / "t", truth), *STEADY)
    paths = (*paths, "--permutations", "19")
    plain = document(*paths, "--protocol", "neurons", "--metrics", "ssim")["scores"]
    assert set(plain) == {"ssim_gray_g11"}
    wrong = document(*paths, "--protocol", "neurons", "--bug-compat", "--metrics", "ssim_gray_g11_columns")["scores"]
    line = wrong["ssim_gray_g11_columns"]
    assert line["value"] != pytest.approx(plain["ssim_gray_g11"]["value"], abs=1e-3) and line["p"] is None
    assert line["protocol"] == "neurons --bug-compat"
    found = document(*paths, "--protocol", "mindanimator", "--metrics", "hue_cos,angular_error,epe_normalised")[
        "scores"
    ]
    assert found["angular_error"]["baselines"]["static_first"] == pytest.approx(90.0)
    t, p = (resize(next(iter(made.values()))[:6], 512, 512) for made in (truth, noisy(truth)))
    assert found["hue_cos"]["per_clip"][0] == pytest.approx(float(hue_cos(t, p, "rgb").mean()))
    assert found["hue_cos"]["chance"] is not None and found["angular_error"]["p"] is not None
    said = brainflix("score", *paths, "--metrics", "hue_cos")
    assert said.code == 2 and "unknown metric 'hue_cos' under protocol strict" in said.err


def test_values_and_chance_are_those_of_the_definitions(tmp_path: Path, document: Run) -> None:
    truth = clips(3)
    pred = noisy(truth)
    arguments = ("--pred", write(tmp_path / "p", pred), "--truth", write(tmp_path / "t", truth))
    found = document(*arguments, "--metrics", "ssim_rgb_u7,ssim_excess,psnr")["scores"]
    t, p = (list(made.values()) for made in (truth, pred))

    def ssim(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.mean([structural_similarity(x, y, channel_axis=-1) for x, y in zip(a, b, strict=True)]))

    table = np.array([[ssim(p[i], t[j]) for j in range(3)] for i in range(3)])
    own = np.diagonal(table)
    mismatched = (table.sum(axis=1) - own) / 2
    assert found["ssim_rgb_u7"]["per_clip"] == pytest.approx(own, abs=1e-7)
    # Mismatched pairs are compared in 256 windows of each colour and frame.
    assert found["ssim_rgb_u7"]["chance"] == pytest.approx(mismatched.mean(), abs=3e-3)
    assert found["ssim_rgb_u7"]["baselines"]["mismatched"] == found["ssim_rgb_u7"]["chance"]
    assert found["ssim_excess"]["per_clip"] == pytest.approx(own - mismatched, abs=6e-3)
    assert found["ssim_excess"]["baselines"]["grey"] == pytest.approx(0.0, abs=3e-3)
    errors = [np.square(a.astype(float) - b).reshape(3, -1).mean(axis=1) for a, b in zip(p, t, strict=True)]
    assert found["psnr"]["per_clip"] == pytest.approx([np.mean(10 * np.log10(255**2 / e)) for e in errors])
    assert found["psnr_pooled"]["per_clip"] == pytest.approx([10 * np.log10(255**2 / e.mean()) for e in errors])
    assert found["psnr"]["sd_clips"] == pytest.approx(np.std(found["psnr"]["per_clip"], ddof=1))


def test_motion_is_tested_by_its_direction_in_time_and_among_clips_as_fast(tmp_path: Path, document: Run) -> None:
    wide = [
        gaussian_filter(np.random.default_rng(i).integers(0, 256, (70, 70, 3)).astype(float), (2, 2, 0))
        for i in range(8)
    ]
    wide = [np.clip((each - 128) * 6 + 128, 0, 255).astype(np.uint8) for each in wide]
    way = {f"c{i}": [(i % 3 + 1) * k for k in range(4)] for i in range(8)}
    truth = {name: np.stack([each[s : s + 48, 9:57] for s in way[name]]) for name, each in zip(way, wide, strict=True)}
    paths = ("--truth", write(tmp_path / "t", truth), *STEADY)
    asked = ("--metrics", "flow_cosine,flow_cosine_matched,reversal_gain,smoothness,motion_energy")
    found = document("--pred", write(tmp_path / "p", truth), *paths, *asked)
    scores = found["scores"]
    assert scores["reversal_gain"]["value"] > 0.5 and scores["reversal_gain"]["p"] == pytest.approx(1 / 2**8)
    assert scores["reversal_gain"]["chance_analytic"] == 0 and scores["reversal_gain"]["chance"] is None
    assert scores["flow_cosine_matched"]["value"] == scores["flow_cosine"]["value"]
    # Four speeds of two clips each: 16 permutations, of which one is the true one.
    assert scores["flow_cosine_matched"]["p"] == pytest.approx(1 / 16, abs=0.02)
    assert scores["smoothness"]["p"] < 0.1 and "no more" in scores["smoothness"]["about"]
    skipped = {each["metric"]: each["status"] for each in found["skipped"]}
    if importlib.util.find_spec("moten") is None:
        assert skipped == {"motion_energy": "skipped: pymoten missing"}
    backwards = {name: frames[::-1] for name, frames in truth.items()}
    found = document("--pred", write(tmp_path / "b", backwards), *paths, *asked, "--block", "2")
    assert found["scores"]["reversal_gain"]["value"] < -0.5 and found["scores"]["reversal_gain"]["p"] == 1.0
    matched = found["scores"]["flow_cosine_matched"]
    assert matched["chance"] is not None and matched["p"] is matched["p_min"] is None, "clips in blocks are not free"


def test_jointly_renamed_clips_change_no_number(tmp_path: Path, document: Run) -> None:
    truth = clips(5)
    pred = noisy(truth)
    names = dict(zip(truth, ["z", "m3", "m10", "a", "k"], strict=True))
    before = document("--pred", write(tmp_path / "p", pred), "--truth", write(tmp_path / "t", truth), *FAST)
    renamed = [{names[name]: frames for name, frames in made.items()} for made in (pred, truth)]
    after = document("--pred", write(tmp_path / "p2", renamed[0]), "--truth", write(tmp_path / "t2", renamed[1]), *FAST)
    assert after["clip_ids"] != before["clip_ids"]
    for name, line in before["scores"].items():
        other = after["scores"][name]
        for key in ("value", "chance", "p", "se", "sd_clips", "ci95"):
            assert other[key] == pytest.approx(line[key], rel=1e-9), (name, key)
        for baseline, value in line["baselines"].items():
            assert other["baselines"][baseline] == (value if value is None else pytest.approx(value, rel=1e-9))
        own = dict(zip((names[each] for each in before["clip_ids"]), line["per_clip"], strict=True))
        assert [own[each] for each in after["clip_ids"]] == pytest.approx(other["per_clip"])


def test_shuffled_predictions_fall_to_chance(tmp_path: Path, document: Run) -> None:
    truth = clips(6)
    pred = dict(zip(truth, [*list(noisy(truth).values())[1:], noisy(truth)["clip0"]], strict=True))
    arguments = ("--pred", write(tmp_path / "p", pred), "--truth", write(tmp_path / "t", truth), *FAST)
    line = document(*arguments)["scores"]["pixcorr"]
    assert line["p"] > 0.05 and line["value"] < 0.3
    matched = document("--pred", write(tmp_path / "m", noisy(truth)), *arguments[2:])["scores"]["pixcorr"]
    assert matched["p"] < 0.01 and matched["ci95"][0] > matched["chance"]


def test_every_lossless_format_scores_the_same(tmp_path: Path, document: Run) -> None:
    truth = clips(3, n_frames=4)
    reference = write(tmp_path / "npy-truth", truth)
    results = {}
    for kind in ("npy", "png", "zarr"):
        found = document("--pred", write(tmp_path / kind, noisy(truth), kind), "--truth", reference, *FAST)
        results[kind] = {name: line["value"] for name, line in found["scores"].items()}
    assert results["npy"] == results["png"] == results["zarr"]


@pytest.mark.parametrize(("kind", "codec"), [("gif", "gif"), ("mp4", "h264")])
def test_lossy_formats_agree_with_lossless_within_their_error(
    kind: str, codec: str, tmp_path: Path, document: Run
) -> None:
    truth = clips(3, n_frames=4)
    smooth = {name: (frames * 0.8 + 20).astype(np.uint8) for name, frames in truth.items()}
    shown = write(tmp_path / "truth", truth)
    lossless, lossy = write(tmp_path / "npy", smooth), write(tmp_path / kind, smooth, kind)

    def score(pred: str, against: str) -> tuple[np.ndarray, dict[str, Any]]:
        rates = [] if pred == lossy else ["--fps-pred", "4"]
        found = document("--pred", pred, "--truth", against, "--fps-truth", "4", *rates, "--metrics", "psnr")
        return 255 * 10 ** (-np.array(found["scores"]["psnr_pooled"]["per_clip"]) / 20), found

    (error, found), (direct, _), (through, _) = score(lossy, lossless), score(lossless, shown), score(lossy, shown)
    assert found["source_codec"] == {"truth": ["array"], "prediction": [codec]}
    # Root-mean-square errors are distances: no score can move by more than the palette or the codec moved pixels.
    assert (np.abs(through - direct) <= error + 1e-6).all()
    assert (error > 0).all() and (error < 0.8 * direct).all()


def test_the_truths_clock_decides(tmp_path: Path, document: Run) -> None:
    slow = clips(2, n_frames=4)
    fast = {name: np.repeat(frames, 2, axis=0) for name, frames in slow.items()}
    paths = ("--pred", write(tmp_path / "fast", fast), "--truth", write(tmp_path / "slow", slow))
    found = document(*paths, "--fps-pred", "8", "--fps-truth", "4", *FAST)
    assert found["protocol"]["n_frames"] == 4 and found["scores"]["psnr"]["value"] == 100.0


def grids(made: dict[str, np.ndarray], other: dict[str, np.ndarray], padding: int) -> dict[str, np.ndarray]:
    found = {}
    for name, left in made.items():
        n, height, width, _ = left.shape
        grid = np.zeros((n, height + 2 * padding, 2 * width + 3 * padding, 3), np.uint8)
        grid[:, padding : padding + height, padding : padding + width] = left
        grid[:, padding : padding + height, 2 * padding + width : 2 * (padding + width)] = other[name]
        found[name] = grid
    return found


def test_midpoint_split_differs_from_the_exact_crop(tmp_path: Path, document: Run) -> None:
    truth = clips(2, n_frames=6, size=128)
    pred = noisy(truth)
    both = write(tmp_path / "grid", grids(truth, pred, 2))
    side = ("--layout", "side-by-side", "--protocol", "mindvideo", "--fps-pred", "3", "--fps-truth", "3", *FAST)
    exact = document("--pred", both, "--padding", "2", *side)
    separate = document(
        "--pred", write(tmp_path / "p", pred), "--truth", write(tmp_path / "t", truth), "--protocol", "mindvideo", *FAST
    )
    halves = document("--pred", both, "--bug-compat", *side)
    for name in ("psnr", "pixcorr"):
        assert exact["scores"][name]["per_clip"] == separate["scores"][name]["per_clip"]
        assert abs(halves["scores"][name]["value"] - exact["scores"][name]["value"]) > 0.001
    assert exact["truth"]["source"] is None and exact["protocol"]["bug_compat"] is None
    assert (
        "middle" in halves["protocol"]["bug_compat"]
        and halves["scores"]["psnr"]["protocol"] == "mindvideo --bug-compat"
    )


def test_nway_from_logits(tmp_path: Path, document: Run) -> None:
    truth = clips(4)
    paths = ("--pred", write(tmp_path / "p", truth), "--truth", write(tmp_path / "t", truth))
    rng = np.random.default_rng(0)
    scores = rng.standard_normal((4, 20))
    np.savez(tmp_path / "truth.npz", scores)
    # Rows in another order, named: the same numbers must come out.
    np.savez(tmp_path / "pred.npz", logits=scores[[2, 0, 3, 1]], ids=["clip2", "clip0", "clip3", "clip1"])
    logits = ("--logits-truth", str(tmp_path / "truth.npz"), "--logits-pred", str(tmp_path / "pred.npz"))
    found = document(*paths, *logits, "--metrics", "nway")
    assert set(found["scores"]) == {"nway_2_video_g1", "nway_2_video_g3"}
    for g in (1, 3):
        line = found["scores"][f"nway_2_video_g{g}"]
        assert line["value"] == 1.0 and line["chance_analytic"] == pytest.approx(chance(2, 1, g))
    rows = [(np.argsort(scores[j])[-1], scores[i]) for i in range(4) for j in range(4) if i != j]
    by_hand = np.mean([1 - np.count_nonzero(row > row[best]) / 19 for best, row in rows])
    assert found["scores"]["nway_2_video_g1"]["chance"] == pytest.approx(by_hand)
    assert set(found["curves"]) == {"nway_video_g1", "nway_video_g3"}
    curve = found["curves"]["nway_video_g1"]
    assert (curve["n"][0], curve["n"][-1]) == (2, 20) and curve["accuracy"][0] == 1.0
    assert curve["chance"] == pytest.approx([1 / n for n in curve["n"]]) and curve["area"] == 1.0
    few = [each["metric"] for each in found["skipped"] if "20 classes are too few" in each["status"]]
    assert few == ["nway_50_video_g1", "nway_50_video_g3"]
    others = [each for each in found["skipped"] if each["metric"] not in few]
    assert others and all("_16f" in each["metric"] or "_frame_" in each["metric"] for each in others)


def test_people_get_a_table_and_out_a_file(tmp_path: Path, brainflix: Run) -> None:
    truth = write(tmp_path / "t", clips(2))
    out = tmp_path / "made" / "scores.json"
    said = brainflix("score", "--pred", truth, "--truth", truth, "--metrics", "pixcorr,nway", "--out", str(out))
    assert said.code == 0
    assert said.lines[0] == "2 clips, protocol strict, 3 frames of 64x64"
    assert any(line.startswith("pixcorr") and "1.000" in line for line in said.lines)
    assert "skipped: weights missing" in said.out and "note: " in said.err
    validate(json.loads(out.read_text()))


def test_one_clip_and_one_frame_are_scored_as_far_as_they_can_be(tmp_path: Path, document: Run) -> None:
    truth = write(tmp_path / "t", {"a": clips(1)["clip0"][:1]})
    found = document("--pred", truth, "--truth", truth)
    assert found["scores"]["psnr"]["value"] == 100.0 and found["scores"]["psnr"]["p"] is None
    why = {each["metric"]: each["status"] for each in found["skipped"]}
    assert "no motion" in why["epe"] and "permuted" in why["ssim_excess"]


def test_blocks_are_the_clusters_and_the_film_is_rotated_as_one(tmp_path: Path, document: Run) -> None:
    truth = clips(6)
    paths = ("--pred", write(tmp_path / "p", noisy(truth)), "--truth", write(tmp_path / "t", truth), *FAST)
    line = document(*paths, "--block", "2")["scores"]["psnr"]
    # All rotations of 6 clips, their own place among them; blocks of 2 are neighbours.
    assert (line["n_clusters"], line["ci_method"]) == (3, "t-neighbours")
    assert line["p"] == line["p_min"] == pytest.approx(1 / 6) and line["n_group"] == 6
    assert line["notes"] == ["few blocks", "cannot reach 0.05"]
    wide = document(*paths, "--block", "4")
    line = wide["scores"]["psnr"]
    assert (line["p"], line["n_group"], line["chance"]) == (pytest.approx(1 / 6), 6, None)
    assert (line["ci95"], line["ci_method"], line["n_clusters"]) == ([None, None], "none", 2)
    assert any("chance cannot be measured" in note for note in wide["notes"])
    assert any("6 ways only" in note for note in wide["notes"])


GOOD = clips(2, n_frames=4)
STEADY = ("--fps-pred", "4", "--fps-truth", "4")
BAD: dict[str, tuple[dict[str, np.ndarray], tuple[str, ...], str]] = {
    "other clips": ({**GOOD, "extra": GOOD["clip0"]}, (), "the truth lacks extra"),
    "fewer clips": ({"clip0": GOOD["clip0"]}, (), "the prediction lacks clip1"),
    "short": (
        {k: v[:3] for k, v in GOOD.items()},
        (*STEADY, "--protocol", "mindanimator"),
        "3 frames.*needs 8|needs 8",
    ),
    "ends early": ({k: v[:2] for k, v in GOOD.items()}, STEADY, "shorter than the truth"),
    "no rate": ({k: v[:3] for k, v in GOOD.items()}, (), "rate of the truth and the prediction is unknown"),
    "other rate": (GOOD, ("--fps-pred", "8", "--fps-truth", "3", "--protocol", "mindvideo"), "needs 6"),
    "nan": ({**GOOD, "clip1": np.full((4, 64, 64, 3), np.nan)}, (), "clip1.*NaN"),
    "shape": ({**GOOD, "clip1": np.zeros((4, 3, 64, 64), np.uint8)}, (), "clip1.*channels last"),
    "ranges": ({"clip0": GOOD["clip0"] / 255.0, "clip1": GOOD["clip1"] * 1.0}, (), "two ranges"),
}


@pytest.mark.parametrize("case", BAD)
def test_unusable_clips_are_one_sentence_and_exit_code_3(case: str, tmp_path: Path, brainflix: Run) -> None:
    pred, flags, words = BAD[case]
    said = brainflix("score", "--pred", write(tmp_path / "p", pred), "--truth", write(tmp_path / "t", GOOD), *flags)
    assert said.code == 3 and said.out == "" and "Traceback" not in said.err
    assert re.search(words, said.err), said.err


def test_damaged_files_are_exit_code_4_and_empty_folders_3(tmp_path: Path, brainflix: Run) -> None:
    truth = write(tmp_path / "t", GOOD)
    for name, content in (("clip0.npy", b""), ("clip1.npy", b"text")):
        broken = Path(write(tmp_path / name, GOOD)) / name
        broken.write_bytes(content)
        said = brainflix("score", "--pred", str(broken.parent), "--truth", truth)
        assert said.code == 4 and f"cannot read {name}" in said.err and "Next:" in said.err
    (tmp_path / "empty").mkdir()
    assert "no clips" in brainflix("score", "--pred", str(tmp_path / "empty"), "--truth", truth).err
    said = brainflix("score", "--pred", str(tmp_path / "nothing"), "--truth", truth)
    assert said.code == 3 and "no folder" in said.err
    uneven = {"clip0": GOOD["clip0"], "clip1": GOOD["clip1"][:3]}
    said = brainflix("score", "--pred", write(tmp_path / "u", uneven), "--truth", str(tmp_path / "u"))
    assert said.code == 3 and "clip1 has 3 frames to compare" in said.err


USAGE = {
    "--protocol mindvidoe": "did you mean 'mindvideo'",
    "--metrics pixcor": "did you mean 'pixcorr'",
    "--metrics ssim_gray_g11 --protocol glfa": "under protocol glfa",
    "--bug-compat": "changes nothing under protocol strict",
    "--layout side-by-side": "--truth is for",
    "--padding 2": "--padding is for",
    "--logits-truth x.npz": "both sides",
    "--features-pred x.npz": "both sides",
    "--checkpoint vti=demo/clip": "did you mean 'vit'",
    "--checkpoint vit=org/model": "vit=org/model@COMMIT",
    "--metrics clip_tc_gated": "under protocol strict",
    "--fps-pred 0": "frame rate of 0",
    "--layout diagonal": "diagonal",
}


@pytest.mark.parametrize("flags", USAGE)
def test_requests_that_make_no_sense_are_exit_code_2(flags: str, tmp_path: Path, brainflix: Run) -> None:
    truth = write(tmp_path / "t", GOOD)
    said = brainflix("score", "--pred", truth, "--truth", truth, *flags.split())
    assert said.code == 2 and USAGE[flags] in said.err, said.err


def test_side_by_side_needs_its_padding_and_paired_its_truth(tmp_path: Path, brainflix: Run) -> None:
    folder = write(tmp_path / "t", GOOD)
    said = brainflix("score", "--pred", folder, "--layout", "side-by-side")
    assert said.code == 2 and "need --padding" in said.err
    said = brainflix("score", "--pred", folder)
    assert said.code == 2 and "--truth" in said.err
    said = brainflix("score", "--pred", folder, "--layout", "side-by-side", "--padding", "1")
    assert said.code == 3 and "clip clip0: frames of 64x64 are no two tiles" in said.err


def test_the_former_name_of_permutations_is_read_and_the_new_one_said(tmp_path: Path, brainflix: Run) -> None:
    truth = write(tmp_path / "t", clips(3))
    paths = ("score", "--pred", truth, "--truth", truth, "--metrics", "pixcorr", "--json")
    said, plain = (brainflix(*paths, flag, "19") for flag in ("--repairings", "--permutations"))
    assert "--repairings is now --permutations" in said.err and "is now" not in plain.err
    assert json.loads(said.out)["scores"] == json.loads(plain.out)["scores"]
    assert json.loads(said.out)["permutations"]["most"] == 19
    assert brainflix(*paths, "--repairings", "19", "--permutations", "19").code == 2
