"""What `score` prints: it fits a terminal, says what a reader must know, and counts in plain words."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from brainflix.cli import output
from brainflix.cli.output import Output
from brainflix.cli.score_tables import tables_of
from brainflix.evaluate.request import score_request
from brainflix.report.scores import NONE, format_interval, read_sheet, reference
from tests.evaluate.score_calls import request


class Terminal(io.StringIO):
    """Text that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def save(folder: Path, clips: np.ndarray) -> Path:
    folder.mkdir()
    for number, frames in enumerate(clips):
        np.save(folder / f"clip{number}.npy", frames)
    return folder


def scored(tmp_path: Path, n: int, n_frames: int, **choices: Any) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 256, (n, n_frames, 32, 32, 3), dtype=np.uint8)
    prediction = truth // 2 + rng.integers(0, 128, truth.shape, dtype=np.uint8)
    paths = save(tmp_path / "p", prediction), save(tmp_path / "t", truth)
    return score_request(request(*paths, fps_pred=4.0, fps_truth=4.0, **choices))


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return scored(tmp_path_factory.mktemp("many"), 12, 3, block=2)


@pytest.mark.parametrize("width", [100, 80])
def test_tables_fit_a_terminal_and_no_number_is_cut(
    document: dict[str, Any], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setattr(sys, "stdout", shown := Terminal())
    monkeypatch.setattr(
        output, "_console", lambda stream: Console(file=stream, width=width, markup=False, color_system=None)
    )
    Output().result(document, tables=tables_of(document))
    lines = shown.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    for name, line in document["scores"].items():
        assert any(format_interval(line) in each for each in lines), name


def test_p_stands_beside_the_smallest_that_it_can_be_and_the_number_of_exchanges(document: dict[str, Any]) -> None:
    tests = next(table for table in tables_of(document) if "p_min" in table.columns)
    rows = {names: (p_min, n_group) for p_min, n_group, names in tests.rows}
    everything = next(names for names in rows if "psnr" in names)
    assert rows[everything] == ("0.083", "12") and "ssim_excess" in everything
    assert rows["reversal_gain"] == ("0.016", "64")
    assert document["scores"]["psnr"]["notes"] == ["cannot reach 0.05"]


def test_a_ratio_has_no_best_baseline_no_arrow_and_no_excess(document: dict[str, Any]) -> None:
    line = document["scores"]["speed_ratio"]
    assert line["higher_is_better"] is None and line["baselines"]["blurred"] is not None
    shown = {row[0]: row for row in tables_of(document)[0].rows}
    assert shown["speed_ratio"][-1] == NONE != shown["flow_cosine"][-1]
    plain = {**document, "protocol": "strict", "primary": []}
    plain["scores"] = {"speed_ratio": {**line, "chance": 0.5}, "psnr": document["scores"]["psnr"]}
    ratio, psnr = read_sheet(plain, ref="x").rows
    assert ratio.direction == ("", "") and ratio.excess is None and ratio.mark == "" and not ratio.beaten_by
    assert psnr.direction == ("↑", "higher is better") and psnr.excess is not None


def test_one_clip_is_one_clip_and_has_no_interval(tmp_path: Path) -> None:
    document = scored(tmp_path, 1, 1)
    table = tables_of(document)[0]
    assert table.title == "1 clip, protocol strict, 1 frame of 32x32"
    psnr = next(row for row in table.rows if row[0].startswith("psnr"))
    assert psnr[table.columns.index("95% interval")] == "none (1 block)" and psnr[table.columns.index("p")] == NONE


def test_chance_is_the_level_that_the_line_names_and_older_documents_mean_strangers() -> None:
    line = {"chance": 0.45, "chance_analytic": 0.5}
    assert reference(line) == reference({**line, "chance_from": "strangers"}) == 0.45
    assert reference({**line, "chance_from": "theory"}) == 0.5
    assert reference({"chance": None, "chance_analytic": 0.5}) == 0.5 and reference({}) is None
    old = {"scores": {"identification_z": {**line, "value": 0.9, "ci95": [0.8, 1.0], "higher_is_better": True}}}
    (row,) = read_sheet(old, ref="x").rows
    assert row.excess == pytest.approx(0.45) and row.p_min is None and row.notes == ()
