"""What `score` prints: the scores, where chance and p come from, and what was not scored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brainflix.cli.output import Table
from brainflix.report.scores import (
    NONE,
    format_group,
    format_interval,
    format_number,
    format_p,
    number,
    reference,
    uses_truth,
)
from brainflix.wording import count

Lines = Mapping[str, Mapping[str, Any]]


def tables_of(document: Mapping[str, Any]) -> list[Table]:
    """Return a document of scores as tables, those without a row left out."""
    lines: Lines = document["scores"]
    return [_scores(document, lines), *_chances(lines), *_tests(lines), *_skipped(document["skipped"])]


def _scores(document: Mapping[str, Any], lines: Lines) -> Table:
    """Return the scores; the last column is the best of what does not see the truth, copies too.

    Columns that would say the same in every row are left out, so that the table fits a terminal.
    """
    own_n = any(line["n"] != document["n_clips"] for line in lines.values())
    undefined = any(line["n_nan"] for line in lines.values())
    rows = [_row(name, line, own_n, undefined) for name, line in lines.items()]
    counts = [*(["n"] if own_n else []), *(["undefined"] if undefined else [])]
    numbers = ("value", "chance", "95% interval", "p", "p (Holm)", *counts)
    about = document["protocol"]
    size = f"{count(about['n_frames'], 'frame')} of {about['width']}x{about['height']}"
    bugs = ", bug-compat" if about["bug_compat"] else ""
    title = f"{count(document['n_clips'], 'clip')}, protocol {about['name']}{bugs}, {size}"
    return Table(("metric", *numbers, "best baseline"), rows, title, frozenset(numbers))


def _row(name: str, line: Mapping[str, Any], own_n: bool, undefined: bool) -> tuple[str, ...]:
    return (
        f"{name} ({line['unit']})" if line["unit"] else name,
        format_number(number(line["value"])),
        format_number(reference(line)),
        format_interval(line),
        format_p(number(line["p"])),
        format_p(number(line["p_holm"])),
        *([str(line["n"])] if own_n else []),
        *([str(line["n_nan"])] if undefined else []),
        _best(line),
    )


def _best(line: Mapping[str, Any]) -> str:
    """Return the best baseline that does not see the truth; none where no direction is good."""
    fair = {key: value for key, value in line["baselines"].items() if value is not None and not uses_truth(key)}
    if not fair or line["higher_is_better"] is None:
        return NONE
    best = (max if line["higher_is_better"] else min)(fair, key=fair.__getitem__)
    return f"{format_number(number(fair[best]))} {best}"


def _chances(lines: Lines) -> list[Table]:
    """Return both chance levels of the lines that have two, and which of them counts."""
    rows = [
        (name, format_number(number(line["chance_analytic"])), format_number(number(line["chance"])), counts)
        for name, line in lines.items()
        if (counts := line["chance_from"]) and None not in (line["chance"], line["chance_analytic"])
    ]
    columns = ("two chance levels", "theory", "strangers", "counts")
    return [Table(columns, rows, "", frozenset(columns[1:3]))] if rows else []


def _tests(lines: Lines) -> list[Table]:
    """Return in how many ways clips can be exchanged and the smallest p, lines of one test together."""
    found: dict[tuple[str, str], list[str]] = {}
    for name, line in lines.items():
        if line["p"] is not None:
            found.setdefault((format_p(line["p_min"]), format_group(line["n_group"])), []).append(name)
    rows = [(*test, ", ".join(names)) for test, names in found.items()]
    columns = ("p_min", "n_group", "smallest p, and number of exchanges, of")
    return [Table(columns, rows, "", frozenset(columns[:2]))] if rows else []


def _skipped(skipped: list[dict[str, Any]]) -> list[Table]:
    """Return what was not scored, metrics of one reason together; none if nothing was left out."""
    found: dict[tuple[str, str], list[str]] = {}
    for each in skipped:
        found.setdefault((each["status"], each["next"]), []).append(each["metric"])
    rows = [(", ".join(names), status, advice) for (status, advice), names in found.items()]
    return [Table(("not scored", "status", "next"), rows)] if rows else []
