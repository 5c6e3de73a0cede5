"""What blocks a run at once, what is left when it is stopped, and what damage the store's commands name and survive."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import cheap

from brainflix.engine.plan import BLOCKED, make_plan
from brainflix.errors import MissingError
from brainflix.parts.find import Part, own_parts
from brainflix.recipe.files import load_recipe
from brainflix.store.manifest import Manifest
from brainflix.store.store import Store

LISTED = ("--set", "dataset.name=listed")


def statuses(brainflix, *arguments: str) -> list[dict[str, str]]:
    return json.loads(brainflix("status", "toy", *arguments, "--json").out)["stages"]


def test_a_run_that_waits_for_a_person_fails_before_anything_is_fetched(toy, brainflix):
    said = brainflix("run", "toy", *LISTED)
    assert (
        said.code == 3
        and said.out == ""
        and "1 files of the stimuli of listed are missing: None/by-hand.bin" in said.err
    )
    assert "brainflix download listed --from FOLDER" in said.err and "far.bin" not in said.err
    assert not (toy / "store").exists()
    found = statuses(brainflix, *LISTED)
    assert {each["status"] for each in found} == {"blocked"}
    # Each says what is needed, also those that only wait for others.
    assert all("by-hand.bin" in each["why"] and "a person has to fetch" in each["why"] for each in found)


def test_a_run_is_blocked_no_longer_once_the_files_wait(toy, brainflix):
    for who in ("stimuli", "sub-1", "sub-2"):
        folder = toy / "store" / ".downloads" / "listed" / "toy-1" / who
        name = {"stimuli": "None", "sub-1": "1", "sub-2": "2"}[who]
        (folder / name).mkdir(parents=True)
        (folder / name / "by-hand.bin").write_text("brought")
    assert {each["status"] for each in statuses(brainflix, *LISTED)} == {"to run"}


def test_what_a_person_brings_to_one_subject_blocks_that_subject_alone(toy, brainflix):
    for who in ("None", "1"):
        folder = toy / "store" / ".downloads" / "listed" / "toy-1" / {"None": "stimuli", "1": "sub-1"}[who] / who
        folder.mkdir(parents=True)
        (folder / "by-hand.bin").write_text("brought")
    found = {(each["stage"], each["step"], each["subject"]): each["status"] for each in statuses(brainflix, *LISTED)}
    assert found["preprocess", "", 1] == "to run" and found["preprocess", "", 2] == "blocked"
    # It reads the rows of all subjects.
    assert found["regress", "b", 1] == "blocked"


def test_terms_that_nobody_has_agreed_to_block_a_run(toy, brainflix, monkeypatch):
    under_terms = replace(cheap.LISTED, name="listed", access="terms", terms_url="https://terms.example")
    monkeypatch.setattr(cheap, "LISTED", under_terms)
    said = brainflix("run", "toy", *LISTED)
    assert said.code == 2 and "--i-agree listed" in said.err and not (toy / "store").exists()
    assert {each["status"] for each in statuses(brainflix, *LISTED)} == {"blocked"}


def test_a_download_still_fetches_what_can_be_fetched_first(toy, brainflix):
    document = json.loads(brainflix("download", "listed", "--dry-run", "--json").out)
    assert document["counts"]["blocked"] == 0


def test_weights_in_a_folder_that_is_not_there_block_what_reads_them(tmp_path: Path) -> None:
    tiny = Path(__file__).resolve().parents[1] / "recipes" / "tiny.yaml"
    recipe = load_recipe(str(tiny), ["targets.clip.weights=/no/such/weights"])
    planned = {f"{p.place[0]}.{p.place[1]}".rstrip("."): p for p in make_plan(recipe, Store(tmp_path))}
    blocked = {name for name, each in planned.items() if each.status == BLOCKED}
    assert blocked == {"targets.clip", "train.contrastive", "regress.clip", "evaluate", "report"}
    assert all("no folder of weights '/no/such/weights'" in planned[name].why for name in blocked)
    assert isinstance(planned["targets.clip"].error, MissingError)


def test_weights_that_the_hub_does_not_give_end_a_run_before_it_begins(toy, brainflix, monkeypatch, no_weights):
    monkeypatch.setitem(
        own_parts()["preprocess"], "toy-clean", Part("cheap:fetch", cheap.CleanParams, "cleans nothing")
    )
    said = brainflix("run", "toy", "--set", "preprocess.weights=somebody/secret")
    assert said.code == 3 and "somebody/secret" in said.err and "no connection may be opened" in said.err
    assert Store(toy / "store").refs() == []

    class Guarded:
        gated = "manual"

    def refuse(name: str) -> None:
        from huggingface_hub.errors import GatedRepoError

        raise GatedRepoError.__new__(GatedRepoError, "no")

    monkeypatch.delenv("BRAINFLIX_OFFLINE")
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setattr("huggingface_hub.model_info", lambda name, timeout: Guarded())
    monkeypatch.setattr("huggingface_hub.auth_check", refuse)
    said = brainflix("run", "toy", "--set", "preprocess.weights=somebody/secret", "--online")
    assert said.code == 3 and "does not give the weights 'somebody/secret' to you" in said.err
    assert "hf auth login" in said.err and Store(toy / "store").refs() == []


def test_a_folder_without_manifest_is_blocked_for_status_and_run_alike(toy, brainflix):
    brainflix("run", "toy")
    store = Store(toy / "store")
    bold = store.refs("bold", "toy-sub-1")[0]
    (store.path(bold) / "manifest.json").unlink()
    [found] = [each for each in statuses(brainflix) if each["ref"] == str(bold)]
    assert found["status"] == "blocked" and "holds no manifest.json" in found["why"]
    before = len(store.refs())
    said = brainflix("run", "toy")
    assert said.code == 4 and "holds no manifest.json" in said.err and "brainflix store gc --now" in said.err
    assert len(store.refs()) == before, "nothing is run before this is known"
    brainflix("store", "gc", "--now", "--yes")
    assert brainflix("run", "toy").code == 0 and store.has(bold)


def test_a_torn_manifest_is_not_taken_for_a_cached_artifact(toy, brainflix):
    brainflix("run", "toy")
    store = Store(toy / "store")
    bold = store.refs("bold", "toy-sub-1")[0]
    path = store.path(bold) / "manifest.json"
    path.write_bytes(path.read_bytes()[:100])
    [found] = [each for each in statuses(brainflix) if each["ref"] == str(bold)]
    assert found["status"] == "blocked" and "is not JSON" in found["why"]
    said = brainflix("run", "toy")
    assert said.code == 4 and f"brainflix store gc --remove {bold}" in said.err
    brainflix("store", "gc", "--remove", str(bold), "--yes")
    assert brainflix("run", "toy").code == 0 and store.has(bold)


def test_one_unreadable_manifest_blinds_no_command(toy, brainflix):
    brainflix("run", "toy")
    store = Store(toy / "store")
    bold = store.refs("bold", "toy-sub-1")[0]
    others = {str(ref) for ref in store.refs()} - {str(bold)}
    path = store.path(bold) / "manifest.json"
    for body in (path.read_bytes()[:200], b"[" * 50_000, b"[1]", b"\xff", b"", b'{"schema": 1, "created": 7}'):
        path.write_bytes(body)
        listed = {each["ref"]: each for each in json.loads(brainflix("store", "ls", "--json").out)["artifacts"]}
        assert set(listed) == others | {str(bold)} and listed[str(bold)]["problem"]
        assert all(listed[ref]["bytes"] for ref in others)
        said = brainflix("store", "verify", "--json")
        problems = json.loads(said.out)["problems"]
        assert said.code == 4 and {ref for ref in problems if problems[ref]} == {str(bold)} and others < set(problems)
        said = brainflix("store", "gc", "--unused")
        assert said.code == 0 and str(bold) in said.err


def test_gc_says_what_depends_on_what_it_removes(toy, brainflix):
    brainflix("run", "toy")
    store = Store(toy / "store")
    bold = store.refs("bold", "toy-sub-1")[0]
    said = brainflix("store", "gc", "--remove", str(bold))
    made = {str(ref) for kind in ("predictions", "scores", "report") for ref in store.refs(kind)}
    assert "not to be made again without it" in said.err and any(ref in said.err for ref in made)
    document = json.loads(brainflix("store", "gc", "--remove", str(bold), "--json").out)
    assert set(document["dependents"]) <= made and str(store.refs("predictions")[0]) in document["dependents"]
    assert store.has(bold), "nothing goes without --yes"
    report = store.refs("report")[0]
    assert json.loads(brainflix("store", "gc", "--remove", str(report), "--json").out)["dependents"] == []


def forge(store: Store, ref, **changes) -> None:
    """Write a manifest that is consistent in itself, with another content."""
    path = store.path(ref) / "manifest.json"
    path.write_text(replace(Manifest.from_json(path.read_text()), **changes).to_json())


def test_verify_says_when_a_key_does_not_belong(toy, brainflix):
    brainflix("run", "toy")
    assert brainflix("store", "verify").code == 0, "every job's key follows from what its manifest records"
    store = Store(toy / "store")
    bold = store.refs("bold", "toy-sub-1")[0]
    manifest = store.manifest(bold)
    other = {
        role: tuple(ref.replace("sub-1@", "sub-1@f")[:-1] for ref in refs) for role, refs in manifest.inputs.items()
    }
    for changes in (
        {"parameters": {**manifest.parameters, "degree": 5}},
        {"parameters": {**manifest.parameters, "subject": 2}},
        {"inputs": other},
        {"seed": 7},
        {"stage_version": 2},
        {"dataset_revision": "toy-2"},
    ):
        forge(store, bold, **changes)
        said = brainflix("store", "verify", str(bold))
        assert said.code == 4 and "its key does not belong" in said.out, changes
        forge(store, bold, **{name: getattr(manifest, name) for name in changes})
    forge(store, bold, recipe="another", notes={"experiment": "x"})
    assert brainflix("store", "verify", str(bold)).code == 0, "what is part of no key may differ"


def test_ctrl_c_says_what_is_kept_and_the_command_that_goes_on(toy, brainflix, monkeypatch):
    def stop(work, params, folder) -> None:
        if work.step == "b":
            spooled = work.store.root / ".spool" / work.ref.kind / work.ref.name / work.ref.key / "x"
            spooled.mkdir(parents=True)
            (spooled / "rows").write_bytes(b"0" * 3_000_000)
            raise KeyboardInterrupt
        cheap.write_text(work, params, folder)

    with monkeypatch.context() as stopping:
        stopping.setitem(sys.modules, "brainflix.regress.stage", cheap.stage_module("stops", stop))
        stopping.setattr(sys, "argv", ["/usr/bin/brainflix", "run", "toy", "--set", "regress.a.dial=2"])
        said = brainflix("run", "toy", "--set", "regress.a.dial=2")
    assert said.code == 130 and "Traceback" not in said.err
    assert "kept: 7 of 12 jobs" in said.err and "3.0 MB" in said.err and "predictions/toy-sub-1-b@" in said.err
    assert said.err.rstrip().endswith("Next: brainflix run toy --set regress.a.dial=2")
    assert not any((toy / "store" / ".staging").glob("*")) and not (toy / "store" / ".claims").exists()
    said = brainflix("run", "toy", "--set", "regress.a.dial=2")
    assert said.code == 0 and not (toy / "store" / ".spool").exists()
