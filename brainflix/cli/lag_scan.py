"""`align --lag-scan`: which volume answers a clip, looked for in the raw runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from brainflix.cli.output import Output, Table
from brainflix.errors import MissingError

if TYPE_CHECKING:
    from brainflix.recipe.schema import Recipe
    from brainflix.store.store import Artifact, Store


def scan(recipe: Recipe, store: Store, subjects: Sequence[int] | None, area: str, out: Output) -> None:
    """Print, for each subject, how much of an area's responses the film explains at each delay.

    Raises:
        MissingError: the raw files are not in the store.
        UsageError: the data set has no films in runs.
    """
    from brainflix.align.lag import lag_scan
    from brainflix.datasets.cc2017.lag_files import lag_runs
    from brainflix.parts.find import find

    dataset = find("dataset", recipe.dataset.name).load()
    stimuli = _raw(store, dataset.name, "stimuli")
    found: dict[str, Any] = {}
    tables = []
    with out.working():
        for subject in subjects or recipe.dataset.subjects:
            raw = _raw(store, dataset.name, f"sub-{subject}")
            runs = lag_runs(dataset, raw.path, stimuli.path, subject, area, out)
            result = lag_scan(runs, dataset.tr_s, seed=recipe.seed)
            found[str(subject)] = _document(result)
            tables.append(_table(subject, area, result))
    lines = [f"{subject} {each['best_s']:.2f}" for subject, each in found.items()]
    out.result({"dataset": dataset.name, "area": area, "subjects": found}, lines=lines, tables=tables)
    for name, each in found.items():
        trust = f"p = {each['p']:.3f}" if each["p"] <= 0.05 else f"but p = {each['p']:.3f}: no delay stands out"
        out.say(f"subject {name}: volumes answer clips {each['best_s']:.1f} s after their onset, {trust}")
    out.say("This counts from a clip's onset, the trim's own delay included; published trims take 4 s. Where intervals")
    out.say("of neighbouring delays overlap, nothing speaks against that. preprocess.delay_s sets another one.")


def _raw(store: Store, dataset: str, who: str) -> Artifact:
    refs = store.refs("raw", f"{dataset}-{who}")
    if not refs:
        raise MissingError(f"raw/{dataset}-{who} is not in the store", next=f"brainflix download {dataset}")
    return store.open(refs[0])


def _document(result: Any) -> dict[str, Any]:
    return {
        "best_s": result.best_s,
        "p": result.p,
        "chance": result.chance,
        "n_runs": result.n_runs,
        "delays_s": result.delays_s.tolist(),
        "explained": result.explained.tolist(),
        "ci95": [list(pair) for pair in zip(result.low.tolist(), result.high.tolist(), strict=True)],
    }


def _table(subject: int, area: str, result: Any) -> Table:
    rows = []
    peak = int(result.explained.argmax())
    for place, delay in enumerate(result.delays_s):
        interval = f"{result.low[place]:.4f} … {result.high[place]:.4f}"
        mark = "<- best" if place == peak else ""
        rows.append((f"{delay:g}", f"{result.explained[place]:.4f}", interval, mark))
    title = (
        f"Subject {subject}, {area}: variance explained by the film ({result.n_runs} runs; chance {result.chance:.4f})"
    )
    columns = ("delay, s", "explained", "95% interval", "")
    return Table(columns, rows, title, frozenset(columns[:3]))
