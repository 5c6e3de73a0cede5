"""`brainflix score` with networks: small random twins of the real classes, given in place of their checkpoints."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from test_cli_score import clips, noisy, validate, write
from transformers import AutoImageProcessor, CLIPModel, VideoMAEForVideoClassification, ViTForImageClassification

from brainflix.evaluate import fvd, nway
from brainflix.evaluate.baselines import blurred
from brainflix.evaluate.metric_params import nway_name
from brainflix.io.weights import folder_digest
from tests.evaluate import fake_vision
from tests.evaluate import tiny_networks as tiny

pytestmark = pytest.mark.usefixtures("no_weights")
N, FRAMES = 4, 5
Document = dict[str, Any]
Score = Callable[..., Document]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Two folders of clips, and a twin of each checkpoint."""
    root = tmp_path_factory.mktemp("models")
    truth = clips(N, FRAMES)
    made = {"truth": write(root / "truth", truth), "pred": write(root / "pred", noisy(truth, 60.0))}
    # RAFT takes no smaller ones.
    wide = clips(N, FRAMES, 128)
    made |= {"wide truth": write(root / "wt", wide), "wide pred": write(root / "wp", noisy(wide, 60.0))}
    for key, seed in {"clip_b32": 2, "clip_l14": 3, "vifi": 4}.items():
        made[key] = str(tiny.save_clip(root / key, seed))
    made["vit"], made["videomae"] = str(tiny.save_vit(root / "vit")), str(tiny.save_videomae(root / "videomae"))
    return made


@pytest.fixture
def score(brainflix: Callable[..., Any], folders: dict[str, str]) -> Score:
    """Score the folders under flags with the twins of some checkpoints, and hold the document to the schema."""

    def run(
        metrics: str, *keys: str, flags: tuple[str, ...] = (), sides: tuple[str, str] = ("pred", "truth")
    ) -> Document:
        given = [flag for key in keys for flag in ("--checkpoint", f"{key}={folders[key]}")]
        paths = ("--pred", folders[sides[0]], "--truth", folders[sides[1]])
        said = brainflix("score", "--json", *paths, "--metrics", metrics, *given, *flags)
        assert said.code == 0, said.err
        found: Document = json.loads(said.out)
        validate(found)
        return found

    return run


def videos(folders: dict[str, str], side: str) -> np.ndarray:
    """Return the clips as `strict` compares them: small ones at their own size."""
    return np.stack([np.load(f"{folders[side]}/clip{i}.npy") for i in range(N)])


@torch.inference_mode()
def direct(folders: dict[str, str], key: str, shown: np.ndarray) -> np.ndarray:
    """Return what a direct call of transformers says of the frames, or of the clips for the video classifier."""
    folder = folders[key]
    if key == "videomae":
        usable = FRAMES - FRAMES % 2
        model = VideoMAEForVideoClassification.from_pretrained(folder, num_frames=usable).eval()
        processor = AutoImageProcessor.from_pretrained(folder, backend="pil")
        pixels = [processor(list(clip[:usable]), return_tensors="pt")["pixel_values"] for clip in shown]
        return np.concatenate([model(each).logits.numpy() for each in pixels])
    pixels = AutoImageProcessor.from_pretrained(folder, backend="pil")(
        list(shown.reshape(-1, *shown.shape[2:])), return_tensors="pt"
    )["pixel_values"]
    if key == "vit":
        values = ViTForImageClassification.from_pretrained(folder).eval()(pixels).logits
    else:
        values = CLIPModel.from_pretrained(folder).eval().get_image_features(pixel_values=pixels)
        values = values if isinstance(values, torch.Tensor) else values.pooler_output
    return values.numpy().reshape(N, FRAMES, -1)


