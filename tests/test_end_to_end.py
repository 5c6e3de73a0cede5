"""The tiny recipe through the command line: stages, document, cache, damage found, verbs chained by refs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from brainflix.io.frames import resize
from brainflix.store.schema import Predictions, Targets, Videos
from brainflix.store.store import Store

# Planted in every process of this file, and looked for in all that it writes.
TOKEN = "hf_planted0token0of0a0whole0run"
TINY = str(Path(__file__).parent / "recipes" / "tiny.yaml")


def brainflix(*arguments: str, ok: bool = True) -> subprocess.CompletedProcess[str]:
    """Run the command line in its own process."""
    done = subprocess.run(
        [sys.executable, "-m", "brainflix", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "HF_TOKEN": TOKEN, "BRAINFLIX_TOKEN": TOKEN},
    )
    assert TOKEN not in done.stdout + done.stderr
    assert (done.returncode == 0) == ok, done.stderr
    return done


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    store = tmp_path_factory.mktemp("end") / "store"
    return store, json.loads(brainflix("run", TINY, "--store", str(store), "--json").stdout)


def test_the_document_has_the_promised_shape(run: tuple[Path, dict]) -> None:
    store, document = run
    assert set(document) == {"recipe", "store", "stages", "scores"}
    assert document["recipe"] == "tiny" and document["store"] == str(store)
    for stage in document["stages"]:
        assert {"stage", "subject", "status", "ref", "seconds"} <= set(stage)
        assert stage["status"] == "ran" and Store(store).has(Store(store).resolve(stage["ref"]))
    scores = document["scores"]["1"]
    assert {"nway_2_video_g1", "nway_10_video_g1", "ssim_excess", "pixcorr", "flow_cosine", "identification_z"} <= set(
        scores
    )
    for score in scores.values():
        assert {"value", "chance", "chance_from", "ci95", "p", "p_min", "n_group", "n"} <= set(score) and score[
            "n"
        ] == 8
        assert score["p"] is None or 0 < score["p"] <= 1


def test_no_file_of_a_run_holds_the_token(run: tuple[Path, dict]) -> None:
    """Manifests, arrays, models, the report: everything below the store."""
    store, _ = run
    files = [path for path in store.rglob("*") if path.is_file()]
    assert len(files) > 50 and any(path.suffix == ".html" for path in files)
    assert not [path for path in files if TOKEN.encode() in path.read_bytes()]


def test_a_second_run_does_nothing_and_says_so(run: tuple[Path, dict]) -> None:
    store, first = run
    again = json.loads(brainflix("run", TINY, "--store", str(store), "--json").stdout)
    assert {stage["status"] for stage in again["stages"]} == {"cached"}
    assert [s["ref"] for s in again["stages"]] == [s["ref"] for s in first["stages"]]
    assert again["scores"] == first["scores"]
    assert "nothing was done" in brainflix("run", TINY, "--store", str(store)).stderr


def test_videos_predictions_and_targets_speak_of_the_same_clips(run: tuple[Path, dict]) -> None:
    store = Store(run[0])
    videos = Videos.load(store.open("videos/demo-sub-1"))
    predictions = Predictions.load(store.open("predictions/demo-sub-1-z"))
    targets = Targets.load(store.open("targets/demo-z"))
    test_ids = tuple(targets.clips.ids[i] for i in targets.clips.of("test"))
    assert videos.clip_ids == predictions.clip_ids == test_ids
    assert videos.frames.shape == (8, 8, 64, 64, 3) and predictions.values.shape[1:] == targets.values.shape[1:]
    assert str(store.resolve("targets/demo-z")) == predictions.truth


def test_the_report_is_one_page_that_calls_itself_simulated(run: tuple[Path, dict], tmp_path: Path) -> None:
    brainflix("report", TINY, "--store", str(run[0]), "--out", str(tmp_path / "page.html"))
    page = (tmp_path / "page.html").read_text()
    assert "Simulated data" in page and "data:video/mp4;base64," in page and "http://" not in page


def test_a_papers_protocol_is_scored_reported_and_cached(run: tuple[Path, dict], tmp_path: Path) -> None:
    store = tmp_path / "store"
    shutil.copytree(run[0], store)
    inputs = "inputs: {videos: reconstruct, truth: targets.frames}"
    part = f"evaluate={{part: mindvideo, metrics: [psnr, ssim, pixcorr, vifi], block_s: 8, permutations: 99, {inputs}}}"
    command = ["run", TINY, "--store", str(store), "--set", part, "--json"]
    document = json.loads(brainflix(*command).stdout)
    ran = {stage["stage"]: stage["status"] for stage in document["stages"] if stage["status"] == "ran"}
    assert set(ran) == {"evaluate", "report"}
    scores = document["scores"]["1"]
    assert set(scores) == {"psnr", "psnr_pooled", "ssim_rgb_u7", "pixcorr"}
    # The first 6 of 8 frames, enlarged as the protocol compares them.
    videos, truth = (Videos.load(Store(store).open(ref)) for ref in ("videos/demo-sub-1", "targets/demo-frames"))
    rows = [truth.clip_ids.index(name) for name in videos.clip_ids]
    pairs = [
        np.corrcoef(resize(truth.frames[row][[i]], 256, 256).ravel(), resize(clip[[i]], 256, 256).ravel())[0, 1]
        for row, clip in zip(rows, videos.frames, strict=True)
        for i in range(6)
    ]
    assert scores["pixcorr"]["value"] == pytest.approx(np.mean(pairs), abs=1e-6)
    page = (Store(store).open(next(s["ref"] for s in document["stages"] if s["stage"] == "report")).path).rglob(
        "*.html"
    )
    text = next(page).read_text()
    assert "mindvideo" in text and "Not scored" in text and "weights missing" in text
    assert {stage["status"] for stage in json.loads(brainflix(*command).stdout)["stages"]} == {"cached"}


def test_batch_size_and_order_do_not_change_a_key_or_a_clip(run: tuple[Path, dict], tmp_path: Path) -> None:
    store = tmp_path / "store"
    shutil.copytree(run[0], store)
    before = Videos.load(Store(store).open("videos/demo-sub-1"))
    shutil.rmtree(store / "videos")
    env = {**os.environ, "BRAINFLIX_CLIPS_PER_BATCH": "3"}
    command = [sys.executable, "-m", "brainflix", "reconstruct", TINY, "--store", str(store), "-q"]
    ref = subprocess.run(command, capture_output=True, text=True, env=env, check=True).stdout.strip()
    after = Videos.load(Store(store).open(ref))
    assert ref in {stage["ref"] for stage in run[1]["stages"]}
    # Kernels round differently for other batch shapes; a pixel may move by one level.
    assert np.abs(before.frames.astype(int) - after.frames.astype(int)).max() <= 1


def test_verbs_chain_by_refs(run: tuple[Path, dict]) -> None:
    where = ["--store", str(run[0]), "-q"]
    bold = brainflix("preprocess", TINY, "--subject", "1", *where).stdout.strip()
    aligned = brainflix("align", TINY, "--input", f"bold={bold}", "--input", f"group={bold}", *where).stdout.strip()
    assert bold.startswith("bold/demo-sub-1@") and aligned.startswith("aligned/demo-sub-1@")
    assert brainflix("store", "verify", aligned, "--store", str(run[0])).returncode == 0


def test_damage_is_found_and_never_read_as_data(run: tuple[Path, dict], tmp_path: Path) -> None:
    store = tmp_path / "store"
    shutil.copytree(run[0], store)
    folder = Store(store).path(Store(store).resolve("bold/demo-sub-1"))
    chunk = max(folder.rglob("c/**/*"), key=lambda path: path.stat().st_size if path.is_file() else 0)
    data = bytearray(chunk.read_bytes())
    data[len(data) // 2] ^= 1
    chunk.write_bytes(bytes(data))
    assert brainflix("store", "verify", "bold/demo-sub-1", "--store", str(store), ok=False).returncode == 4
    chunk.unlink()
    again = brainflix("run", TINY, "--store", str(store), "--set", "align.part=procrustes", ok=False)
    assert again.returncode == 4 and "store verify" in again.stderr


def test_status_names_the_first_field_that_differs(run: tuple[Path, dict]) -> None:
    done = brainflix("status", TINY, "--store", str(run[0]), "--why", "--set", "preprocess.top_n=32", "--json")
    assert "top_n" in done.stdout
