"""The tables of the pages, from numbers that are committed: assets/results/*.json.

    python -m tests.bench.results                                                     # rewrite the tables
    python -m tests.bench.results --check                                             # only say which are out of date
    python -m tests.bench.results --take tests/record/demo.json --out assets/results/demo.json

A page asks for a table between two comments: `<!-- table: NAME -->` and `<!-- end -->`. NAME is a file's, and behind it
may stand which of its metrics are wanted, in order: `<!-- table: demo psnr pixcorr -->`. `--take` reads numbers from
a record of `make record`, or from the document that `brainflix run --json` prints; the latter has no baselines.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from brainflix.evaluate.baselines import BASELINES
from brainflix.report.scores import reference

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "assets" / "results"
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
FIELDS = (
    *("value", "chance", "chance_analytic", "chance_from", "ci95"),
    *("p", "p_min", "n_group", "n", "baselines", "ceiling"),
)
SHOWN = (
    *("nway_2_video_g1", "nway_50_video_g1", "ssim_excess", "pixcorr", "flow_cosine"),
    *("identification_z", "identification_clip"),
)
# Oracles: a scale to read by, which no decoder need beat. Copies: the prediction itself, blurred or frozen.
SEE_TRUTH = frozenset(baseline.name for baseline in BASELINES if baseline.sees_truth)
COPIES = frozenset(b.name for b in BASELINES if b.sees_brain and b.name != "mismatched")
_DIGITS = 6
_TABLE = re.compile(r"(<!-- table: (?P<name>[\w-]+)(?P<metrics>(?: [\w-]+)*) -->\n).*?(?=<!-- end -->)", re.DOTALL)

# Metric -> fields, for each subject.
Scores = Mapping[str, Mapping[str, Mapping[str, Any]]]


def score_table(scores: Scores, metrics: Sequence[str] = SHOWN, *, simulated: bool = True) -> str:
    """Return scores by subject and metric as Markdown: intervals, chance, and the best of each kind of baseline."""
    subjects = sorted(scores, key=int)
    columns = ["metric (simulated data)" if simulated else "metric", "chance", *(f"subject {s}" for s in subjects)]
    rows = [_row(name, [scores[s][name] for s in subjects]) for name in metrics]
    return _markdown([*columns, "best baseline", "best copy", "oracle"], rows)


def _row(name: str, lines: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the cells of one metric, whose line each subject has."""
    known = [{k: v for k, v in (line.get("baselines") or {}).items() if v is not None} for line in lines]
    blind = [v for each in known for k, v in each.items() if k not in COPIES | SEE_TRUTH and k != "mismatched"]
    copies = [[v for k, v in each.items() if k in COPIES] for each in known]
    best = max if lines[0].get("higher_is_better", True) else min
    values = [f"{_text(line['value'])} [{_text(line['ci95'][0])}, {_text(line['ci95'][1])}]" for line in lines]
    copied = " / ".join(_text(best(each)) for each in copies) if all(copies) else "-"
    ends = [_text(best(blind)) if blind else "-", copied, _text(lines[0].get("ceiling"))]
    return [name, _text(reference(lines[0])), *values, *ends]


def _text(value: float | None) -> str:
    # Adding 0 turns -0.0 into 0.0.
    return "-" if value is None else f"{round(value, 3) + 0.0:.3f}"


def masked_table(found: Mapping[str, Mapping[str, Sequence[float]]]) -> str:
    """Return identification by number of labelled clips, mean over seeds, from what masked_modelling.py wrote."""
    numbers = sorted({n for arm in found.values() for n in arm}, key=int)
    rows = [[arm, *(_text(mean(values[n])) for n in numbers)] for arm, values in found.items()]
    return _markdown(["identification (simulated data)", *(f"{n} labelled clips" for n in numbers)], rows)


def _markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head, *body = ("| " + " | ".join(cells) + " |" for cells in (columns, *rows))
    return "\n".join([head, "|" + "---|" * len(columns), *body])


def table(name: str, metrics: Sequence[str] = ()) -> str:
    """Return the table of a name.

    Raises:
        FileNotFoundError: no such numbers are committed.
        KeyError: they hold no such metric.
    """
    if name == "masked-modelling":
        return masked_table(json.loads((ROOT / "assets" / f"{name}.json").read_text()))
    found = json.loads((RESULTS / f"{name}.json").read_text())
    return score_table(found["scores"], metrics or SHOWN, simulated=found["simulated"])


def filled(page: str) -> str:
    """Return a page with every table between its markers made anew."""
    return _TABLE.sub(lambda found: f"{found[1]}\n{table(found['name'], found['metrics'].split())}\n\n", page)


def taken(document: Mapping[str, Any], *, simulated: bool) -> dict[str, Any]:
    """Return what is kept of a record of `make record`, or of what `brainflix run --json` prints."""
    found = {place.rpartition("sub-")[2]: lines for place, lines in document["scores"].items()}
    fields = (*FIELDS, "higher_is_better")
    scores = {
        subject: {name: {f: _rounded(line[f]) for f in fields if f in line} for name, line in lines.items()}
        for subject, lines in found.items()
    }
    return {"simulated": simulated, "scores": scores}


def _rounded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _rounded(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_rounded(each) for each in value]
    return round(value, _DIGITS) if isinstance(value, float) else value


def main() -> None:
    """Rewrite the pages' tables, check them, or take numbers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a table is out of date")
    parser.add_argument("--take", type=Path, help="a record, or the document of `brainflix run --json`")
    parser.add_argument("--real", action="store_true", help="the numbers taken are of real brains")
    parser.add_argument("--out", type=Path, default=RESULTS / "demo.json", help="where the numbers taken go")
    arguments = parser.parse_args()
    if arguments.take:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        found = taken(json.loads(arguments.take.read_text()), simulated=not arguments.real)
        arguments.out.write_text(json.dumps(found, indent=1) + "\n")
        return
    old = [path for path in PAGES if path.read_text() != filled(path.read_text())]
    for path in old:
        sys.stdout.write(f"{path.relative_to(ROOT)}: {'out of date' if arguments.check else 'tables rewritten'}\n")
        if not arguments.check:
            path.write_text(filled(path.read_text()))
    sys.exit(1 if old and arguments.check else 0)


if __name__ == "__main__":
    main()
