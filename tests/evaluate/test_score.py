"""The record of one metric: what it gathers and how it is written."""

from __future__ import annotations

import json

import numpy as np
import pytest

from brainflix.evaluate.score import summarise
from brainflix.evaluate.statistics import Repaired


def test_record_gathers_interval_chance_and_baselines() -> None:
    per_clip = np.append(np.random.default_rng(0).random(60), np.nan)
    repaired = Repaired(0.5, 0.4, 0.02, 0.01, 999)
    score = summarise(
        per_clip,
        np.arange(61) // 5,
        protocol="strict",
        repaired=repaired,
        chance_analytic=0.75,
        baselines={"grey": 0.2},
    )
    assert score.value == pytest.approx(np.nanmean(per_clip))
    assert score.ci95[0] < score.value < score.ci95[1]
    assert (score.n, score.n_nan, score.chance, score.p) == (60, 1, 0.4, 0.01)
    document = json.loads(score.to_json())
    assert document["per_clip"][-1] is None
    assert document["baselines"] == {"grey": 0.2}
    assert document["chance_analytic"] == 0.75
    assert document["protocol"] == "strict"


def test_unknown_values_are_null_and_never_invalid_json() -> None:
    score = summarise(np.array([1.0, np.inf]), np.array([0, 0]), protocol="strict")
    document = json.loads(score.to_json(), parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert document["ci95"] == [None, None]
    assert document["value"] is document["chance"] is document["p"] is document["ceiling"] is None
    assert document["per_clip"] == [1.0, None]
