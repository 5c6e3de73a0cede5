"""What people see is what is there: controls are escaped, secrets are hidden, on a real terminal too."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from test_cli_errors import COMMAND, environment

from brainflix.cli import output
from brainflix.cli.output import Output, Table

# Clears the screen; rings; moves by the second set of controls; turns the direction; breaks the line; hides itself.
CONTROLS = "\x1b[2J\x07\x9b5A\u202e\u2066\n\r\x08\x7f\u200b\ufeff\u2028\U000e0041"
ESCAPED = r"\x1b[2J\x07\x9b5A\u202e\u2066\n\r\x08\x7f\u200b\ufeff\u2028\U000e0041"
SECRET = "hf_planted0123456789"


def on_a_terminal(*arguments: str, cwd: Path, **env: str) -> str:
    """Run `brainflix` with stdout and stderr on a terminal of 200 columns; return all that it wrote there."""
    main, side = pty.openpty()
    env = environment(TERM="xterm", COLUMNS="200", **env)
    process = subprocess.Popen([*COMMAND, *arguments], stdin=side, stdout=side, stderr=side, cwd=cwd, env=env)
    os.close(side)
    pieces = []
    while True:
        try:
            piece = os.read(main, 65536)
        except OSError:  # the last process has closed its side
            break
        if not piece:
            break
        pieces.append(piece)
    process.wait(timeout=60)
    os.close(main)
    return b"".join(pieces).decode().replace("\r\n", "\n")


def test_controls_are_escaped_and_letters_stay():
    assert output.shown(f"a{CONTROLS}b") == f"a{ESCAPED}b"
    assert output.shown("\udcff") == r"\udcff"
    for text in ("plain", "Zürich 東京 … ≤ é", "bold/demo-sub-1@0123456789ab", "[red]:smile:"):
        assert output.shown(text) == text


def test_every_way_to_people_escapes(capsys):
    out = Output()
    out.say(f"said{CONTROLS}")
    out.result({}, tables=[Table((f"column{CONTROLS}",), [(f"cell{CONTROLS}",), (":smile: [b]",)], f"title{CONTROLS}")])
    out.result({}, lines=[f"line{CONTROLS}"])
    written, said = capsys.readouterr()
    assert said == f"said{ESCAPED}\n"
    assert all(f"{word}{ESCAPED}" in written for word in ("column", "cell", "title", "line"))
    assert ":smile: [b]" in written


def test_scripts_get_names_as_they_are_and_json_escapes(capsys):
    Output(quiet=True).result({}, lines=["a\u202eb"])
    assert capsys.readouterr().out == "a\u202eb\n"
    Output(json=True).result({"name": f"é{CONTROLS}"})
    text = capsys.readouterr().out
    assert json.loads(text) == {"name": f"é{CONTROLS}"} and "é" in text
    assert not {*CONTROLS} & {*text} - {"\n", "A", "J", "[", "2", "5"}


def test_a_terminal_sees_no_control_of_a_files_name_or_content(tmp_path):
    name = "evil\x1b]0;owned\x07\x9b2J\u202e.yaml"
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / name).write_text('recipe: "r\\e[31mred"\nschema: 1\ndataset: {name: demo, subjects: [1]}\n')
    listed = on_a_terminal("list", "recipes", cwd=tmp_path)
    assert r"evil\x1b]0;owned\x07\x9b2J\u202e" in listed and "\x07" not in listed and "\x1b]" not in listed
    refused = on_a_terminal("status", f"recipes/{name}", cwd=tmp_path)
    assert refused.startswith("Error: ") and refused.count("\n") == 1
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & {*refused}, refused
    quiet = on_a_terminal("list", "recipes", "-q", cwd=tmp_path)
    assert r"evil\x1b]0;owned" in quiet and "\x07" not in quiet
    document = on_a_terminal("list", "recipes", "--json", cwd=tmp_path)
    assert name.removesuffix(".yaml") in [each["name"] for each in json.loads(document)["recipes"]]
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & {*document}


def test_a_terminal_shows_the_job_and_escapes_its_name(tmp_path):
    code = (
        "from brainflix.cli.output import Output\nout = Output()\n"
        "with out.working():\n"
        "    out.doing('job\\x1b[2J\\u202e')\n"
        "    for step in out.track(range(2), 'steps\\x07'):\n"
        "        out._bars.refresh()\n"
        "        out.say('said\\x9b')\n"
    )
    main, side = pty.openpty()
    env = environment(TERM="xterm", COLUMNS="120")
    subprocess.run(
        [sys.executable, "-c", code], stdin=side, stdout=side, stderr=side, env=env, check=True, cwd=tmp_path
    )
    os.close(side)
    text = os.read(main, 1 << 20).decode()
    os.close(main)
    assert r"job\x1b[2J\u202e" in text and r"steps\x07" in text and r"said\x9b" in text
    assert "\x1b[2J" not in text and "\x07" not in text and "\u202e" not in text and "\x9b" not in text


def test_secrets_of_the_environment_and_logins_are_hidden(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", f"{SECRET}\n")
    monkeypatch.setenv("OTHER_PASSWORD", "correct horse")
    monkeypatch.setenv("SHORT_TOKEN", "a")
    text = f"Bearer {SECRET} b'{SECRET}' correct horse https://me:pass@host/a https://host/a@b a bold/demo@abc"
    expected = "Bearer *** b'***' *** https://***@host/a https://host/a@b a bold/demo@abc"
    assert output.without_secrets(text) == expected == output.shown(text)


@pytest.mark.parametrize("place", ["environment", ".env", "brainflix.toml"])
@pytest.mark.parametrize("arguments", [["status", "nowhere"], ["run", "leaky"], ["run", "bad-setting"]])
def test_a_token_of_the_settings_is_never_shown(tmp_path, place, arguments):
    (tmp_path / "brainflix.toml").write_text(f'token = "{SECRET}"\n' if place == "brainflix.toml" else "")
    (tmp_path / ".env").write_text(f"BRAINFLIX_TOKEN={SECRET}\n" if place == ".env" else "")
    more = {"BRAINFLIX_TOKEN": SECRET} if place == "environment" else {}
    if arguments[1:] == ["bad-setting"]:
        more["BRAINFLIX_WORKERS"] = "many"
    code = (
        "import sys, os\n"
        "from brainflix.cli import session\n"
        "from brainflix.cli.app import invoke\n"
        "def leak(*a, **k):\n"
        "    raise ValueError(f\"Illegal header value b'Bearer {os.environ.get('HF_TOKEN')}' at https://u:{os.environ.get('HF_TOKEN')}@host\")\n"
        "if 'leaky' in sys.argv: session.read_recipe = leak\n"
        "sys.exit(invoke(sys.argv[1:]))\n"
    )
    for mode in ([], ["--json"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments, *mode, "--debug"],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**environment(), **more},
        )
        assert SECRET not in done.stdout + done.stderr
        assert ("***" in done.stderr) == ("leaky" in arguments), done.stderr
        assert done.returncode == {"nowhere": 2, "leaky": 1, "bad-setting": 2}[arguments[-1]]
