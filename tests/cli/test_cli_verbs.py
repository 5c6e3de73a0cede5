"""The eight verbs: modes, inputs, errors."""

from __future__ import annotations

import errno
import json
import os
import sys

import cheap
import pytest
from safetensors import SafetensorError

from brainflix import errors
from brainflix.recipe.files import load_recipe
from brainflix.store.store import Store


def test_human_mode_puts_refs_on_stdout_and_talk_on_stderr(toy, brainflix):
    said = brainflix("download", "toy", "--subject", "1")
    assert said.code == 0
    assert [line.partition("@")[0] for line in said.lines] == ["raw/toy-stimuli", "raw/toy-sub-1"]
    assert all(Store(toy / "store").open(ref) for ref in said.lines)
    assert said.err.count("\nran ") == 2 and "licence CC0" in said.err


def test_quiet_mode_prints_the_ref_alone(toy, brainflix):
    brainflix("download", "toy")
    said = brainflix("preprocess", "toy", "--subject", "1", "--quiet")
    assert said.err == "" and said.out.startswith("bold/toy-sub-1@") and len(said.lines) == 1


def test_json_mode_prints_one_document(toy, brainflix):
    first = json.loads(brainflix("download", "toy", "--json").out)["stages"]
    said = brainflix("download", "toy", "--json")
    second = json.loads(said.out)["stages"]
    assert said.err == ""
    assert [stage["status"] for stage in first] == ["ran"] * 3
    assert [stage["status"] for stage in second] == ["cached"] * 3
    assert [stage["ref"] for stage in first] == [stage["ref"] for stage in second]
    assert set(second[0]) == {"stage", "step", "subject", "status", "ref", "seconds", "notes"}


def test_a_second_time_says_that_nothing_was_done(toy, brainflix):
    assert "nothing was done" not in brainflix("download", "toy").err
    assert "nothing was done" in brainflix("download", "toy").err


def test_verbs_chain_through_refs(toy, brainflix):
    brainflix("download", "toy", "-q")
    [ref] = brainflix("preprocess", "toy", "--subject", "2", "--set", "preprocess.degree=2", "-q").lines
    short = ref[: ref.index("@") + 5]
    [fit] = brainflix("regress", "toy", "--step", "a", "--subject", "1", "--input", f"rows={short}", "-q").lines
    assert Store(toy / "store").open(fit).manifest.inputs == {"rows": (ref,)}


def test_an_input_given_twice_is_two_inputs_in_order(toy, brainflix):
    brainflix("download", "toy")
    refs = brainflix("preprocess", "toy", "-q").lines
    inputs = [word for ref in reversed(refs) for word in ("--input", f"rows={ref}")]
    [fit] = brainflix("regress", "toy", "--step", "b", "--subject", "1", *inputs, "-q").lines
    assert Store(toy / "store").open(fit).manifest.inputs == {"rows": tuple(reversed(refs))}


def test_download_of_a_dataset_without_a_recipe(toy, brainflix):
    said = brainflix("download", "far", "--subject", "2", "--set", "dataset.dial=7", "-q")
    assert [line.partition("@")[0] for line in said.lines] == ["raw/far-stimuli", "raw/far-sub-2"]
    assert Store(toy / "store").open(said.lines[1]).file("raw.txt").read_text() == "subject 2, dial 7\n"
    other = brainflix("preprocess", "far")
    assert other.code == 2 and other.out == "" and "no recipe 'far'" in other.err


def test_dry_run_writes_nothing_and_says_what_and_why(toy, brainflix):
    said = brainflix("download", "toy", "--dry-run")
    assert said.code == 0 and "to run" in said.out and "to fetch: 0 B" in said.err
    assert not (toy / "store").exists()
    document = json.loads(brainflix("download", "toy", "--dry-run", "--json").out)
    assert document["dry_run"] and document["fetch_bytes"] == 0
    assert document["counts"] == {"cached": 0, "to run": 3, "blocked": 0}
    blocked = json.loads(brainflix("preprocess", "toy", "--dry-run", "--json").out)
    assert {stage["status"] for stage in blocked["stages"]} == {"blocked"}
    assert all("raw/toy" in stage["why"] for stage in blocked["stages"])


