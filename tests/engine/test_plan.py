"""Plans: keys follow the science and nothing else, statuses follow the store."""

from __future__ import annotations

from pathlib import Path

import pytest

from brainflix.engine.draft import Selection
from brainflix.engine.job import Job
from brainflix.engine.plan import BLOCKED, CACHED, TO_RUN, Planned, make_plan
from brainflix.engine.run import execute
from brainflix.errors import UsageError
from brainflix.recipe.files import load_recipe
from brainflix.settings import load_settings
from brainflix.store.refs import Ref
from brainflix.store.store import Store

TINY = str(Path(__file__).parents[1] / "recipes" / "tiny.yaml")


def keys(store: Path, *changes: str) -> dict[str, str]:
    """Return the key of every job of the tiny recipe by place."""
    return {place(p): p.job.ref.key for p in make_plan(load_recipe(TINY, changes), Store(store))}


def place(planned: Planned) -> str:
    """Return `stage.step` of a job."""
    return f"{planned.job.stage}.{planned.job.step}".rstrip(".")


def changed(store: Path, *changes: str) -> set[str]:
    """Return the places whose keys a change touches."""
    before, after = keys(store), keys(store, *changes)
    return {name for name in before if before[name] != after.get(name)}


def test_a_parameter_changes_its_stage_and_what_follows(tmp_path: Path) -> None:
    touched = changed(tmp_path, "regress.z.n_folds=3")
    assert touched == {"regress.z", "reconstruct", "evaluate", "report"}


def test_writing_a_default_out_changes_nothing(tmp_path: Path) -> None:
    # The report's key holds the recipe as it is written.
    assert changed(tmp_path, "preprocess.detrend_degree=4") == {"report"}


def test_the_signal_to_noise_ratio_touches_brains_but_not_stimuli(tmp_path: Path) -> None:
    touched = changed(tmp_path, "dataset.snr=0.5")
    assert "download.bold" in touched and "preprocess" in touched
    assert not touched & {"download.stimuli", "targets.frames", "targets.z", "targets.text"}


def test_every_job_comes_after_what_it_needs(tmp_path: Path) -> None:
    for name in (TINY, "demo"):
        seen = set()
        for planned in make_plan(load_recipe(name), Store(tmp_path)):
            assert set(planned.needs) <= seen, planned.place
            seen.add(planned.place)


def test_alone_means_that_inputs_must_be_there(tmp_path: Path) -> None:
    planned = make_plan(load_recipe(TINY), Store(tmp_path), Selection(stage="preprocess", alone=True))
    assert [p.status for p in planned] == [BLOCKED]
    assert "is not in the store" in planned[0].why


def test_done_jobs_are_cached_and_nothing_runs_twice(tmp_path: Path) -> None:
    store, recipe = Store(tmp_path), load_recipe(TINY)
    plan = make_plan(recipe, store, Selection(stage="preprocess"))
    assert {p.status for p in plan} == {TO_RUN}
    first = execute(plan, store, load_settings(store=tmp_path))
    again = execute(make_plan(recipe, store, Selection(stage="preprocess")), store, load_settings(store=tmp_path))
    assert {d.status for d in first} == {"ran"} and {d.status for d in again} == {"cached"}
    assert [d.ref for d in first] == [d.ref for d in again]
    assert {p.status for p in make_plan(recipe, store, Selection(stage="preprocess"))} == {CACHED}


def test_given_inputs_replace_the_recipes(tmp_path: Path) -> None:
    other = Ref("raw", "demo-sub-1", "0123456789ab")
    selection = Selection(stage="preprocess", inputs={"raw": (other,)}, alone=True)
    planned = make_plan(load_recipe(TINY), Store(tmp_path), selection)[0]
    assert planned.job.inputs["raw"] == (other,)
    assert planned.job.ref.key != keys(tmp_path)["preprocess"]


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ("dataset.name=demmo", "did you mean 'demo'"),
        ("dataset.subjects=[9]", "no subject 9"),
        ("dataset.snrr=1", "did you mean 'snr'"),
        ("preprocess.detrend_degre=3", "did you mean 'detrend_degree'"),
        ("preprocess.alpha=7", "preprocess.alpha"),
        ("regress.z.inputs.rows=align.nowhere", "no step align.nowhere"),
        ("regress.z.inputs.rows=regress.z", "wait for one another"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, change: str, match: str) -> None:
    with pytest.raises(UsageError, match=match):
        make_plan(load_recipe(TINY, [change]), Store(tmp_path))


