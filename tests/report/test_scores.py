"""Rows of scores: excess, marks, formats."""

from __future__ import annotations

import pytest

from brainflix.errors import DataError
from brainflix.report.scores import MINUS, NONE, TIMES, format_number, format_p, headline, read_sheet, read_table


def _score(value, chance=0.2, ci95=(0.3, 0.5), higher=True, baselines=None, **more):
    score = {"value": value, "chance": chance, "ci95": list(ci95), "higher_is_better": higher, **more}
    return {**score, "baselines": {"mean": 0.25} if baselines is None else baselines}


def _row(*args, **options):
    return read_sheet({"scores": {"m": _score(*args, **options)}}, ref="scores/a").rows[0]


@pytest.mark.parametrize(
    ("row", "mark", "beaten"),
    [
        (_row(0.4), "interval", set()),
        (_row(0.4, ci95=(0.22, 0.5)), "value", set()),
        (_row(0.4, baselines={"mean": 0.4, "gray": 0.1}), "", {"mean"}),
        (_row(0.1), "", {"mean"}),
        (_row(0.4, baselines={"mean": 0.25, "truth_first": 0.9}), "interval", set()),
        (_row(0.4, baselines={"mean": None}), "interval", set()),
        (_row(0.4, chance=None), "", set()),
        (_row(0.4, chance=None, chance_analytic=0.1), "interval", set()),
        (_row(None), "", set()),
        (_row(1.0, chance=2.0, ci95=(0.5, 1.4), higher=False, baselines={"mean": 1.5}), "interval", set()),
        (_row(1.0, chance=2.0, ci95=(0.5, 1.6), higher=False, baselines={"mean": 1.5}), "value", set()),
        (_row(1.0, chance=2.0, ci95=(0.5, 1.6), higher=False, baselines={"mean": 0.9}), "", {"mean"}),
        (_row(0.4, ci95=(None, None)), "value", set()),
    ],
)
def test_mark_needs_chance_and_every_baseline(row, mark, beaten):
    """Ties and unknown chance never count as better; direction is respected."""
    assert (row.mark, set(row.beaten_by)) == (mark, beaten)


def test_excess_is_positive_for_better():
    """For both directions."""
    assert _row(0.4).excess == pytest.approx(0.2)
    assert _row(1.4, chance=2.0, higher=False).excess == pytest.approx(0.6)
    assert _row(0.4, chance=None).excess is None


def test_primary_metrics_come_first_and_gaps_become_none():
    """Whatever is absent from a document is None, NaN included."""
    document = {"scores": {"a": {"value": float("nan")}, "b": _score(0.4, n=3)}, "primary": ["b"], "subject": 2}
    sheet = read_sheet(document, ref="scores/a", step="strict")
    assert [row.metric for row in sheet.rows] == ["b", "a"]
    assert (sheet.rows[1].value, sheet.rows[1].lo, sheet.rows[1].n) == (None, None, None)
    assert sheet.title == "Subject 2, strict"
    assert sheet.baselines == ("mean",)


@pytest.mark.parametrize("document", [None, [], {}, {"scores": [1]}])
def test_what_is_no_scores_document_is_refused(document):
    """The artifact is named."""
    with pytest.raises(DataError, match="scores/a"):
        read_sheet(document, ref="scores/a")


def test_headline_lines_up_sheets_that_differ():
    """A sheet without a primary metric leaves a gap."""
    one = read_sheet({"scores": {"a": _score(0.4)}, "primary": ["a"]}, ref="x")
    two = read_sheet({"scores": {"b": _score(0.4)}, "primary": ["b"]}, ref="y")
    assert headline([one, two]) == [("a", [one.rows[0], None]), ("b", [None, two.rows[0]])]


def test_further_tables_put_text_first():
    """Columns of text lead, missing cells are dashes, numbers are formatted."""
    table = read_table("t", [{"n": 3, "name": "x"}, {"name": "y", "r": -0.25}])
    assert table.columns == ("name", "n", "r")
    assert table.rows == (
        (("x", False), ("3", True), (NONE, True)),
        (("y", False), (NONE, True), (f"{MINUS}0.250", True)),
    )


def test_intervals_and_tests_follow_their_column() -> None:
    row = {"decoder": "a", "gain": 0.5, "gain_hi": 1.0, "gain_lo": 0.0, "gain_p": 4e-4, "gain_p_holm": 8e-4}
    table = read_table("t", [row | {"hi": 0.9, "identification": 0.8, "lo": 0.7, "p": 0.03}])
    expected = "decoder identification interval p gain gain_interval gain_p gain_p_holm"
    assert " ".join(table.columns) == expected
    words = ("decoder", "pairwise identification", "95 % interval", "p", "gain over the first row")
    more = ("95 % interval of the gain", "p of the gain", "p of the gain, adjusted (Holm)")
    assert table.headings == (*words, *more)
    cells = dict(zip(table.columns, table.rows[0], strict=True))
    assert cells["interval"] == ("0.700 to 0.900", True) and cells["gain_interval"] == ("0.000 to 1.000", True)
    assert cells["p"] == ("0.030", True) and cells["gain_p"][0] == format_p(4e-4) != "0.000"


def test_an_interval_without_a_limit_is_a_dash_and_a_lone_limit_stays() -> None:
    table = read_table("t", [{"lo": None, "hi": 0.5}])
    assert (table.columns, table.rows) == (("interval",), (((NONE, True),),))
    assert read_table("t", [{"lo": 0.25}]).rows == ((("0.250", True),),)


def test_metrics_in_cells_are_called_by_their_titles() -> None:
    table = read_table("Not scored", [{"metric": "lpips", "status": "skipped: no weights", "next": "nothing"}])
    assert table.headings == ("metric", "why", "what to do") and table.rows[0][0] == ("LPIPS", False)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.12345, "0.123"),
        (-1.5, f"{MINUS}1.500"),
        (-0.0001, "0.000"),
        (None, NONE),
        (float("nan"), NONE),
        (1234.6, "1235"),
        (2.5e7, f"2.50{TIMES}10\N{SUPERSCRIPT SEVEN}"),
    ],
)
def test_format_number(value, text):
    """Three decimals, true minus, no signed zero."""
    assert format_number(value) == text


@pytest.mark.parametrize(("p", "text"), [(0.0123, "0.012"), (0.0002, f"2{TIMES}10⁻⁴"), (1.0, "1.000"), (None, NONE)])
def test_format_p(p, text):
    """Small values keep their magnitude."""
    assert format_p(p) == text
