"""A data set from a folder of files through the command line's own doors."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from brainflix.engine.draft import Selection
from brainflix.engine.plan import make_plan
from brainflix.engine.run import execute
from brainflix.parts.work import DOWNLOADS, Intake
from brainflix.recipe.files import load_recipe
from brainflix.recipe.schema import Recipe
from brainflix.settings import load_settings
from brainflix.store.artifact import Artifact
from brainflix.store.responses import Responses
from brainflix.store.store import Store


def recipe_of(name: str, *changes: str) -> Recipe:
    return load_recipe(name, changes)


def download(recipe: Recipe, store: Path, source: Path | None, *subjects: int, agreed: bool = False) -> list[Artifact]:
    """Adopt the stimuli and the subjects' files, or fetch them if there is no source."""
    place = Store(store)
    # As `brainflix download` plans: what a person brings comes with `source`.
    plan = partial(make_plan, recipe, place, by_hand_blocks=False)
    planned = plan(Selection("download", subjects=subjects or None, alone=True))
    if subjects:
        stimuli = plan(Selection("download", "stimuli", alone=True))
        planned = stimuli + [item for item in planned if item.job.subject is not None]
    intake = Intake(place.root / DOWNLOADS, source, agreed)
    done = execute(planned, place, load_settings(store=store), intake=intake)
    return [place.open(each.ref) for each in done]


def preprocess(recipe: Recipe, store: Path, *subjects: int) -> list[Responses]:
    place = Store(store)
    planned = make_plan(recipe, place, Selection("preprocess", subjects=subjects or None, alone=True))
    return [Responses.load(place.open(done.ref)) for done in execute(planned, place, load_settings(store=store))]


def align(recipe: Recipe, store: Path, step: str) -> tuple[Artifact, list[Artifact]]:
    """Align all subjects; return the group's maps and the subjects' aligned responses."""
    place = Store(store)
    plan = make_plan(recipe, place, Selection("align", step, alone=True))
    maps, *aligned = (place.open(done.ref) for done in execute(plan, place, load_settings(store=store)))
    return maps, aligned
