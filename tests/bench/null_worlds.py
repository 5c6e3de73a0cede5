"""Remove the signal from twenty simulated worlds and count how often the 95 % intervals hold chance.

    python -m tests.bench.null_worlds --worlds 20 --store null-store --json null.json

Not part of the tests: it takes many runs of the chain. Each world has its own film, brain and noise (dataset.seed).
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from brainflix.report.scores import reference
from tests.bench.one_subject import scores

NO_SIGNAL = "dataset.snr=0"
# Not the slower network.
PREDICTIONS = "evaluate.inputs.predictions=[regress.z, regress.text, regress.clip, regress.clip-mlp]"


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
        worlds.append(scores(arguments.store, [NO_SIGNAL, PREDICTIONS, f"dataset.seed={seed}"], arguments.recipe))
        sys.stderr.write(f"world {seed} done, {len(worlds)} of {arguments.worlds}\n")
    counts = {}
    for name in (name for name, line in worlds[0].items() if reference(line) is not None):
        held = sum(w[name]["ci95"][0] <= reference(w[name]) <= w[name]["ci95"][1] for w in worlds)
        counts[name] = held
        sys.stdout.write(f"{name:28s} interval holds chance in {held} of {len(worlds)} worlds without signal\n")
    if arguments.json:
        arguments.json.write_text(json.dumps({"counts": counts, "worlds": worlds}, indent=1))


if __name__ == "__main__":
    main()
