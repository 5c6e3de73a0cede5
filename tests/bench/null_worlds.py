"""Remove the signal from twenty simulated worlds and count how often the 95 % intervals hold chance.

    python -m tests.bench.null_worlds --worlds 20 --store null-store --json null.json

Not part of the tests: it takes many runs of the chain. Each world has its own film, brain and noise (dataset.seed).
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from brainflix.plan import Selection, make_plan
from brainflix.recipe import load_recipe
from brainflix.run import execute, summary
from brainflix.settings import load_settings
from brainflix.store.store import Store

NO_SIGNAL = ("dataset.snr=0", "dataset.subjects=[1]", "align.group.part=none", "align.group.n_iterations=1")
# No interval of a decoder depends on the other rows of the table, nor on the slower networks.
LEAVE_OUT = (
    "evaluate.inputs.transfer=[]",
    "evaluate.inputs.baselines=[]",
    "evaluate.inputs.oracle=[]",
    "evaluate.inputs.predictions=[regress.z, regress.text, regress.clip, regress.clip-mlp]",
)


def score_world(seed: int, store: Path, recipe_name: str) -> dict[str, dict[str, float]]:
    """Run one world without signal and return its scores by metric."""
    recipe = load_recipe(recipe_name, [*NO_SIGNAL, *LEAVE_OUT, f"dataset.seed={seed}"])
    target, settings = Store(store), load_settings(store=store)
    done = execute(make_plan(recipe, target, Selection(stage="evaluate")), target, settings)
    scores: dict[str, dict[str, float]] = summary(recipe, target, done)["scores"]["1"]
    return scores


def main() -> None:
    """Run the worlds and print the count of each metric."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=20, help="how many")
    parser.add_argument("--first", type=int, default=1, help="seed of the first, to share the work among processes")
    parser.add_argument("--store", type=Path, default=Path("null-store"))
    parser.add_argument("--recipe", default="demo")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    worlds = []
    for seed in range(arguments.first, arguments.first + arguments.worlds):
        worlds.append(score_world(seed, arguments.store, arguments.recipe))
        sys.stderr.write(f"world {seed} done, {len(worlds)} of {arguments.worlds}\n")
    counts = {}
    for name in worlds[0]:
        scores = [world[name] for world in worlds]
        held = sum(s["ci95"][0] <= s["chance"] <= s["ci95"][1] for s in scores)  # type: ignore[index]
        counts[name] = held
        sys.stdout.write(f"{name:28s} interval holds chance in {held} of {len(worlds)} worlds without signal\n")
    if arguments.json:
        arguments.json.write_text(json.dumps({"counts": counts, "worlds": worlds}, indent=1))


if __name__ == "__main__":
    main()
