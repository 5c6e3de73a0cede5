"""`run`, `status` and `report`."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import cheap

from brainflix.cli.render import leading_scores
from brainflix.engine.plan import make_plan
from brainflix.engine.run import Done, summary
from brainflix.parts.find import own_parts
from brainflix.recipe.files import load_recipe
from brainflix.report.citations import known
from brainflix.store.keys import artifact_key
from brainflix.store.store import Store

JOBS = 3 + 2 + 4 + 2 + 1  # downloads, preprocess, regress, evaluate, report


def test_json_is_exactly_the_summary(toy, brainflix):
    said = brainflix("run", "toy", "--json")
    assert said.code == 0 and said.err == ""
    document = json.loads(said.out)
    recipe, store = load_recipe("toy"), Store(toy / "store")
    done = [Done(**stage) for stage in document["stages"]]
    assert document == summary(recipe, store, done)
    assert len(done) == JOBS and {stage.status for stage in done} == {"ran"}
    assert document["scores"]["2"]["ssim"] == {"value": 0.25, "chance": 0.125, "ci95": [0.2, 0.3], "p": 0.0005, "n": 24}


def test_people_get_a_row_for_each_job_and_a_table_of_scores(toy, brainflix):
    said = brainflix("run", "toy")
    assert said.code == 0
    assert said.err.count("\nran ") == JOBS and "regress.b sub-2" in said.err
    assert "Subject 1 (simulated data)" in said.out and "Subject 2 (simulated data)" in said.out
    assert "metric" in said.out and "95% interval" in said.out and "chance" in said.out
    ssim = next(line for line in said.lines if line.startswith("ssim"))
    assert ssim.split() == ["ssim", "0.250", "0.125", "0.200", "…", "0.300", "5×10⁻⁴", "24"]  # noqa: RUF001
    psnr = next(line for line in said.lines if line.startswith("psnr"))
    assert psnr.split() == ["psnr", "−3.500", "–", "–", "–", "0"]  # noqa: RUF001


def test_people_see_what_the_protocol_leads_with_and_how_much_there_is_besides(toy, brainflix, monkeypatch):
    monkeypatch.setattr(cheap, "PRIMARY", ["ssim"])
    said = brainflix("run", "toy")
    assert sum(line.startswith("ssim") for line in said.lines) == 2 and "psnr" not in said.out
    assert "2 more scores are in the report, and printed by --json." in said.err
    assert set(json.loads(brainflix("run", "toy", "--json").out)["scores"]["1"]) == {"ssim", "psnr"}


def test_leading_scores_know_second_evaluations_and_subjects_without_any():
    first = {"ssim": {}, "psnr": {}, "papers.ssim": {}}
    shown = leading_scores({"1": first, "2": {"psnr": {}}}, {"ssim"})
    assert {subject: list(scores) for subject, scores in shown.items()} == {"1": ["ssim", "papers.ssim"], "2": ["psnr"]}


def test_off_a_terminal_a_line_says_that_a_job_starts_before_the_one_that_says_it_ran(toy, brainflix):
    brainflix("run", "toy", "--only", "preprocess")
    said = brainflix("run", "toy")
    words = [tuple(line.split()[:2]) for line in said.err.splitlines()]
    words = [each for each in words if each[0] in ("cached", "starts", "ran")]
    assert [state for state, _ in words[:5]] == ["cached"] * 5
    assert [state for state, _ in words[5:]] == ["starts", "ran"] * (JOBS - 5)
    assert all(words[at][1] == words[at + 1][1] for at in range(5, len(words), 2))
    for mode in ("--json", "--quiet"):
        assert brainflix("run", "toy", "--set", "regress.a.dial=2", mode).err == ""


def test_real_data_are_not_called_simulated(toy, brainflix):
    said = brainflix("run", "toy", "--set", "dataset.name=far")
    assert said.code == 0 and "Subject 1" in said.out and "simulated" not in said.out + said.err


def test_a_second_run_says_that_all_is_cached(toy, brainflix):
    brainflix("run", "toy")
    said = brainflix("run", "toy")
    assert "Everything is cached: nothing was done." in said.err
    assert said.err.count("\ncached ") == JOBS and "ssim" in said.out
    stages = json.loads(brainflix("run", "toy", "--json").out)["stages"]
    assert {stage["status"] for stage in stages} == {"cached"} and {stage["seconds"] for stage in stages} == {0.0}


def test_quiet_prints_the_refs_of_the_last_stage(toy, brainflix):
    [ref] = brainflix("run", "toy", "-q").lines
    assert ref.startswith("report/toy@")
    assert len(brainflix("run", "toy", "-q", "--only", "regress").lines) == 4


def test_only_makes_a_stage_and_what_it_needs(toy, brainflix):
    said = brainflix("run", "toy", "--only", "preprocess", "--subject", "2")
    assert said.code == 0 and [line.partition("@")[0] for line in said.lines] == ["bold/toy-sub-2"]
    assert {ref.kind for ref in Store(toy / "store").refs()} == {"raw", "bold"}
    wrong = brainflix("run", "toy", "--only", "preproces")
    assert wrong.code == 2 and "did you mean 'preprocess'" in wrong.err
    assert brainflix("run", "toy", "--only", "extract-targets").code == 2  # the recipe has none


def test_dry_run_shows_the_whole_plan_and_writes_nothing(toy, brainflix):
    said = brainflix("run", "toy", "--dry-run", "--set", "preprocess.degree=2")
    assert said.code == 0 and not (toy / "store").exists()
    assert len(said.lines) == JOBS + 1 and "nothing was run" in said.err
    brainflix("run", "toy")
    before = sorted(path.name for path in (toy / "store").rglob("*"))
    document = json.loads(brainflix("run", "toy", "--dry-run", "--set", "regress.a.dial=2", "--json").out)
    assert document["counts"] == {"cached": JOBS - 5, "to run": 5, "blocked": 0}
    # A job whose inputs are in the store knows what it will hold; one whose inputs are yet to be made does not.
    held = {stage["stage"] + stage["step"]: stage["memory_bytes"] for stage in document["stages"]}
    assert held["regressa"] > 0 and held["preprocess"] == 0 and None in held.values()
    assert sorted(path.name for path in (toy / "store").rglob("*")) == before


def test_a_blocked_plan_runs_nothing(toy, brainflix):
    said = brainflix("run", "toy", "--set", "regress.b.part=unheard-of")
    assert said.code == 3 and said.out == "" and "unheard-of" in said.err
    assert Store(toy / "store").refs() == []


def test_status_counts_and_names_what_is_missing(toy, brainflix):
    brainflix("run", "toy", "--only", "preprocess")
    said = brainflix("status", "toy")
    assert said.code == 0 and "5 cached, 7 to run, 0 blocked" in said.err and len(said.lines) == JOBS + 1
    document = json.loads(brainflix("status", "toy", "--json").out)
    missing = [stage["ref"] for stage in document["stages"] if stage["status"] != "cached"]
    assert document["counts"] == {"cached": 5, "to run": 7, "blocked": 0}
    assert brainflix("status", "toy", "-q").lines == missing


def changes(brainflix, *arguments: str) -> dict[tuple[str, str, int | None], str]:
    said = brainflix("status", "toy", "--why", "--json", *arguments)
    stages = json.loads(said.out)["stages"]
    return {(s["stage"], s["step"], s["subject"]): s["changed"] for s in stages if s["status"] == "to run"}


def test_why_names_the_first_thing_that_differs(toy, brainflix, monkeypatch):
    assert changes(brainflix)["preprocess", "", 1] == "there is no bold/toy-sub-1 yet"
    brainflix("run", "toy")
    assert changes(brainflix) == {}
    [bold, *_] = (str(ref) for ref in Store(toy / "store").refs("bold", "toy-sub-1"))
    found = changes(brainflix, "--set", "preprocess.degree=2")
    assert found["preprocess", "", 1] == f"preprocess.degree: 4 -> 2 (since {bold})"
    assert found["regress", "a", 1].startswith(f"inputs.rows[0]: {bold} -> bold/toy-sub-1@")
    assert "dataset.dial" not in str(found) and ("download", "bold", 1) not in found
    assert changes(brainflix, "--set", "seed=5")["preprocess", "", 1].startswith("seed: 0 -> 5")
    useless = brainflix("status", "toy", "--set", "compat=glfa")
    assert useless.code == 2 and "compat 'glfa' changes nothing" in useless.err
    newer = cheap.stage_module("newer", cheap.write_text)
    newer.VERSION = 2
    monkeypatch.setitem(sys.modules, "brainflix.regress.stage", newer)
    assert changes(brainflix)["regress", "a", 2].startswith("stage_version: 1 -> 2")
    table = brainflix("status", "toy", "--why")
    assert "stage_version: 1 -> 2" in table.out


def test_why_says_when_only_the_way_keys_are_made_differs(toy, brainflix, monkeypatch):
    with monkeypatch.context() as otherwise:
        otherwise.setattr("brainflix.engine.expand.artifact_key", lambda *choices: artifact_key(*choices)[::-1])
        [ref] = brainflix("run", "toy", "--only", "preprocess", "--subject", "1", "-q").lines
    found = changes(brainflix)
    assert found["download", "bold", 1].startswith("no choice, but the way keys are made (since raw/toy-sub-1@")
    assert found["preprocess", "", 1].startswith("inputs.") and ref in found["preprocess", "", 1]


def test_a_subject_brings_its_own_jobs_and_what_they_need(toy, brainflix):
    document = json.loads(brainflix("run", "toy", "--subject", "2", "--json").out)
    made = {(stage["stage"], stage["step"], stage["subject"]) for stage in document["stages"]}
    # Step b reads everybody's rows.
    needed = {("download", "stimuli", None), ("download", "bold", 1), ("preprocess", "", 1)}
    assert {place for place in made if place[2] != 2} == needed and list(document["scores"]) == ["2"]
    assert brainflix("run", "toy", "--subject", "2", "-q").lines == [document["stages"][-1]["ref"]]
    assert len(brainflix("status", "toy", "--subject", "2").lines) == len(made) + 1
    [asked] = brainflix("run", "toy", "--only", "report", "--subject", "2", "-q").lines
    assert asked.startswith("report/toy-sub-2@")


def test_why_says_when_the_newest_artifact_is_damaged(toy, brainflix):
    [ref] = brainflix("run", "toy", "--only", "preprocess", "--subject", "1", "-q").lines
    store = Store(toy / "store")
    (store.path(store.resolve(ref)) / "manifest.json").write_text("{")
    found = changes(brainflix, "--set", "preprocess.degree=2")
    assert found["preprocess", "", 1].endswith(f"is damaged: brainflix store verify {ref}")


def test_report_is_made_once_and_copied_out(toy, brainflix):
    brainflix("run", "toy", "--only", "evaluate")
    said = brainflix("report", "toy", "--out", "pages/toy.html")
    assert said.code == 0 and (toy / "pages" / "toy.html").read_text() == "<h1>toy</h1>"
    [ref] = said.lines
    document = json.loads(brainflix("report", ref, "--json").out)
    assert document["ref"] == ref and document["path"].endswith("index.html")
    [planned] = [item for item in make_plan(load_recipe("toy"), Store(toy / "store")) if item.job.stage == "report"]
    assert ref == str(planned.job.ref) and planned.status == "cached"


def test_report_of_a_subject_or_of_a_changed_recipe_is_another_artifact(toy, brainflix):
    brainflix("run", "toy", "--only", "evaluate")
    [whole] = brainflix("report", "toy").lines
    [one] = brainflix("report", "toy", "--subject", "1").lines
    assert one.startswith("report/toy-sub-1@")
    store = Store(toy / "store")
    assert list(store.open(one).manifest.inputs["evaluate"]) == [str(r) for r in store.refs("scores", "toy-sub-1")]
    assert brainflix("report", "toy", "--subject", "1", "--subject", "2").lines == [whole]
    changed = brainflix("report", "toy", "--subject", "1", "--set", "seed=1")
    assert changed.code == 3 and "report/toy-sub-1@" in changed.err
    brainflix("run", "toy", "--set", "seed=1", "--only", "evaluate", "--subject", "1")
    [other] = brainflix("report", "toy", "--subject", "1", "--set", "seed=1").lines
    assert other not in (whole, one)
    unknown = brainflix("report", "toy", "--subject", "9")
    assert unknown.code == 2 and "no subject 9" in unknown.err


def test_report_prints_what_to_cite_and_makes_no_page(toy, brainflix, monkeypatch):
    part = replace(cheap.PARTS["regress"]["toy-fit"], cites=("chen2023mindvideo", "nobody1900"))
    monkeypatch.setitem(own_parts()["regress"], "toy-fit", part)
    paper = known()["chen2023mindvideo"]
    said = brainflix("report", "toy", "--citations", "--out", "papers.bib")
    assert said.code == 0 and said.out == f"{paper}\n" and not (toy / "store").exists()
    assert (toy / "papers.bib").read_text() == f"{paper}\n\n"
    document = json.loads(brainflix("report", "toy", "--citations", "--json").out)
    due = {"key": "chen2023mindvideo", "bibtex": paper, "is_entry": False, "due_to": ["regress toy-fit"]}
    assert document == {"recipe": "toy", "citations": [due]}
    refused = brainflix("report", "report/toy", "--citations")
    assert refused.code == 2 and "about a recipe" in refused.err


def test_report_without_scores(toy, brainflix):
    said = brainflix("report", "toy")
    assert said.code == 3 and "Next: brainflix run toy" in said.err
    (toy / "bare.yaml").write_text("recipe: bare\nschema: 1\ndataset: {name: toy, subjects: [1]}\n")
    assert brainflix("report", "bare.yaml").code == 2
    assert brainflix("report", "report/toy").code == 3
    assert brainflix("report", "report/toy", "--set", "seed=1").code == 2