def test_an_unknown_step_or_subject_of_a_selection_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no subject 7"):
        make_plan(load_recipe(TINY), Store(tmp_path), Selection(subjects=(7,)))
    with pytest.raises(UsageError, match=r"no step regress\.nothing"):
        make_plan(load_recipe(TINY), Store(tmp_path), Selection(stage="regress", step="nothing"))


def test_subjects_choose_their_own_jobs_and_leave_the_report_out(tmp_path: Path) -> None:
    def places(*selection: object) -> set[tuple[str, str, int | None]]:
        return {p.place for p in make_plan(load_recipe("demo"), Store(tmp_path), Selection(*selection))}

    chosen = places(None, None, (2,))
    assert {place for place in chosen if place[0] == "evaluate"} == {("evaluate", "", 2), ("evaluate", ":fit", None)}
    assert not {place for place in chosen if place[0] == "report"}
    assert {place[2] for place in chosen if place[0] in ("regress", "reconstruct")} == {2, None}
    # Alignment and pooled training need everybody.
    assert ("align", "group", 1) in chosen and ("train", "mbm", None) in chosen
    assert ("reconstruct", "oracle", None) in places("reconstruct", None, (2,))
    assert ("report", "", None) in places()
    asked = places("report", None, (2,))
    assert ("report", "", None) in asked and {place for place in asked if place[0] == "evaluate"} == {
        ("evaluate", ":fit", None),
        ("evaluate", "", 2),
    }


def report_of(store: Path, *subjects: int, changes: tuple[str, ...] = ()) -> Job:
    """Return the job of the demo's report, of some of its subjects or of all."""
    selection = Selection("report", subjects=subjects or None, alone=True)
    [planned] = make_plan(load_recipe("demo", changes), Store(store), selection)
    return planned.job


def test_a_report_of_some_subjects_is_another_artifact_of_theirs_alone(tmp_path: Path) -> None:
    whole, one, two = report_of(tmp_path), report_of(tmp_path, 2), report_of(tmp_path, 3, 1)
    assert [job.ref.name for job in (whole, one, two)] == ["demo", "demo-sub-2", "demo-2-subjects"]
    assert len({job.ref.key for job in (whole, one, two)}) == 3
    assert [ref.name for ref in one.inputs["evaluate"]] == ["demo-sub-2"]
    assert [ref.name for ref in two.inputs["evaluate"]] == ["demo-sub-1", "demo-sub-3"]
    # What is of no subject is in each: targets, and generators that read no brain.
    assert one.inputs["targets"] == two.inputs["targets"] == whole.inputs["targets"]
    shared = {ref for ref in whole.inputs["reconstruct"] if "-sub-" not in ref.name}
    assert {ref.name for ref in set(one.inputs["reconstruct"]) - shared} == {"demo-sub-2-video"}
    assert shared <= set(one.inputs["reconstruct"])
    for role, refs in one.inputs.items():
        assert set(refs) <= set(whole.inputs[role])
    assert one.plain["subjects"] == [2] and "subjects" not in whole.plain


def test_naming_all_subjects_in_any_order_means_the_whole_report(tmp_path: Path) -> None:
    assert report_of(tmp_path, 3, 1, 2) == report_of(tmp_path)
    assert report_of(tmp_path, 1, 3) == report_of(tmp_path, 3, 1)
    assert report_of(tmp_path, 2, changes=("seed=4",)).ref.key != report_of(tmp_path, 2).ref.key


def test_a_step_that_does_not_run_for_a_subject_says_so(tmp_path: Path) -> None:
    recipe = load_recipe("demo", ["preprocess.subjects=[1]", "align={}", "targets={}", "regress={}", "train={}"])
    bare = recipe.model_copy(update={"steps": {"preprocess": recipe.steps["preprocess"]}})
    with pytest.raises(UsageError, match="no step preprocess for subject 3"):
        make_plan(bare, Store(tmp_path), Selection("preprocess", subjects=(3,)))