def test_dry_run_does_not_pretend_to_know_a_download(toy, brainflix):
    said = brainflix("download", "listed", "--dry-run")
    assert "3 files of unknown size" in said.err and "free disk" in said.err
    assert all(line.endswith("2             0        1  0 B or more") for line in said.lines[1:]), said.out
    assert not (toy / "store").exists()
    document = json.loads(brainflix("download", "listed", "--dry-run", "--json").out)
    assert document["fetch_bytes"] is None and document["stages"][0]["n_by_hand"] == 1


def test_weights_from_elsewhere_count_as_unknown(toy, brainflix):
    brainflix("download", "toy")
    change = "preprocess.weights=somebody/some-model"
    stages = json.loads(brainflix("preprocess", "toy", "--set", change, "--dry-run", "--json").out)["stages"]
    assert [stage["fetch_bytes"] for stage in stages] == [None, None]


def test_flag_beats_environment(toy, brainflix, monkeypatch):
    monkeypatch.setenv("BRAINFLIX_STORE", "from-env")
    brainflix("download", "toy")
    assert (toy / "from-env").is_dir()
    brainflix("download", "toy", "--store", "from-flag")
    assert (toy / "from-flag").is_dir()


def test_offline_is_told_to_hugging_face(toy, brainflix, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    brainflix("download", "toy")
    assert os.environ["HF_HUB_OFFLINE"] == "0"
    brainflix("download", "toy", "--offline")
    assert os.environ["HF_HUB_OFFLINE"] == "1"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("preproces", "toy"), 2, ["No such command 'preproces'", "preprocess", "Next: brainflix --help"]),
        (("preprocess", "toy", "--subjet", "1"), 2, ["did you mean '--subject'", "brainflix preprocess --help"]),
        (("preprocess",), 2, ["RECIPE", "Next: brainflix preprocess --help"]),
        (("preprocess", "toy", "--subject", "one"), 2, ["--subject", "one"]),
        (("preprocess", "toy", "--precision", "float8"), 2, ["float8", "bfloat16"]),
        (("preprocess", "toy", "--json", "--quiet"), 2, ["--json and --quiet"]),
        (("preprocess", "toy", "--subject", "9"), 2, ["no subject 9"]),
        (("preprocess", "toy", "--set", "preproces.degree=1"), 2, ["did you mean 'preprocess'"]),
        (("preprocess", "toy", "--set", "preprocess.degre=1"), 2, ["did you mean 'degree'"]),
        (("preprocess", "toy", "--set", "preprocess.degree"), 2, ["not a.b=c"]),
        (("regress", "toy", "--step", "c"), 2, ["no step regress.c"]),
        (("preprocess", "toy", "--step", "z"), 2, ["leave --step out"]),
        (("train", "toy"), 2, ["no section train"]),
        (("regress", "toy", "--input", "rows"), 2, ["not role=ref"]),
        (("regress", "toy", "--input", "rows=bold/nothing"), 3, ["no artifact bold/nothing", "brainflix store ls"]),
        (("download", "toy", "--input", "rows=bold/nothing"), 2, ["No such option: --input"]),
        (("preprocess", "tyo"), 2, ["no recipe 'tyo'", "did you mean 'toy'"]),
        (("preprocess", "toy"), 3, ["cannot make bold/toy-sub-1", "is not in the store", "Next: brainflix run toy"]),
    ],
)
def test_errors_are_one_sentence_on_stderr(toy, brainflix, arguments, code, words):
    for extra in ((), ("--json",)):
        said = brainflix(*arguments, *extra)
        assert said.code == code
        if "--json" in (*arguments, *extra):
            error = json.loads(said.out)["error"]
            assert error["exit_code"] == code and error["message"] == said.err.rstrip()
            assert all(error[field] in said.err for field in ("what", "why", "next")) and error["what"]
        else:
            assert said.out == ""
        assert said.err.startswith("Error: ") and said.err.count("\n") == 1
        assert all(word in said.err for word in words), said.err
    assert not (toy / "store" / "bold").exists()