@pytest.mark.parametrize(("level", "key"), [("video", "videomae"), ("frame", "vit")])
def test_nway_is_that_of_a_direct_call(score: Score, folders: dict[str, str], level: str, key: str) -> None:
    found = score("nway", key)
    truth, prediction, blur = (
        direct(folders, key, shown)
        for shown in (videos(folders, "truth"), videos(folders, "pred"), blurred(videos(folders, "pred")))
    )
    for n in (2, 50):
        for g in (1, 3):
            line, classes = found["scores"][f"nway_{n}_{level}_g{g}"], nway.truth_classes(truth, g)
            matrix = nway.accuracy_matrix(prediction, classes, n)
            assert line["per_clip"] == pytest.approx(np.diagonal(matrix), abs=1e-9)
            assert line["chance"] == pytest.approx(matrix[~np.eye(N, dtype=bool)].mean())
            assert line["chance_analytic"] == pytest.approx(g / (g + n - 1)) and line["p"] is not None
            expected = nway.accuracy(nway.count(blur, classes), n).mean()
            assert line["baselines"]["blurred"] == pytest.approx(expected)
            assert set(line["baselines"]) == {"grey", "blurred", "static_first", "truth_first", "mismatched"}
            assert line["primary"] == (level == "video" and g == 1)
    assert found["checkpoints"] == {key: {"source": folders[key], "revision": folder_digest(Path(folders[key]))}}
    left = {each["metric"] for each in found["skipped"]}
    other = ("frame",) if level == "video" else ("video", "video_16f")
    assert left == {nway_name(n, each, g) for each in other for n in (2, 50) for g in (1, 3)}


def test_the_16_frame_variant_is_under_strict_alone(score: Score) -> None:
    assert "nway_50_video_g1_16f" in score("nway", "videomae")["scores"]
    found = score(
        "nway", "videomae", "vit", flags=("--protocol", "brainnetflix", "--fps-pred", "4", "--fps-truth", "4")
    )
    assert set(found["scores"]) == {f"nway_{n}_{level}_g3" for n in (2, 50) for level in ("video", "frame")}


def cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)


def test_clip_scores_are_those_of_a_direct_call(score: Score, folders: dict[str, str]) -> None:
    keys = ("clip_b32", "clip_l14", "vifi")
    found = score("clip_score,clip_tc,clip_tc_all,vifi,identification_clip", *keys)
    assert found["skipped"] == [] and set(found["checkpoints"]) == set(keys)
    lines = found["scores"]
    for key in keys:
        truth, prediction = (direct(folders, key, videos(folders, side)) for side in ("truth", "pred"))
        pooled = "vifi" if key == "vifi" else f"clip_score_video_{key[5:]}"
        assert lines[pooled]["per_clip"] == pytest.approx(cosines(truth.mean(1), prediction.mean(1)), abs=1e-5)
        if key != "vifi":
            frame = cosines(truth, prediction).mean(axis=1)
            assert lines[f"clip_score_{key[5:]}"]["per_clip"] == pytest.approx(frame, abs=1e-5)
    truth, prediction = (direct(folders, "clip_b32", videos(folders, side)) for side in ("truth", "pred"))
    own, theirs = (cosines(each[:, 1:], each[:, :-1]).mean(axis=1) for each in (prediction, truth))
    assert lines["clip_tc"]["per_clip"] == pytest.approx(own, abs=1e-5)
    assert lines["clip_tc_truth"]["per_clip"] == pytest.approx(theirs, abs=1e-5)
    assert lines["clip_tc_difference"]["per_clip"] == pytest.approx(np.abs(own - theirs), abs=1e-5)
    for still in ("grey", "static_first", "truth_first"):
        assert lines["clip_tc"]["baselines"][still] == pytest.approx(1.0, abs=1e-5)
        assert lines["clip_tc_all"]["baselines"][still] == pytest.approx(1.0, abs=1e-5)
    assert lines["identification_clip"]["chance_analytic"] == 0.5


def test_the_gate_is_under_mindanimator_and_needs_its_checkpoint(
    brainflix: Callable[..., Any], folders: dict[str, str], tmp_path: Path
) -> None:
    truth = write(tmp_path / "t", clips(3, 8))
    flags = ("--pred", truth, "--truth", truth, "--protocol", "mindanimator", "--metrics", "clip_tc_gated", "--json")
    b32, vifi = (("--checkpoint", f"{key}={folders[key]}") for key in ("clip_b32", "vifi"))
    without = json.loads(brainflix("score", *flags, *b32).out)
    assert without["scores"] == {} and "vifi=FOLDER" in without["skipped"][0]["next"]
    line = json.loads(brainflix("score", *flags, *b32, *vifi).out)["scores"]["clip_tc_gated"]
    # Equal clips open the gate, so that nothing is set to 0.
    assert min(line["per_clip"]) > 0.5


