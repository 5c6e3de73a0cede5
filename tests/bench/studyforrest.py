"""Studyforrest, all 15 people: each run left out in turn, their own brains and decoders of the others.

Run with a folder that holds the arrays of all people (`bold_runs_1_2_4_6_15subj.npz`, `run8_15subj_common.npz`); they
are written in the layout of the public repository and adopted as a person's own copy would be.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from brainflix.datasets.studyforrest.layout import RUNS, table_path
from brainflix.datasets.studyforrest.sample import write_table
from brainflix.engine.draft import Selection
from brainflix.engine.plan import make_plan
from brainflix.engine.run import execute
from brainflix.parts.work import DOWNLOADS, Intake
from brainflix.recipe.files import load_recipe
from brainflix.settings import load_settings
from brainflix.store.store import Store

LEAD = ("speech", "rms_log", "norm_diff", "cuts", "forrest_speaks")
LEFT_OUT = ("procrustes", "srm", "gcca")


def main() -> None:
    """Print mean r over people and runs, and in how many cells ridge alignment beats none."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--arrays", type=Path, required=True)
    parser.add_argument("--store", type=Path, required=True)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write_tables(asked.arrays, Path(folder))
        found = [row for run in RUNS for row in scores_of(run, asked.store, Path(folder))]
    for name in LEAD:
        own = [row["own"] for row in found if row["dimension"] == name]
        gains = [row["gain"] for row in found if row["dimension"] == name]
        print(
            f"{name:15s} own {np.mean(own):.3f}; ridge above none in {np.mean(np.array(gains) > 0):.0%} of "
            f"{len(gains)} cells, mean gain {np.mean(gains):+.3f}; "
            f"none {np.mean([row['none'] for row in found if row['dimension'] == name]):.3f}, "
            f"ridge {np.mean([row['ridge'] for row in found if row['dimension'] == name]):.3f}; "
            f"interval above 0 in {sum(row['lo'] > 0 for row in found if row['dimension'] == name)}, "
            f"below 0 in {sum(row['hi'] < 0 for row in found if row['dimension'] == name)}"
        )
    every = [row["gain"] for row in found]
    print(f"all {len({row['dimension'] for row in found})} dimensions: above in {np.mean(np.array(every) > 0):.0%}")
    Path(asked.store / "bench-studyforrest.json").write_text(json.dumps(found))


def write_tables(arrays: Path, folder: Path) -> None:
    """Write each person's and run's table as the public repository has it."""
    with np.load(arrays / "bold_runs_1_2_4_6_15subj.npz") as most, np.load(arrays / "run8_15subj_common.npz") as last:
        people = [int(name.removeprefix("sub-")) for name in most["subjects"].tolist()]
        for run in RUNS:
            rows = last["data"] if run == 8 else most[f"run{run}"]
            for place, subject in enumerate(people):
                write_table(folder / table_path(subject, run), most["roi"], rows[place])


def scores_of(run: int, store: Path, tables: Path) -> Iterator[dict[str, Any]]:
    """Yield a row for each person and dimension, with one run tested and all others trained on."""
    changes = [f"dataset.test_runs=[{run}]", *(f"align.{each}=null" for each in LEFT_OUT)]
    changes += [f"regress.others-{each}=null" for each in LEFT_OUT]
    changes += ["evaluate.inputs.transfer=[regress.others-none, regress.others-ridge]", "evaluate.permutations=999"]
    changes += [f"regress.{each}.n_folds=4" for each in ("own", "others-none", "others-ridge")]
    recipe = load_recipe("studyforrest", [*changes, "align.ridge.n_folds=4"], preset="all")
    place = Store(store)
    settings, intake = load_settings(store=store), Intake(place.root / DOWNLOADS, tables, False)
    plan = make_plan(recipe, place, Selection("download", alone=True), by_hand_blocks=False)
    execute(plan, place, settings, intake=intake)
    for done in execute(make_plan(recipe, place, Selection("evaluate")), place, settings):
        if not done.ref.startswith("scores/"):
            continue
        tables_of = place.open(done.ref).json("scores.json")["tables"]
        own = {row["dimension"]: row["r"] for row in tables_of["Dimensions"]}
        across: dict[str, dict[str, Any]] = {}
        for row in tables_of["Decoders trained on the other subjects, by dimension"]:
            one = across.setdefault(row["dimension"], {})
            one[row["decoder"].removeprefix("others-")] = row["r"]
            one |= {"gain": row["gain"], "lo": row["gain_lo"], "hi": row["gain_hi"]} if "gain" in row else {}
        for name, r in own.items():
            if r is not None and None not in across[name].values():
                yield {"run": run, "ref": done.ref, "dimension": name, "own": r, **across[name]}


if __name__ == "__main__":
    main()
