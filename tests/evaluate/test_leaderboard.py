"""Runs side by side: who may be compared, and paired differences in the metric's own direction."""

from __future__ import annotations

import numpy as np
import pytest

from brainflix.errors import DataError, UsageError
from brainflix.evaluate.blocks import block_clusters
from brainflix.evaluate.leaderboard import Run, check_comparable, choose_metrics, differences

CLIPS = [f"clip-{i:03d}" for i in range(120)]
CLUSTERS = block_clusters(["test1"] * 120, 2.0 * np.arange(120))


def run(name, shift=0.0, *, clips=CLIPS, protocol="strict", truth=("targets/frames@1",), metrics=("ssim", "epe")):
    """Return a run whose clips score around 0.5 + shift, with noise of its own."""
    rng = np.random.default_rng(len(name))
    shared = dict(zip(CLIPS, np.random.default_rng(0).normal(0.5, 0.2, len(CLIPS)), strict=True))
    base = np.array([shared.get(clip, 0.5) for clip in clips])
    per_clip = {metric: base + shift + 0.01 * rng.normal(size=len(clips)) for metric in metrics}
    scores = {
        metric: {"value": values.mean(), "higher_is_better": metric != "epe"} for metric, values in per_clip.items()
    }
    document = {"protocol": protocol, "clip_ids": list(clips), "primary": ["ssim"], "scores": scores}
    return Run(name, document, per_clip, truth)


def test_differences_are_paired_and_named_by_direction():
    found = differences([run("a"), run("bb", 0.05), run("ccc")], ["ssim", "epe"], CLUSTERS, n_draws=2000)
    by_key = {(each.metric, each.other): each for each in found}
    gain, loss, none = by_key["ssim", "bb"], by_key["epe", "bb"], by_key["ssim", "ccc"]
    # Clips differ by 0.2, runs by 0.05: only a paired comparison sees it so sharply.
    assert gain.difference == pytest.approx(0.05, abs=0.005) and gain.lo > 0.04 and gain.hi < 0.06
    assert gain.better and not loss.better and gain.p_holm >= gain.p and gain.p_holm < 0.05 < none.p_holm
    assert (gain.first, gain.n, gain.n_nan) == ("a", 120, 0)


def test_order_of_clips_does_not_matter_and_undefined_clips_are_left_out_in_pairs():
    backwards = run("bb", 0.05)
    document = {**backwards.document, "clip_ids": CLIPS[::-1]}
    turned = Run("bb", document, {name: values[::-1] for name, values in backwards.per_clip.items()}, backwards.truth)
    plain, other = (differences([run("a"), each], ["ssim"], CLUSTERS) for each in (backwards, turned))
    assert plain == other
    holes = run("bb", 0.05)
    holes.per_clip["ssim"][:7] = np.nan
    assert differences([run("a"), holes], ["ssim"], CLUSTERS)[0].n_nan == 7


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (run("b", clips=CLIPS[:-1]), "clip-119"),
        (run("b", protocol="mindvideo"), "mindvideo"),
        (run("b", truth=("targets/frames@2",)), "frames@2"),
    ],
)
def test_runs_that_cannot_be_compared_are_refused(other, why):
    with pytest.raises(DataError) as error:
        check_comparable([run("a"), other])
    assert why in str(error.value.why)


def test_one_run_and_unknown_metrics_are_refused():
    with pytest.raises(UsageError):
        check_comparable([run("a")])
    with pytest.raises(UsageError, match="ssin"):
        choose_metrics([run("a"), run("b")], ["ssin"])
    assert choose_metrics([run("a"), run("b", metrics=("epe", "ssim"))]) == ["ssim"]
    with pytest.raises(DataError):
        choose_metrics([run("a"), run("b", metrics=("epe",))])


@pytest.mark.parametrize("name", ["stage version", "weights", "revision", "checkpoints"])
def test_scores_made_by_other_means_are_not_compared(name):
    from brainflix.evaluate.leaderboard import Run, check_comparable

    document = {"protocol": "strict", "clip_ids": ["a", "b"]}
    one, same, other = (Run(run, document, {}, ("t",), {name: value}) for run, value in zip("abc", "112", strict=True))
    check_comparable([one, same])
    with pytest.raises(DataError, match="cannot be compared") as caught:
        check_comparable([one, other])
    assert name in caught.value.why


@pytest.mark.parametrize("difference, higher, better", [(1, True, True), (-1, True, False), (0, False, False)])
def test_no_difference_and_an_undefined_one_are_not_better(difference, higher, better):
    from brainflix.evaluate.leaderboard import _is_better

    assert _is_better(difference, higher) is better
    assert not _is_better(float("nan"), higher)
