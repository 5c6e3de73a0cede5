"""Does masked brain modelling help when labels are few? Simulated brains; decoding against labelled clips.

    brainflix run demo --only align --store store && brainflix run demo --only targets --store store
    python -m tests.bench.masked_modelling --store store --out assets/masked-modelling.png

The three subjects' aligned rows are pooled. Stage 1 sees the rows of all training clips without labels; contrastive
tuning then sees only N labelled clips, from the stage-1 weights or from the random weights that stage 1 started with,
with the same number of steps. Ridge on the same labelled rows is the reference. The validation segment stops the tuning
in both arms. What is plotted is identification of the test clips' CLIP-like embeddings, mean over subjects and seeds.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from brainflix.engine.plan import make_plan
from brainflix.linear.folds import contiguous_folds
from brainflix.linear.ridge import fit_ridge
from brainflix.recipe.files import load_recipe
from brainflix.store.responses import Responses
from brainflix.store.schema import Targets
from brainflix.store.store import Store
from brainflix.train.contrastive import tune_contrastive
from brainflix.train.masked import train_masked
from brainflix.train.parts import ContrastiveParams, MaskedParams
from brainflix.trained.features import extract
from brainflix.trained.files import TrainResult
from brainflix.trained.network import rebuild
from brainflix.trained.retrieval import retrieval_scores

LABELLED = (60, 120, 240, 480)
SEEDS = (0, 1)
STEPS, BATCH, MASKED_EPOCHS = 120, 96, 20
WITH, WITHOUT, RIDGE = "tuned after masked modelling", "tuned from random weights", "ridge on grayordinates"
MASKED = MaskedParams(preset="tiny", patch_size=64, epochs=MASKED_EPOCHS, warmup_epochs=2)
Rows = tuple[np.ndarray, np.ndarray]


class World:
    """The demo's aligned rows by split, subjects pooled: rows and the clip of each; test rows by subject."""

    def __init__(self, store: Store) -> None:
        planned = make_plan(load_recipe("demo"), store)
        found = {
            p.place: store.open(p.job.ref)
            for p in planned
            if p.place[0] in ("align", "targets") and store.has(p.job.ref)
        }
        subjects = [each for place, each in found.items() if place[:2] == ("align", "group")]
        self.embeddings = Targets.load(found["targets", "clip", None]).values
        responses = [Responses.load(artifact) for artifact in subjects]
        self.train, self.val = (self._pool(responses, split) for split in ("train", "val"))
        self.test = [each.rows("test") for each in responses]

    @staticmethod
    def _pool(responses: list[Responses], split: str) -> Rows:
        parts = [each.rows(split) for each in responses]
        return np.concatenate([rows for _, rows in parts]), np.concatenate([clip for clip, _ in parts])

    def labelled(self, n: int, seed: int) -> Rows:
        """Return the rows of `n` random training clips."""
        clips = np.unique(self.train[1])
        chosen = np.random.default_rng([seed, n]).choice(clips, min(n, len(clips)), replace=False)
        kept = np.isin(self.train[1], chosen)
        return self.train[0][kept], self.train[1][kept]

    def identification(self, predict: object) -> float:
        """Return the mean over subjects of identification among the test clips; `predict` maps rows to embeddings."""
        scores = []
        for clip, rows in self.test:
            values = retrieval_scores(predict(rows), self.embeddings[clip], np.arange(len(clip)))  # type: ignore[operator]
            scores.append(values["identification"])
        return float(np.mean(scores))


def tuned(world: World, start: TrainResult, labelled: Rows, seed: int) -> float:
    """Tune from a network on labelled rows and return the identification of test clips."""
    rows, clips = (np.concatenate(pair) for pair in zip(labelled, world.val, strict=True))
    steps_an_epoch = -(-len(labelled[0]) // BATCH)
    epochs = max(1, round(STEPS / steps_an_epoch))
    params = ContrastiveParams(
        preset="tiny", epochs=epochs, warmup_epochs=max(1, epochs // 10), batch_size=BATCH, patience=0
    )
    held_out = np.arange(len(labelled[0]), len(rows))
    result = tune_contrastive(rows, clips, world.embeddings, params, start=start, held_out=held_out, seed=seed)
    return world.identification(lambda x: extract(rebuild(result), x, what="embedding"))


def ridge(world: World, labelled: Rows) -> float:
    """Fit ridge on labelled rows, and return the identification of test clips."""
    rows, clips = labelled
    order = np.argsort(clips, kind="stable")
    alphas = np.array((0.03, 0.1, 0.3, 1, 3, 10, 30, 100)) * rows.shape[1]
    fit = fit_ridge(rows[order], world.embeddings[clips[order]], alphas, contiguous_folds(clips[order], 5))
    return world.identification(fit.predict)


def measure(world: World) -> dict[str, dict[int, list[float]]]:
    """Return identification by arm, number of labelled clips and seed."""
    found: dict[str, dict[int, list[float]]] = {arm: {n: [] for n in LABELLED} for arm in (WITH, WITHOUT, RIDGE)}
    for seed in SEEDS:
        trained = train_masked(world.train[0], MASKED, seed=seed)
        untrained = train_masked(world.train[0], MASKED.model_copy(update={"epochs": 0}), seed=seed)
        for n in LABELLED:
            labelled = world.labelled(n, seed)
            found[WITH][n].append(tuned(world, trained, labelled, seed))
            found[WITHOUT][n].append(tuned(world, untrained, labelled, seed))
            found[RIDGE][n].append(ridge(world, labelled))
            line = ", ".join(f"{arm} {values[n][-1]:.3f}" for arm, values in found.items())
            sys.stdout.write(f"seed {seed}, {n} labelled clips: {line}\n")
            sys.stdout.flush()
    return found


def draw(found: dict[str, dict[int, list[float]]], path: Path) -> None:
    """Draw the mean of each arm with every seed as a dot."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for (arm, values), colour in zip(found.items(), ("#1f6f8b", "#d9822b", "#6b7280"), strict=True):
        axes.plot(LABELLED, [np.mean(values[n]) for n in LABELLED], marker="o", color=colour, label=arm)
        for n in LABELLED:
            axes.scatter([n] * len(values[n]), values[n], s=9, color=colour, alpha=0.5)
    axes.axhline(0.5, color="black", linewidth=0.8, linestyle="--")
    axes.annotate("chance", (LABELLED[-1], 0.5), ha="right", va="bottom", fontsize=8)
    axes.set_xscale("log")
    axes.set_xticks(LABELLED, [str(n) for n in LABELLED])
    axes.minorticks_off()
    axes.set_xlabel("labelled clips (each seen by three subjects)")
    axes.set_ylabel("identification of test clips")
    axes.set_title("Simulated brains: does masked modelling help?", fontsize=10)
    axes.legend(frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=130, metadata={"Software": None})


def main() -> None:
    """Measure, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path, default=Path("store"))
    parser.add_argument("--out", type=Path, default=Path("assets/masked-modelling.png"))
    arguments = parser.parse_args()
    found = measure(World(Store(arguments.store)))
    draw(found, arguments.out)
    arguments.out.with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
