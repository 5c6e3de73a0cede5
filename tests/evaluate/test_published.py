"""The table of published numbers: complete, consistent, and with the chance that the papers leave out."""

from __future__ import annotations

from collections import Counter

import pytest

from brainflix.evaluate import nway
from brainflix.evaluate.published import CHANCE, CONFIDENCE, published

METRICS = {*CHANCE, "SSIM", "PSNR", "Hue-pcc", "CLIP-pcc", "VIFI", "EPE", "FVD"}


def test_every_row_says_where_it_is_from() -> None:
    rows = published()
    assert {row.confidence for row in rows} == set(CONFIDENCE)
    assert {row.metric for row in rows} == METRICS
    assert all(row.system and row.dataset and row.subject and row.protocol and row.source for row in rows)
    assert all(0 <= row.value <= 1 for row in rows if row.metric not in ("PSNR", "EPE", "FVD"))
    keys = Counter((row.system, row.dataset, row.subject, row.metric, row.protocol) for row in rows)
    assert max(keys.values()) == 1


def test_chance_is_that_of_three_ground_truth_classes() -> None:
    for metric, chance in CHANCE.items():
        assert chance == pytest.approx(nway.chance(int(metric.partition("-")[0]), g=3), abs=1e-12)


def test_some_published_two_way_values_lie_below_chance() -> None:
    """Two of the frame-based 2-way values are worse than chance (docs/scoring.md, Published numbers)."""
    below = {row.system for row in published() if row.metric == "2-way-I" and row.excess is not None and row.excess < 0}
    assert below == {"Nishimoto 2011", "Wang 2022"}
    assert all(row.excess is None for row in published() if row.metric == "SSIM")
