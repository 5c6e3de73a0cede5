"""The record of one metric: what it gathers and how it is written."""

from __future__ import annotations

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from brainflix.evaluate import gathering
from brainflix.evaluate.design import Settings, apart
from brainflix.evaluate.document import of_lines
from brainflix.evaluate.permutations import Permuted
from brainflix.evaluate.score import summarise

FEW_DRAWS = "p cannot reach 0.05: so few permutations are evaluated that it is 0.053 or more: all lines"


def test_record_gathers_interval_chance_and_baselines() -> None:
    per_clip = np.append(np.random.default_rng(0).random(60), np.nan)
    tested = Permuted(0.5, 0.4, 0.01, 0.001, 1000)
    score = summarise(
        per_clip,
        2 * (np.arange(61) // 5),
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
    # 60 clips in 12 blocks of 5, none of them neighbours: Student's t with 11 degrees of freedom around the value.
    assert document["n_clusters"] == 12
    assert document["se"] == pytest.approx((score.ci95[1] - score.value) / stats.t.ppf(0.975, 11))
    assert document["per_clip"][-1] is None
    assert document["baselines"] == {"grey": 0.2}
    assert document["chance_analytic"] == 0.75
    assert document["protocol"] == "strict"
    assert (document["p_min"], document["n_group"], document["chance_from"]) == (0.001, 1000, "strangers")
    assert document["range"] == [None, None] and document["notes"] == []


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
    # 40 blocks, of which 10 have a value: Student's t with 9 degrees of freedom.
    per_clip = np.where(np.arange(80) < 20, np.random.default_rng(1).random(80), np.nan)
    score = summarise(per_clip, np.arange(80) // 2, protocol="strict")
    alone = summarise(per_clip[:20], np.arange(20) // 2, protocol="strict")
    assert score.ci95 == alone.ci95
    assert score.ci_method == "t-neighbours"


def test_a_rate_without_a_hit_is_not_certain_to_be_zero() -> None:
    none = np.zeros(120)
    rate = summarise(none, np.arange(120), protocol="strict", is_rate=True)
    assert rate.value == rate.ci95[0] == 0.0
    assert rate.to_dict()["ci_method"] == "clopper-pearson"
    assert rate.ci95[1] > 1 / 120, "chance of top-1 retrieval among the 120 clips"
    assert summarise(none, np.arange(120), protocol="strict").ci95 == (0.0, 0.0)


@pytest.mark.parametrize("n_blocks", [12, 60])
def test_interval_asked_for_is_named_however_many_blocks_there_are(n_blocks: int) -> None:
    skewed = np.random.default_rng(0).random(60) ** 6
    clusters = np.arange(60) * n_blocks // 60
    for is_rate in (False, True):
        bca = summarise(skewed, clusters, protocol="strict", is_rate=is_rate, n_boot=999, method="bca")
        percentile = summarise(skewed, clusters, protocol="strict", is_rate=is_rate, n_boot=999, method="percentile")
        assert (bca.ci_method, percentile.ci_method) == ("bca", "percentile")
        # The long tail of high scores moves both limits up.
        assert bca.ci95[0] > percentile.ci95[0] and bca.ci95[1] > percentile.ci95[1]
        assert summarise(skewed, clusters, protocol="strict", is_rate=is_rate).ci_method == "t-neighbours"


def test_few_blocks_and_few_exchanges_are_noted_and_two_blocks_have_no_interval() -> None:
    def notes(n_blocks: int, n_group: int) -> list[str]:
        tested = Permuted(0.5, 0.4, 1 / n_group, 1 / n_group, n_group)
        score = summarise(np.random.default_rng(0).random(24), np.arange(24) % n_blocks, protocol="x", permuted=tested)
        assert np.isnan(score.ci95[0]) == (n_blocks < 3) and (score.ci_method == "none") == (n_blocks < 3)
        return score.notes

    assert notes(2, 20) == notes(6, 20) == []
    assert notes(3, 20) == notes(5, 20) == ["few blocks"]
    assert notes(6, 19) == ["cannot reach 0.05"]
    assert notes(5, 2) == ["few blocks", "cannot reach 0.05"]


def test_few_permutations_are_noted_whatever_the_number_of_ways() -> None:
    for most, said in ((18, True), (19, False)):
        tested = gathering.permuted(np.eye(12), apart(np.arange(12), Settings(permutations=most)))
        score = summarise(np.arange(12.0), np.arange(12), protocol="x", permuted=tested)
        assert score.p_min == 1 / (1 + most) and (score.notes == ["cannot reach 0.05"]) == said
        line = SimpleNamespace(score=score)
        assert of_lines({"psnr": line}) == [FEW_DRAWS] * said


def test_scores_that_rank_in_a_gallery_count_theory_and_others_strangers() -> None:
    tested = Permuted(0.5, 0.4, 0.01, 0.001, 1000)
    values = np.random.default_rng(0).random(12)
    for ranks, theory, permuted, expected in (
        (True, 0.5, tested, "theory"),
        (False, 0.5, tested, "strangers"),
        (True, math.nan, tested, "strangers"),
        (False, 0.5, None, "theory"),
        (False, math.nan, None, None),
    ):
        score = summarise(values, np.arange(12), protocol="x", permuted=permuted, chance_analytic=theory, ranks=ranks)
        assert score.chance_from == expected and score.to_dict()["chance_from"] == expected
