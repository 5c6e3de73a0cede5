"""The document of one table: each p is adjusted over all of its lines, in both places that write one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from metric_clips import smooth_clips

from brainflix.evaluate.permutations import Permuted
from brainflix.evaluate.request import score_request
from brainflix.evaluate.score import summarise
from brainflix.evaluate.scorecard import Line, Scorecard, plain_table
from tests.evaluate.score_calls import request


def _line(p: float | None) -> Line:
    tested = None if p is None else Permuted(0.5, 0.4, p, 0.001, 1000)
    return Line(summarise(np.arange(4.0), np.arange(4), protocol="x", permuted=tested), "")


def _adjusted_by_hand(p: list[float]) -> list[float]:
    """Holm by closed testing: the largest Bonferroni p over all sets of tests that hold the one in question."""
    m = len(p)
    sets = [[i for i in range(m) if code >> i & 1] for code in range(1, 2**m)]
    return [max(min(1.0, len(s) * min(p[i] for i in s)) for s in sets if own in s) for own in range(m)]


def test_p_is_adjusted_over_the_lines_that_have_one() -> None:
    raw: dict[str, float | None] = {"a": 0.02, "b": None, "c": 0.001, "d": 0.4, "e": 0.02, "f": float("nan")}
    card = Scorecard("x", ("1", "2", "3", "4"), {name: _line(p) for name, p in raw.items()})
    scores = card.document()["scores"]
    found = {name: line["p_holm"] for name, line in scores.items()}
    assert list(found) == list(raw) and found["b"] is None and found["f"] is None
    expected = _adjusted_by_hand([0.02, 0.001, 0.4, 0.02])
    assert [found[name] for name in "acde"] == pytest.approx(expected)
    assert found["c"] == pytest.approx(0.004) and found["a"] == pytest.approx(0.06)
    assert [line["p"] for line in scores.values()] == [None if p is None or np.isnan(p) else p for p in raw.values()]


def test_a_single_line_keeps_its_p_and_no_lines_give_none() -> None:
    assert plain_table({"a": _line(0.03)})["a"]["p_holm"] == 0.03
    assert plain_table({}) == {}


def test_score_adjusts_over_its_own_document(tmp_path: Path) -> None:
    for name, clips in (("t", smooth_clips(4, 2, 32, 0)), ("p", smooth_clips(4, 2, 32, 0) // 2 + 60)):
        np.save(tmp_path / f"{name}.npy", clips)
    metrics = ("psnr", "pixcorr", "epe", "flow_cosine")
    scores = score_request(request(tmp_path / "p.npy", tmp_path / "t.npy", metrics=metrics))["scores"]
    tested = [line for line in scores.values() if line["p"] is not None]
    assert scores["epe_static"]["p"] is None and scores["epe_static"]["p_holm"] is None
    assert len(tested) > 3
    assert [line["p_holm"] for line in tested] == pytest.approx(_adjusted_by_hand([line["p"] for line in tested]))
    assert min(line["p_holm"] for line in tested) > min(line["p"] for line in tested)
