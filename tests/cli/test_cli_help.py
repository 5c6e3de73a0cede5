"""Help, versions, completion, and what they may import."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

import brainflix
from brainflix.cli import options
from brainflix.cli.app import app

CLI = Path(brainflix.__file__).parent / "cli"
HEAVY = {"torch", "zarr", "numpy", "nibabel", "diffusers", "transformers", "scipy", "av", "matplotlib", "accelerate"}
STORE = ("ls", "show", "diff", "verify", "gc", "export")
COMMANDS = [
    *((verb,) for verb in options.VERBS),
    *(("store", name) for name in STORE),
    *(("list", name) for name in ("datasets", "parts", "recipes", "published")),
    *(
        (name,)
        for name in (
            "run",
            "status",
            "report",
            "score",
            "compare",
            "import-checkpoint",
            "doctor",
            "version",
            "store",
            "list",
        )
    ),
    (),
]


def python(code: str, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env={**os.environ, **env})


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_ends_with_a_worked_example(command, brainflix):
    said = brainflix(*command, "--help")
    assert said.code == 0 and said.err == ""
    example = said.out.rstrip().partition("Example:\n")[2].splitlines()
    assert example and all("brainflix " in line for line in example)
    assert any(" ".join(("brainflix", *command)) in line for line in example)


def test_examples_use_options_that_exist(brainflix):
    for command in COMMANDS:
        page = brainflix(*command, "--help").out
        above, _, example = page.partition("Example:\n")
        for word in example.replace("$(", " ").replace(")", " ").split():
            if word.startswith("--") and command:
                assert word in above, (command, word)


@pytest.mark.parametrize("group", [(), ("store",), ("list",)])
def test_a_bare_group_shows_its_help(group, brainflix):
    said = brainflix(*group)
    assert said.code == 0 and "Commands:" in said.out and said.err == ""


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["run", "--help"], ["store", "ls", "--help"], ["score", "--help"], ["list", "parts"], ["version"]],
)
def test_light_commands_import_nothing_heavy(arguments, tmp_path):
    code = (
        "import sys, json\n"
        "from brainflix.cli.app import invoke\n"
        "code = invoke(sys.argv[1:])\n"
        "sys.stderr.write(json.dumps([code, sorted({name.partition('.')[0] for name in sys.modules})]))"
    )
    done = python(code, *arguments)
    code, modules = json.loads(done.stderr.splitlines()[-1])
    assert code == 0
    assert HEAVY & set(modules) == set()


def test_help_builds_no_settings():
    done = python(
        "import sys\nfrom brainflix.cli.app import invoke\ninvoke(['--help'])\n"
        "sys.stderr.write(str('pydantic_settings' in sys.modules))"
    )
    assert done.stderr == "False"


def test_help_costs_little_more_than_typer_itself():
    """Counted in modules, which no busy machine changes."""

    def modules(code: str) -> int:
        return int(python(f"import sys\n{code}\nsys.stderr.write(str(len(sys.modules)))").stderr)

    page = modules("from brainflix.cli.app import invoke; invoke(['--help'])")
    assert page < 1.5 * modules("import typer")


def test_module_version_answers_before_typer_is_imported():
    done = python(
        "import sys, runpy\nsys.argv = ['brainflix', '--version']\nrunpy.run_module('brainflix', run_name='__main__')\n"
        "sys.stderr.write(str(sorted({'typer', 'pydantic', 'rich'} & set(sys.modules))))"
    )
    assert done.stdout == f"brainflix {brainflix.__version__}\n"
    assert done.stderr == "[]"


def test_module_runs_the_command_line():
    done = subprocess.run([sys.executable, "-m", "brainflix", "versio"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and done.stdout == "" and "version" in done.stderr


def test_only_typers_public_api_is_used():
    for path in CLI.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(name.partition(".")[0] == "click" or name.startswith("typer.") for name in names), path


def test_versions(brainflix):
    assert brainflix("--version").out == f"brainflix {sys.modules['brainflix'].__version__}\n"
    document = json.loads(brainflix("version", "--json").out)
    assert document["python"].startswith(f"{sys.version_info.major}.{sys.version_info.minor}")
    assert document["torch"] and document["zarr"]
    assert brainflix("version", "-q").out.strip() == document["brainflix"]


def test_shell_completion_offers_recipes_stages_and_datasets(toy):
    def complete(words: str) -> set[str]:
        code = "import sys\nfrom brainflix.cli.app import invoke\nsys.exit(invoke([]))"
        env = {"_BRAINFLIX_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
        return set(python(code, PYTHONPATH=str(CLI.parents[1]), **env).stdout.split())

    assert "toy" in complete("brainflix run t")
    assert complete("brainflix run toy --only re") == {"regress", "reconstruct", "report"}
    assert complete("brainflix eval") == {"evaluate"}
    assert "demo" in complete("brainflix download d")


def test_completion_callbacks(toy, brainflix):
    assert options.complete_recipes("to") == [("toy", "recipes/toy.yaml")]
    assert [name for name, _ in options.complete_datasets("far")] == ["far"]
    assert [name for name, _ in options.complete_categories("pre")] == ["preprocess"]
    assert [name for name, _ in options.complete_kinds("b")] == ["bold"]
    context = typer.Context(typer.main.get_command(app))
    assert options.complete_refs(context, "raw") == []
    refs = brainflix("download", "toy", "-q").lines
    assert sorted(refs) == [ref for ref, _ in options.complete_refs(context, "raw/")]
