"""How commands end: errors as JSON, closed pipes, -h, what is given twice."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import cheap
import pytest
from test_cli_help import COMMANDS

from brainflix.cli import output
from brainflix.cli.errors import explain
from brainflix.errors import ResourceError
from brainflix.front import run
from brainflix.store.store import Store

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "brainflix"]


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BRAINFLIX_")}
    return {**kept, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", **more}


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_h_is_help_everywhere(command, brainflix):
    assert brainflix(*command, "-h") == brainflix(*command, "--help")


@pytest.mark.parametrize("command", [command for command in COMMANDS if command], ids=" ".join)
def test_every_command_has_its_error_in_the_document(command, brainflix):
    said = brainflix(*command, "--no-such-option", "--json")
    error = json.loads(said.out)["error"]
    assert said.code == 2 == error["exit_code"] and said.err == f"{error['message']}\n"
    assert "--no-such-option" in error["what"] and error["next"].startswith("brainflix") and "Traceback" not in said.err


def test_what_a_command_had_found_and_its_error_are_one_document(toy, brainflix):
    [ref, *_] = brainflix("download", "toy", "-q").lines
    store = Store(toy / "store")
    (store.path(store.resolve(ref)) / "raw.txt").write_text("changed")
    said = brainflix("store", "verify", "--json")
    document = json.loads(said.out)
    assert said.code == 4 == document["error"]["exit_code"]
    assert not document["ok"] and [name for name, found in document["problems"].items() if found] == [ref]
    assert document["error"]["why"] == ref and "store gc --remove" in document["error"]["next"]


def test_the_value_of_an_option_is_no_option(toy, brainflix):
    assert json.loads(brainflix("list", "recipes", "--json").out)["recipes"]
    said = brainflix("status", "nowhere", "--", "--json")
    assert said.code == 2 and said.out == ""


def test_an_error_nobody_foresaw_is_json_too(toy, brainflix, monkeypatch):
    def fail(*arguments):
        raise ZeroDivisionError("deep\ndown")

    monkeypatch.setattr("brainflix.engine.plan.make_plan", fail)
    plain, debug = brainflix("run", "toy", "--json"), brainflix("run", "toy", "--json", "--debug")
    assert plain.code == debug.code == 1 and plain.out == debug.out
    assert json.loads(plain.out)["error"]["what"] == "ZeroDivisionError: deep down"
    assert "Traceback" not in plain.err and "Traceback (most recent call last):" in debug.err


def test_a_closed_pipe_ends_quietly_with_the_shells_code(tmp_path):
    for arguments in (["list", "published"], ["list", "parts", "--json"], ["--help"], ["list", "recipes", "-q"]):
        reading, writing = os.pipe()
        os.close(reading)
        done = subprocess.run(
            [*COMMAND, *arguments], stdout=writing, stderr=subprocess.PIPE, text=True, cwd=tmp_path, env=environment()
        )
        os.close(writing)
        assert (done.returncode, done.stderr) == (128 + 13, ""), arguments


def test_an_error_that_nobody_reads_on_stderr_stands_in_the_document_with_its_code(tmp_path):
    reading, writing = os.pipe()
    os.close(reading)
    command = [*COMMAND, "list", "parts", "--no-such-option", "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=writing, cwd=tmp_path, env=environment())
    os.close(writing)
    assert done.returncode == 2 == json.loads(done.stdout)["error"]["exit_code"]


def test_a_number_that_json_cannot_hold_is_explained(toy, brainflix, monkeypatch):
    result = output.Output.result
    monkeypatch.setattr(
        output.Output, "result", lambda self, document, **more: result(self, {**document, "bad": float("nan")}, **more)
    )
    said = brainflix("list", "recipes", "--json")
    error = json.loads(said.out)["error"]
    assert said.code == 1 == error["exit_code"] and "not JSON compliant" in error["what"] and said.err.count("\n") == 1


def test_a_refusal_in_a_folder_that_is_gone_is_told(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    failure = explain(OSError(errno.ENOSPC, "No space left on device"))
    assert failure.code == 5 and failure.what == "could not write, working in ."


def test_a_pipe_that_breaks_elsewhere_is_told(toy, brainflix, monkeypatch):
    def fail(*arguments):
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr("brainflix.engine.plan.make_plan", fail)
    said = brainflix("run", "toy")
    assert said.code == 1 and said.err.startswith("Error: BrokenPipeError")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_behind_stdout_is_told_once(tmp_path):
    for arguments in (["list", "parts"], ["list", "parts", "--json"]):
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                [*COMMAND, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, cwd=tmp_path, env=environment()
            )
        assert done.returncode == 5 and done.stderr.count("\n") == 1 and "no space left" in done.stderr
    assert done.stderr.startswith("Error: could not write to stdout (no space left on the device).")


def test_a_stream_that_is_closed_or_knows_few_letters_is_no_error(tmp_path):
    closed = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m brainflix list parts >&-"],
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env=environment(),
    )
    assert (closed.returncode, closed.stderr) == (0, b"")
    env = environment(PYTHONIOENCODING="ascii")
    done = subprocess.run([*COMMAND, "list", "datasets", "demo", "--json"], capture_output=True, cwd=tmp_path, env=env)
    assert done.returncode == 0 and json.loads(done.stdout)["name"] == "demo"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("status", "toy", "--set", "seed=1", "--set", "seed=2"), "--set seed is given twice"),
        (("status", "toy", "--set", "preprocess.degree=1", "--set", "preprocess={part: toy-clean}"), "would undo"),
        (("status", "toy", "--subject", "1", "--subject", "1"), "subject 1 is named twice"),
        (("run", "toy", "--subject", "2", "--subject", "2", "--dry-run"), "subject 2 is named twice"),
        (("download", "toy", "--subject", "1", "--subject", "1"), "subject 1 is named twice"),
        (("download", "far", "--set", "dataset.dial=1", "--set", "dataset.dial=2"), "is given twice"),
        (("download", "far", "--preset", "tiny"), "data set far has no preset 'tiny'"),
        (("status", "toy", "--set", "seed={a: 1, a: 2}"), "the key 'a' twice"),
        (("import-checkpoint", "mbm", "x.pth", "--set", "heads=1", "--set", "heads=2"), "--set heads is given twice"),
        *((("store", "gc", f"--older-than={hours}"), "of 0 or more") for hours in ("nan", "inf", "-1")),
        *((("score", "--pred", "a", f"--fps-pred={rate}"), "not above 0") for rate in ("nan", "inf", "0", "-8")),
        *((("score", "--pred", "a", f"--fps-truth={rate}"), "not above 0") for rate in ("nan", "0")),
        (("status", "./tyo.yaml"), "did you mean"),
        (("status", "recipes/tyo.yaml"), "did you mean 'recipes/toy.yaml'?"),
        (("status", "tyo"), "did you mean 'toy'?"),
    ],
)
def test_what_is_given_twice_or_is_no_recipe_is_a_usage_error(toy, brainflix, arguments, words):
    said = brainflix(*arguments)
    assert said.code == 2 and words in said.err and said.err.count("\n") == 1, said.err


def test_changes_of_different_places_are_no_repetition(toy, brainflix):
    changes = ("--set", "preprocess={part: toy-clean}", "--set", "preprocess.degree=1", "--set", "seed=1")
    assert brainflix("status", "toy", *changes, "--subject", "1").code == 0
    assert cheap.PARTS["preprocess"]["toy-clean"].params is cheap.CleanParams


def test_a_device_that_is_not_there_is_refused_though_all_is_cached(toy, brainflix, monkeypatch):
    monkeypatch.setattr("brainflix.device._available", lambda kind: kind == "cpu")
    brainflix("run", "toy")
    for command in (("run", "toy"), ("preprocess", "toy"), ("evaluate", "toy")):
        assert brainflix(*command, "--device", "cpu").code == 0
        said = brainflix(*command, "--device", "cuda")
        assert said.code == 5 and said.out == "" and said.err.startswith("Error: device 'cuda' is not available.")
        assert said.err.count("\n") == 1
        assert brainflix(*command, "--device", "cuba").code == 2
        # A plan for another machine is no mistake, a name that no machine has is.
        assert brainflix(*command, "--device", "cuda", "--dry-run").code == 0
        assert brainflix(*command, "--device", "cuba", "--dry-run").code == 2
    monkeypatch.setenv("BRAINFLIX_DEVICE", "cuda")
    assert brainflix("run", "toy").code == 5
    assert brainflix("download", "toy").code == 0  # which computes nothing and has no --device
    with pytest.raises(ResourceError, match="'cuda' is not available"):
        run("toy", toy / "store", settings={"device": "cuda"})
    assert run("toy", toy / "store", settings={"device": "cpu"}).refs


def test_score_refuses_a_device_that_is_not_there(brainflix, monkeypatch, tmp_path):
    monkeypatch.setattr("brainflix.device._available", lambda kind: kind == "cpu")
    said = brainflix("score", "--pred", str(tmp_path), "--truth", str(tmp_path), "--device", "cuda")
    assert said.code == 5 and "'cuda' is not available" in said.err


def test_a_mistyped_name_of_the_environment_is_a_note(toy, brainflix, monkeypatch):
    monkeypatch.setenv("BRAINFLIX_STROE", "elsewhere")
    said = brainflix("status", "toy", "--json")
    assert said.code == 0 and json.loads(said.out)["store"] == str(toy / "store")
    assert said.err == "Note: BRAINFLIX_STROE in the environment is no setting (did you mean 'BRAINFLIX_STORE'?).\n"