def test_a_second_run_asks_no_network_and_says_the_same(
    score: Score, folders: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = ("--cache", str(tmp_path / "kept"))
    first = score("nway,clip_tc", "vit", "clip_b32", flags=flags)
    assert len(list((tmp_path / "kept").rglob("*.npz"))) > 2 * N

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a network was loaded")

    monkeypatch.setattr("brainflix.evaluate.networks.images.load_whole", refuse)
    assert score("nway,clip_tc", "vit", "clip_b32", flags=flags) == first
    with pytest.raises(AssertionError):
        score("nway,clip_tc", "vit", "clip_b32", flags=("--cache", str(tmp_path / "other")))


def test_batches_change_nothing(score: Score, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    first = score("nway,clip_score_b32", "vit", "clip_b32")["scores"]
    monkeypatch.setenv("BRAINFLIX_CLIPS_PER_BATCH", "1")
    monkeypatch.setattr("brainflix.evaluate.networks.images.FRAMES_PER_BATCH", 3)
    second = score("nway,clip_score_b32", "vit", "clip_b32", flags=("--cache", str(tmp_path / "other")))["scores"]
    for name, line in first.items():
        assert second[name]["per_clip"] == pytest.approx(line["per_clip"], abs=1e-5)


def test_jointly_renamed_clips_change_no_number(
    brainflix: Callable[..., Any], folders: dict[str, str], tmp_path: Path
) -> None:
    names = ["z", "m3", "a", "k"]
    for side in ("truth", "pred"):
        made = {names[i]: np.load(f"{folders[side]}/clip{i}.npy") for i in range(N)}
        write(tmp_path / side, made)

    def lines(root: Path) -> Document:
        checkpoints = (f"--checkpoint={key}={folders[key]}" for key in ("vit", "clip_b32", "clip_l14"))
        wanted = "nway_2_frame_g1,clip_score_b32,identification_clip,clip_tc"
        paths = ("--pred", str(root / "pred"), "--truth", str(root / "truth"))
        found: Document = json.loads(brainflix("score", "--json", *paths, "--metrics", wanted, *checkpoints).out)
        return found["scores"]

    before, after = lines(Path(folders["truth"]).parent), lines(tmp_path)
    for name, line in before.items():
        for key in ("value", "chance", "p", "se"):
            assert after[name][key] == (line[key] if line[key] is None else pytest.approx(line[key], rel=1e-5))
        own = dict(zip(names, line["per_clip"], strict=True))
        assert [own[each] for each in sorted(names)] == pytest.approx(after[name]["per_clip"], rel=1e-5)


def test_blocks_add_identification_among_other_blocks(score: Score) -> None:
    found = score("identification_clip,vifi", "clip_l14", "vifi", flags=("--block", "2"))
    assert list(found["scores"]) == ["vifi", "identification_clip", "identification_clip_across_blocks"]
    line = found["scores"]["identification_clip_across_blocks"]
    assert line["n"] == N and line["chance"] is None and set(np.array(line["per_clip"]) * 2 * FRAMES % 1) == {0.0}


def test_the_shipped_classifier_can_stand_in(score: Score) -> None:
    found = score("nway_2_video_g1", flags=("--checkpoint", "videomae=demo/video-classifier"))
    assert found["checkpoints"]["videomae"]["source"] == "demo/video-classifier"
    assert found["scores"]["nway_2_video_g1"]["n"] == N


def test_frames_class_scores_from_files(score: Score, tmp_path: Path) -> None:
    truth, pred = np.random.default_rng(0).standard_normal((2, N, 3, 60))
    np.savez(tmp_path / "t.npz", truth)
    np.savez(tmp_path / "p.npz", pred)
    files = ("--logits-truth", str(tmp_path / "t.npz"), "--logits-pred", str(tmp_path / "p.npz"))
    found = score("nway", flags=files)
    assert set(found["scores"]) == {f"nway_{n}_frame_g{g}" for n in (2, 50) for g in (1, 3)}
    matrix = nway.accuracy_matrix(pred, nway.truth_classes(truth, 3), 50)
    assert found["scores"]["nway_50_frame_g3"]["per_clip"] == pytest.approx(np.diagonal(matrix))
    assert found["scores"]["nway_50_frame_g3"]["baselines"].keys() == {"mismatched"}


def test_distances_of_sets_from_files(score: Score, tmp_path: Path) -> None:
    truth, pred = np.random.default_rng(0).standard_normal((2, N, 3))
    np.savez(tmp_path / "t.npz", truth)
    np.savez(tmp_path / "p.npz", features=pred[[1, 0, 3, 2]], ids=["clip1", "clip0", "clip3", "clip2"])
    files = ("--features-truth", str(tmp_path / "t.npz"), "--features-pred", str(tmp_path / "p.npz"))
    found = score("fvd,kvd", flags=files)
    lines = found["scores"]
    assert lines["fvd"]["value"] == pytest.approx(fvd.frechet_distance(truth, pred).value)
    assert lines["kvd"]["value"] == pytest.approx(fvd.kernel_distance(truth, pred).value)
    assert lines["fvd"]["per_clip"] == [None] * N and lines["fvd"]["ci95"] == [None, None] and not found["skipped"]
    assert "says nothing of decoding" in lines["fvd"]["about"] and not lines["fvd"]["primary"]


def test_torchvisions_metrics_where_it_is(
    score: Score, folders: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_vision.install(monkeypatch, tmp_path / "hub")
    wanted = "identification_alex2,identification_alex5,identification_inception,effnet_distance,lpips"
    rates = ("--fps-truth", "4", "--fps-pred", "4")
    found = score(f"{wanted},epe_raft,flow_cosine_raft", flags=rates, sides=("wide pred", "wide truth"))
    assert found["skipped"] == []
    assert set(found["scores"]) == {*wanted.split(","), "epe_raft", "epe_raft_static", "skill_raft", "flow_cosine_raft"}
    assert found["checkpoints"]["effnet"] == {
        "source": "torchvision EfficientNet_B1_Weights.IMAGENET1K_V2",
        "revision": "e2.pth",
    }
    truth, pred = (videos(folders, side).astype(float) for side in ("wide truth", "wide pred"))
    lpips = np.abs(truth - pred).mean(axis=(1, 2, 3, 4)) / 127.5
    assert found["scores"]["lpips"]["per_clip"] == pytest.approx(lpips, rel=1e-4)
    epe, static = found["scores"]["epe_raft"], found["scores"]["epe_raft_static"]
    assert epe["unit"] == "diagonals/s" and epe["baselines"]["grey"] == pytest.approx(static["value"])
    assert found["scores"]["identification_alex5"]["n"] == N


def test_raft_in_seconds_needs_a_frame_rate(score: Score, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_vision.install(monkeypatch, tmp_path / "hub")
    found = score("epe_raft", sides=("wide pred", "wide truth"))
    assert set(found["scores"]) == {"skill_raft"}
    assert {each["status"] for each in found["skipped"]} == {"skipped: the frame rate is unknown"}


def test_clips_of_one_frame_are_scored_as_far_as_they_can_be(
    brainflix: Callable[..., Any], folders: dict[str, str], tmp_path: Path
) -> None:
    truth = write(tmp_path / "t", {"a": clips(1)["clip0"][:1]})
    keys = (f"--checkpoint={key}={folders[key]}" for key in ("videomae", "vit", "clip_b32", "clip_l14", "vifi"))
    wanted = "nway,clip_score,clip_tc,identification_clip,vifi"
    said = brainflix("score", "--json", "--pred", truth, "--truth", truth, "--metrics", wanted, *keys)
    found = json.loads(said.out)
    why = {each["metric"]: each["status"] for each in found["skipped"]}
    assert "no motion" in why["nway_2_video_g1"] and "no motion" in why["clip_tc"]
    assert "cannot be told from others" in why["identification_clip"]
    assert found["scores"]["nway_2_frame_g1"]["value"] == 1.0 and found["scores"]["nway_2_frame_g1"]["p"] is None
    assert found["scores"]["vifi"]["value"] == pytest.approx(1.0) and "nway_2_video_g1_16f" in found["scores"]


def test_a_broken_checkpoint_is_one_sentence(
    brainflix: Callable[..., Any], folders: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    paths = ("--pred", folders["pred"], "--truth", folders["truth"], "--metrics", "nway")
    said = brainflix("score", *paths, "--checkpoint", f"vit={tmp_path / 'empty'}")
    assert said.code == 3 and "holds no AutoModelForImageClassification" in said.err and "Traceback" not in said.err
