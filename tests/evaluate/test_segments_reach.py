"""Segments decide chance, p and blocks wherever they are named: in the truth, in the prediction, beside grids."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from metric_clips import smooth_clips
from scipy import stats

from brainflix.errors import DataError, UsageError
from brainflix.evaluate.protocols import PROTOCOLS
from brainflix.evaluate.request import score_request
from tests.evaluate.score_calls import request

N = 24
FILM = {f"clip{i:02d}": (f"film{i // 12}", 4.0 * (i % 12)) for i in range(N)}
NAMES = tuple(FILM)
TRUTH = smooth_clips(N, 8, 16, 0)
PREDICTION = TRUTH // 2 + smooth_clips(N, 8, 16, 1) // 2
PLAN: dict[str, Any] = {"metrics": ("psnr",), "fps_pred": 4.0, "fps_truth": 4.0}


def save(folder: Path, clips: np.ndarray, *, table: bool, columns: str = "clip,segment,onset_s") -> Path:
    """Write clips as files, in a folder that says where they lie or does not."""
    folder.mkdir()
    for name, frames in zip(NAMES, clips, strict=True):
        np.save(folder / f"{name}.npy", frames)
    if table:
        rows = [f"{name},{segment},{onset}" for name, (segment, onset) in FILM.items()]
        (folder / "clips.csv").write_text("\n".join([columns, *rows]) + "\n")
    return folder


def facts(document: dict[str, Any]) -> tuple[Any, ...]:
    line = document["scores"]["psnr"]
    blocks = len(set(document["blocks"]))
    return line["n_group"], line["p"], line["p_min"], line["chance"], blocks, document["permutations"]["said"]


@pytest.mark.parametrize("protocol", [name for name in PROTOCOLS if name not in ("glfa", "neurons")])
def test_every_protocol_takes_the_segments_of_either_side(tmp_path: Path, protocol: str) -> None:
    bare, known = save(tmp_path / "t", TRUTH, table=False), save(tmp_path / "tt", TRUTH, table=True)
    prediction, with_table = (
        save(tmp_path / "p", PREDICTION, table=False),
        save(tmp_path / "pp", PREDICTION, table=True),
    )
    of_truth = score_request(request(prediction, known, protocol=protocol, **PLAN))
    of_prediction = score_request(request(with_table, bare, protocol=protocol, **PLAN))
    assert facts(of_truth) == facts(of_prediction)
    assert facts(of_truth)[:3] == (144, 1 / 144, 1 / 144) and facts(of_truth)[4] == 6
    assert "rotations within 2 segments" in facts(of_truth)[5]
    alone = score_request(request(prediction, bare, protocol=protocol, **PLAN))
    assert alone["permutations"]["said"] == "permutations of single clips" and len(set(alone["blocks"])) == N
    assert any("count as independent" in note for note in alone["notes"])
    assert not any("count as independent" in note for note in of_truth["notes"])
    with pytest.raises(UsageError, match="--block"):
        score_request(request(with_table, bare, protocol=protocol, block=2, **PLAN))


def test_grids_have_segments_too(tmp_path: Path) -> None:
    both = save(tmp_path / "both", np.concatenate([TRUTH, PREDICTION], axis=3), table=True)
    found = score_request(request(both, layout="side-by-side", padding_px=0, **PLAN))
    truth, prediction = save(tmp_path / "t", TRUTH, table=True), save(tmp_path / "p", PREDICTION, table=False)
    assert facts(found) == facts(score_request(request(prediction, truth, **PLAN)))


def test_films_of_one_clip_each_are_scored_without_an_error(tmp_path: Path) -> None:
    truth, prediction = save(tmp_path / "t", TRUTH, table=False), save(tmp_path / "p", PREDICTION, table=False)
    rows = [f"{name},{name},0.0" for name in NAMES]
    (truth / "clips.csv").write_text("\n".join(["clip,segment,onset_s", *rows]) + "\n")
    line = score_request(request(prediction, truth, **PLAN))["scores"]["psnr"]
    assert (line["p"], line["p_min"], line["n_group"]) == (1 / 10_001, 1 / 10_001, 2**53)
    assert line["n_clusters"] == N and line["chance"] is not None


def test_a_table_that_knows_some_clips_only_is_refused_and_an_empty_one_is_not(tmp_path: Path) -> None:
    truth, prediction = save(tmp_path / "t", TRUTH, table=True), save(tmp_path / "p", PREDICTION, table=False)
    whole = (truth / "clips.csv").read_text()
    (truth / "clips.csv").write_text(whole.replace("clip03,film0,", "clip03,,"))
    with pytest.raises(DataError, match="segment of some clips only"):
        score_request(request(prediction, truth, **PLAN))
    (truth / "clips.csv").write_text("clip,segment\n" + "".join(f"{name},film\n" for name in NAMES))
    with pytest.raises(DataError, match="segments without onset_s"):
        score_request(request(prediction, truth, **PLAN))
    (truth / "clips.csv").write_text("clip,fps_hz\n" + "".join(f"{name},4\n" for name in NAMES))
    assert score_request(request(prediction, truth, **PLAN))["permutations"]["said"] == "permutations of single clips"


@pytest.mark.parametrize("has_film", [True, False])
def test_one_frame_at_a_tables_rate_is_no_whole_clip(tmp_path: Path, has_film: bool) -> None:
    rows = [f"{name},4" + (f",{segment},{onset}" if has_film else "") for name, (segment, onset) in FILM.items()]
    text = "\n".join(["clip,fps_hz" + (",segment,onset_s" if has_film else ""), *rows]) + "\n"
    truth, whole = save(tmp_path / "t", TRUTH, table=False), save(tmp_path / "p", PREDICTION, table=False)
    early = save(tmp_path / "early", PREDICTION[:, :1], table=False)
    for folder in (truth, whole, early):
        (folder / "clips.csv").write_text(text)
    assert score_request(request(whole, truth, metrics=("psnr",)))["scores"]["psnr"]["n"] == N
    with pytest.raises(DataError, match=r"shorter than the truth.*it ends at 0\.25 s"):
        score_request(request(early, truth, metrics=("psnr",)))


def test_p_chance_and_interval_of_two_films_are_those_written_down(tmp_path: Path) -> None:
    """Small frames are paired whole, so that every number follows from the matrix of all pairings."""
    weak = (TRUTH // 64 + smooth_clips(N, 8, 16, 1) // 64 * 63).astype(np.uint8)
    truth, prediction = save(tmp_path / "t", TRUTH, table=True), save(tmp_path / "p", weak, table=False)
    line = score_request(request(prediction, truth, **PLAN))["scores"]["psnr"]
    squares = [[np.square(p.astype(float) - t).mean(axis=(1, 2, 3)) for t in TRUTH] for p in weak]
    matrix = (10 * np.log10(255**2 / np.array(squares))).mean(axis=2)
    own = np.diagonal(matrix)
    turns = [
        np.array([np.trace(np.roll(matrix[s : s + 12, s : s + 12], -k, axis=1)) for k in range(12)]) for s in (0, 12)
    ]
    every = (turns[0][:, None] + turns[1]) / N
    assert line["value"] == pytest.approx(own.mean()) and every[0, 0] == pytest.approx(own.mean())
    assert line["p"] == np.mean(every >= every[0, 0] - 1e-9) and 1 / 144 < line["p"] < 1
    # Films of 48 s: the clips that start 20 to 28 s later on the circle are 20 s or more apart.
    far = [matrix[i, i // 12 * 12 + (i % 12 + k) % 12] for i in range(N) for k in (5, 6, 7)]
    assert line["chance"] == pytest.approx(np.mean(far))
    # Blocks of 20 s hold 5, 5 and 2 clips.
    u = [(own[s : s + n] - own.mean()).sum() for s, n in ((0, 5), (5, 5), (10, 2), (12, 5), (17, 5), (22, 2))]
    shared = u[0] * u[1] + u[1] * u[2] + u[3] * u[4] + u[4] * u[5]
    se = np.sqrt(6 / 5 * (np.square(u).sum() + 2 * max(0.0, shared))) / N
    assert line["se"] == pytest.approx(se)
    assert line["ci95"] == pytest.approx(
        [own.mean() - stats.t.ppf(0.975, 5) * se, own.mean() + stats.t.ppf(0.975, 5) * se]
    )
