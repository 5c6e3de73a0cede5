"""The record of one metric: what it gathers and how it is written."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import stats

from brainflix.evaluate.permutations import Permuted
from brainflix.evaluate.score import summarise


def test_record_gathers_interval_chance_and_baselines() -> None:
    per_clip = np.append(np.random.default_rng(0).random(60), np.nan)
    tested = Permuted(0.5, 0.4, 0.02, 0.01, 999)
    score = summarise(
        per_clip,
        np.arange(61) // 5,
        protocol="strict",
        permuted=tested,
        chance_analytic=0.75,
        baselines={"grey": 0.2},
    )
    assert score.value == pytest.approx(np.nanmean(per_clip))
    assert score.ci95[0] < score.value < score.ci95[1]
    assert (score.n, score.n_nan, score.chance, score.p) == (60, 1, 0.4, 0.01)
    assert score.sd_clips == pytest.approx(np.nanstd(per_clip, ddof=1))
    document = json.loads(score.to_json())
    # 60 clips in 12 blocks of 5: the interval is Student's t with 11 degrees of freedom around the value.
    assert document["n_clusters"] == 12
    assert document["se"] == pytest.approx((score.ci95[1] - score.value) / stats.t.ppf(0.975, 11))
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


def test_value_is_the_mean_over_clips_with_few_unequal_blocks_too() -> None:
    per_clip = np.random.default_rng(0).random(31)
    score = summarise(per_clip, np.arange(31) // 6, protocol="strict")
    assert score.value == pytest.approx(per_clip.mean(), abs=1e-12)
    assert score.ci95[0] < score.value < score.ci95[1]


def test_blocks_without_a_value_do_not_count_as_blocks() -> None:
    # 40 blocks, of which 10 have a value: Student's t with 9 degrees of freedom, not the percentile bootstrap.
    per_clip = np.where(np.arange(80) < 20, np.random.default_rng(1).random(80), np.nan)
    score = summarise(per_clip, np.arange(80) // 2, protocol="strict")
    alone = summarise(per_clip[:20], np.arange(20) // 2, protocol="strict")
    assert score.ci95 == alone.ci95
    assert score.ci_method == "t"


def test_a_rate_without_a_hit_is_not_certain_to_be_zero() -> None:
    none = np.zeros(120)
    rate = summarise(none, np.arange(120), protocol="strict", is_rate=True)
    assert rate.value == rate.ci95[0] == 0.0
    assert rate.to_dict()["ci_method"] == "clopper-pearson"
    assert rate.ci95[1] > 1 / 120, "chance of top-1 retrieval among the 120 clips"
    assert summarise(none, np.arange(120), protocol="strict").ci95 == (0.0, 0.0)


def test_interval_asked_for_is_named_and_few_clusters_keep_students_t() -> None:
    skewed = np.random.default_rng(0).random(60) ** 6
    many, few = np.arange(60), np.arange(60) // 5
    for is_rate in (False, True):
        bca = summarise(skewed, many, protocol="strict", is_rate=is_rate, n_boot=999, method="bca")
        percentile = summarise(skewed, many, protocol="strict", is_rate=is_rate, n_boot=999)
        assert (bca.ci_method, percentile.ci_method) == ("bca", "percentile")
        # The long tail of high scores moves both limits up.
        assert bca.ci95[0] > percentile.ci95[0] and bca.ci95[1] > percentile.ci95[1]
        assert summarise(skewed, few, protocol="strict", is_rate=is_rate, method="bca").ci_method == "t"