class OutOfMemoryError(RuntimeError):
    """Named as torch's."""


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (errors.UsageError("bad"), 2, "bad"),
        (errors.MissingError("gone", next="brainflix look"), 3, "Next: brainflix look"),
        (errors.DataError("crooked"), 3, "crooked"),
        (errors.IntegrityError("torn"), 4, "torn"),
        (errors.ResourceError("full"), 5, "full"),
        (MemoryError("Unable to allocate 9 GiB"), 5, "BRAINFLIX_CLIPS_PER_BATCH"),
        (OutOfMemoryError("tried to allocate"), 5, "out of memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), 5, "out of memory"),
        (OSError(errno.ENOSPC, "No space left on device"), 5, "no space left on the device"),
        (SafetensorError("I/O error: No space left on device (os error 28)"), 5, "no space left on the device"),
        (SafetensorError("I/O error: Input/output error (os error 5)"), 5, "input/output error"),
        (RuntimeError("file write failed: errno = 122, error message = 'Disk quota exceeded'"), 5, "quota"),
        (OSError("30000 requested and 8064 written"), 5, "no space left on the device"),
        (SafetensorError("I/O error: No such file or directory (os error 2)"), 1, "SafetensorError"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), 5, "out of memory"),
        (RuntimeError("a\nb"), 1, "RuntimeError: a b. Next: run again with --debug"),
        (KeyError("x"), 1, "KeyError: 'x'"),
        (KeyboardInterrupt(), 130, "Interrupted"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_every_exception_has_its_code_and_publishes_nothing(toy, brainflix, monkeypatch, error, code, words):
    brainflix("download", "toy")

    def fail(job, out, tools):
        raise error

    monkeypatch.setitem(sys.modules, "brainflix.preprocess.stage", cheap.stage_module("fails", fail))
    for mode in ("--json", "--quiet"):
        said = brainflix("preprocess", "toy", mode)
        assert said.code == code and words in said.err
        assert (json.loads(said.out)["error"]["exit_code"] == code) if mode == "--json" else said.out == ""
        assert said.err.count("\n") == 1 and "Traceback" not in said.err
    assert Store(toy / "store").refs("bold") == []


def test_debug_shows_the_traceback(toy, brainflix, monkeypatch):
    brainflix("download", "toy")

    def fail(job, out, tools):
        raise ValueError("deep")

    monkeypatch.setitem(sys.modules, "brainflix.preprocess.stage", cheap.stage_module("fails", fail))
    said = brainflix("preprocess", "toy", "--debug")
    assert said.code == 1 and "Traceback" in said.err and "ValueError: deep" in said.err.splitlines()[-1]


def test_a_full_disk_outside_a_stage(toy, brainflix, monkeypatch):
    def fail(*arguments):
        raise OSError(errno.EDQUOT, "Quota exceeded", "some/file")

    monkeypatch.setattr("brainflix.engine.plan.make_plan", fail)
    said = brainflix("run", "toy")
    assert said.code == 5 and "could not write some/file (the disk quota is used up; " in said.err
    assert "GB free there" in said.err and "brainflix store gc" in said.err


def test_a_full_disk_behind_another_error_outside_a_stage(toy, brainflix, monkeypatch):
    """Whoever catches it may take it for a damaged file: the disk is the reason, and the exit code says so."""

    def fail(*arguments):
        try:
            raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")
        except SafetensorError as error:
            raise errors.DataError("weights cannot be read") from error

    monkeypatch.setattr("brainflix.engine.plan.make_plan", fail)
    said = brainflix("run", "toy")
    assert said.code == 5 and "no space left on the device; " in said.err and said.err.count("\n") == 1


def test_a_real_download_of_the_embedded_data(tmp_path, brainflix, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.yaml").write_text(
        "recipe: small\nschema: 1\ndataset: {name: demo, subjects: [1], n_train_segments: 2, n_test_segments: 1,"
        " clips_per_segment: 8, test_repeats: 1, size_px: 32}\n"
    )
    assert load_recipe("small.yaml").dataset.params["size_px"] == 32
    said = brainflix("download", "small.yaml", "--set", "dataset.seed=3")
    assert said.code == 0
    stimuli, bold = (Store(tmp_path / "store").open(ref) for ref in said.lines)
    assert len([entry for entry in stimuli.manifest.files if entry.path.endswith(".mp4")]) == 3
    assert len([entry for entry in bold.manifest.files if entry.path.endswith("_Atlas.dtseries.nii")]) == 5
    assert stimuli.manifest.parameters["seed"] == 3
