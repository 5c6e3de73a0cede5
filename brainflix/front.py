"""The Python front door: what a notebook or a script needs, each in one call (docs/python.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brainflix.engine.draft import Selection
from brainflix.engine.plan import Planned, make_plan
from brainflix.engine.run import Done, execute, summary
from brainflix.recipe.files import load_recipe
from brainflix.recipe.schema import Recipe
from brainflix.settings import load_settings
from brainflix.store.artifact import Artifact
from brainflix.store.store import Store
from brainflix.wording import count

if TYPE_CHECKING:
    from brainflix.progress import Progress

__all__ = ["Plan", "Run", "Scores", "load", "load_recipe", "open_store", "plan", "run", "score"]
# Scores that a `repr` shows.
_SHOWN = 3


@dataclass(frozen=True, repr=False)
class Plan:
    """The jobs of a recipe in the order in which they run; a sequence of `Planned`.

    Attributes:
        recipe: what they come from.
        store: where their artifacts are and go.
        jobs: each with its status: "cached", "to run" or "blocked", and why.
    """

    recipe: Recipe
    store: Store
    jobs: tuple[Planned, ...]

    def __iter__(self) -> Iterator[Planned]:
        """Yield the jobs."""
        return iter(self.jobs)

    def __len__(self) -> int:
        """Return how many jobs there are."""
        return len(self.jobs)

    def __repr__(self) -> str:
        """Return the recipe's name and how many jobs have which status."""
        statuses = [each.status for each in self.jobs]
        counts = ", ".join(f"{statuses.count(name)} {name}" for name in dict.fromkeys(statuses))
        return f"Plan({self.recipe.recipe}: {count(len(self.jobs), 'job')}{f', {counts}' if counts else ''})"


@dataclass(frozen=True, repr=False)
class Run:
    """What came of a plan.

    Attributes:
        recipe: what was run.
        store: where the artifacts are.
        done: what happened to each job.
    """

    recipe: Recipe
    store: Store
    done: tuple[Done, ...]

    @property
    def refs(self) -> tuple[str, ...]:
        """The artifacts, in the order in which they were made."""
        return tuple(each.ref for each in self.done)

    @property
    def scores(self) -> dict[str, Any]:
        """The scores by subject and metric, each with `value`, `chance`, `ci95`, `p` and `n`."""
        found: dict[str, Any] = summary(self.recipe, self.store, self.done)["scores"]
        return found

    def __repr__(self) -> str:
        """Return the recipe's name and how many artifacts were made."""
        made = sum(each.status == "ran" for each in self.done)
        return f"Run({self.recipe.recipe}: {made} made, {len(self.done) - made} cached)"


@dataclass(frozen=True, repr=False)
class Scores(Mapping[str, Mapping[str, Any]]):
    """Scores by metric, each line with `value`, `chance`, `ci95`, `p` and `n`.

    Attributes:
        document: everything, as `brainflix score --out` writes it: protocol, versions, notes, what was not scored.
    """

    document: Mapping[str, Any]

    def __getitem__(self, name: str) -> Mapping[str, Any]:
        """Return the line of a metric."""
        line: Mapping[str, Any] = self.document["scores"][name]
        return line

    def __iter__(self) -> Iterator[str]:
        """Yield the metrics' names."""
        return iter(self.document["scores"])

    def __len__(self) -> int:
        """Return how many metrics there are."""
        return len(self.document["scores"])

    def __repr__(self) -> str:
        """Return the protocol, the number of clips and the leading values."""
        values = [f"{name} {line['value']:.3f}" for name, line in self.items() if line["value"] is not None]
        rest = f", and {len(values) - _SHOWN} more" if len(values) > _SHOWN else ""
        about = f"{self.document['protocol']['name']}, {count(self.document['n_clips'], 'clip')}"
        return f"Scores({about}: {', '.join(values[:_SHOWN])}{rest})"


def open_store(path: Path | str | None = None) -> Store:
    """Return the store in a folder, or the one that the settings name (`./store` unless they say otherwise).

    Raises:
        UsageError: a setting is not valid.
    """
    return Store(path) if path is not None else Store(load_settings().store)


