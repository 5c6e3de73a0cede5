"""The sink: modes, progress, tables."""

from __future__ import annotations

import io
import sys

import pytest

from brainflix.cli import output
from brainflix.cli.output import Output, Table, write_file
from brainflix.errors import ResourceError, UsageError


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("mode", [{}, {"json": True}, {"quiet": True}])
def test_track_yields_everything_in_order(mode, capsys):
    assert list(Output(**mode).track(range(5), "clips")) == [0, 1, 2, 3, 4]
    assert list(Output(**mode).track(iter("ab"), "clips")) == ["a", "b"]
    assert capsys.readouterr() == ("", "")


def test_lines_come_every_30_s_with_unit_and_job(monkeypatch, capsys):
    clock = iter([0.0, 10.0, 31.0, 45.0, 62.0, 95.0])
    monkeypatch.setattr(output.time, "monotonic", lambda: next(clock))
    out = Output()
    out.doing("regress.z sub-1")
    list(out.track(range(5), "clips"))
    assert capsys.readouterr().err.splitlines() == [
        "starts   regress.z sub-1",
        "regress.z sub-1: 2 of 5 clips after 31 s, about 46 s left",
        "regress.z sub-1: 4 of 5 clips after 1 min 02 s, about 16 s left",
    ]


@pytest.mark.parametrize("mode", [{"json": True}, {"quiet": True}])
def test_no_talk_beside_json_and_quiet(mode, monkeypatch, capsys):
    monkeypatch.setattr(output, "LINE_EVERY_S", 0.0)
    monkeypatch.setattr(sys, "stderr", Terminal())
    out = Output(**mode)
    with out.working():
        out.doing("job")
        out.say("hello")
        list(out.track(range(3), "clips"))
    assert sys.stderr.getvalue() == "" and capsys.readouterr().out == ""


def test_a_terminal_gets_bars_and_loses_no_line(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    out = Output()
    with out.working():
        out.doing("train.mbm")
        for step in out.track(range(3), "steps"):
            out.say(f"said [{step}] bold/demo@abc")
            out._bars.refresh()
        out.doing("")
    text = sys.stderr.getvalue()
    assert all(f"said [{step}] bold/demo@abc" in text for step in range(3))
    assert "train.mbm" in text and "2 of 3 steps" in text
    assert capsys.readouterr().out == ""


def test_a_consumer_that_stops_early_leaves_no_bar(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    out = Output()
    with out.working():
        items = out.track(range(3), "steps")
        next(items)
        out.doing("something else")
        items.close()
        assert len(out._bars.tasks) == 1


def test_tables_are_not_cut_where_nobody_looks(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "20")
    ref = "predictions/demo-sub-1-" + "long-" * 10 + "@0123456789ab"
    Output().result({}, tables=[Table(("artifact", "n"), [(ref, "1"), ("[red]x", "22")], "Title", frozenset({"n"}))])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Title" and lines[2].split() == [ref, "1"] and lines[3].split() == ["[red]x", "22"]
    assert len({len(line) for line in lines[1:]}) == 1  # numbers end in one column


def test_a_narrow_terminal_folds_instead_of_cutting(monkeypatch):
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    ref = "predictions/demo-sub-1-long-name@0123456789ab"
    Output().result({}, tables=[Table(("artifact",), [(ref,)])])
    assert ref in sys.stdout.getvalue().replace("\n", "").replace(" ", "")


def test_result_by_mode(capsys):
    table = Table(("a",), [("x",)])
    Output(json=True).result({"a": "é"}, lines=["x"], tables=[table])
    assert capsys.readouterr().out == '{\n  "a": "é"\n}\n'
    Output(quiet=True).result({"a": 1}, lines=["x", "y"], tables=[table])
    assert capsys.readouterr().out == "x\ny\n"
    Output().result({"a": 1}, lines=["x", "y"])
    assert capsys.readouterr().out == "x\ny\n"
    Output().result({"a": 1}, lines=["x"], tables=[])
    assert capsys.readouterr().out == ""
    with pytest.raises(UsageError):
        Output(json=True, quiet=True)


def test_nobody_is_asked_without_a_terminal():
    assert output.confirm("Delete?") is None


def test_a_file_that_cannot_be_written_is_explained(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ResourceError, match="could not write"):
        write_file(tmp_path / "file" / "page.html", "text")
    write_file(tmp_path / "new" / "page.html", "text")
    assert (tmp_path / "new" / "page.html").read_text() == "text"