def plan(
    recipe: Recipe | str,
    store: Store | Path | str | None = None,
    *,
    stage: str | None = None,
    step: str | None = None,
    subjects: Sequence[int] | None = None,
) -> Plan:
    """Return the jobs of a recipe; nothing is run or written.

    Args:
        recipe: one that `load_recipe` returned, or its name or path.
        store: a store or its folder; the settings' if it is left out.
        stage, step: only this stage, only this step of it, and what they need.
        subjects: only these.

    Raises:
        UsageError: an unknown name, or a parameter that is not valid.
        MissingError: there is no such recipe file.
    """
    chosen = load_recipe(recipe) if isinstance(recipe, str) else recipe
    place = store if isinstance(store, Store) else open_store(store)
    selection = Selection(stage, step, None if subjects is None else tuple(subjects))
    return Plan(chosen, place, tuple(make_plan(chosen, place, selection)))


def run(
    recipe: Plan | Recipe | str,
    store: Store | Path | str | None = None,
    *,
    name: str = "",
    progress: Progress | None = None,
    settings: Mapping[str, Any] | None = None,
    **chosen: Any,
) -> Run:
    """Make everything that a recipe names, except what is in the store already.

    Args:
        recipe: a plan, a recipe, or a recipe's name or path.
        store: as in `plan`, which decides it where a plan is given.
        name: label of this experiment, for tables; it is part of no key.
        progress: told how far each job is.
        settings: where and how fast, such as {"device": "cpu", "workers": 1}.
        chosen: `stage`, `step` and `subjects` of `plan`.

    Raises:
        MissingError: a job cannot be run, because something that it reads is not there; nothing was run.
        ResourceError: the device that `settings` name is not there.
        BrainflixError: what a job raises.
    """
    planned = recipe if isinstance(recipe, Plan) else plan(recipe, store, **chosen)
    given = load_settings(**{**(settings or {}), "store": planned.store.root})
    if "device" in (settings or {}):
        from brainflix.device import pick_compute

        # A device asked for by name must be there, even if everything is cached.
        pick_compute(given.device, given.precision)
    done = execute(planned.jobs, planned.store, given, progress=progress, name=name)
    return Run(planned.recipe, planned.store, tuple(done))


def load(ref: str, store: Store | Path | str | None = None) -> Artifact:
    """Open an artifact: `load("videos/demo-sub-1-video").frames()`, `load("bold/demo-sub-1").arrays()`.

    Args:
        ref: `kind/name` for the newest, or `kind/name@key`.
        store: a store or its folder; the settings' if it is left out.

    Raises:
        UsageError: the text is no ref.
        MissingError: there is no such artifact; says the nearest one.
        IntegrityError: its manifest was changed, or a file is missing.
    """
    return (store if isinstance(store, Store) else open_store(store)).open(ref)


def score(
    pred: Artifact | Path | str,
    truth: Artifact | Path | str,
    protocol: str = "strict",
    *,
    metrics: Sequence[str] | None = None,
    store: Store | Path | str | None = None,
    seed: int = 0,
    permutations: int = 10_000,
    fps_pred: float | None = None,
    fps_truth: float | None = None,
) -> Scores:
    """Score videos against the true ones: folders, exported artifacts, artifacts or their refs on either side.

    Args:
        pred, truth: where the clips are.
        protocol: how they are compared; `brainflix list metrics --protocol NAME` says what that means.
        metrics: names; all that can be scored here if it is left out.
        store: where refs are looked up; the settings' if it is left out.
        seed: of permutations and intervals.
        permutations: exchanges of clips for p at most; 0 for no p and no measured chance.
        fps_pred, fps_truth: frames per second of what does not say, such as arrays.

    Raises:
        UsageError: an unknown name.
        MissingError: there is nothing at a path.
        DataError: clips cannot be used, or do not fit each other.
    """
    from brainflix.evaluate.design import Settings
    from brainflix.evaluate.request import Request, score_request

    settings = load_settings()
    request = Request(
        pred=_where(pred),
        truth=_where(truth),
        store=lambda: store if isinstance(store, Store) else open_store(store),
        protocol=protocol,
        metrics=None if metrics is None else tuple(metrics),
        fps_pred=fps_pred,
        fps_truth=fps_truth,
        settings=Settings(permutations=permutations, seed=seed),
        cache=settings.cache,
        device=settings.device,
        clips_per_batch=settings.clips_per_batch,
        workers=settings.workers or 1,
    )
    return Scores(score_request(request))


def _where(side: Artifact | Path | str) -> str:
    """Return what a request calls a side: a ref or a path."""
    return str(side.ref) if isinstance(side, Artifact) else str(side)
