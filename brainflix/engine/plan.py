"""Recipe + store -> ordered jobs, each marked cached, to run, or blocked with the reason. Reads no data."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial

from brainflix.engine.draft import EVERYTHING, Draft, Selection
from brainflix.engine.expand import Expander
from brainflix.engine.job import Job
from brainflix.engine.needs import by_hand
from brainflix.errors import BrainflixError, IntegrityError, MissingError, UsageError
from brainflix.recipe.parameters import check_compat
from brainflix.recipe.schema import Recipe
from brainflix.recipe.wiring import Place, is_own
from brainflix.store.publish import refuse_torn
from brainflix.store.refs import Ref
from brainflix.store.store import Store

CACHED, TO_RUN, BLOCKED = "cached", "to run", "blocked"
_NEEDS = "needs "


@dataclass(frozen=True)
class Planned:
    """A job and what will happen to it.

    Attributes:
        place: where the job stands in the recipe, or in another one that it reads from.
        job: the job.
        status: "cached", "to run" or "blocked".
        why: the reason, for people.
        needs: places of the jobs whose results it reads.
        lacks: what a blocked job reads, nobody makes and the store has not.
        error: what running a blocked job would raise, where that is known.
    """

    place: Place
    job: Job
    status: str
    why: str
    needs: tuple[Place, ...]
    lacks: Ref | None = None
    error: BrainflixError | None = None


def make_plan(
    recipe: Recipe, store: Store, selection: Selection = EVERYTHING, *, by_hand_blocks: bool = True
) -> list[Planned]:
    """Expand a recipe into ordered jobs.

    Args:
        recipe: what is computed.
        store: what is there already.
        selection: what of the recipe is wanted.
        by_hand_blocks: whether a download is blocked that waits for a person; without, what can be fetched comes first.

    Raises:
        UsageError: an unknown dataset, step, subject, parameter or role, or a role without any subject; names it.
    """
    check_compat(recipe)
    drafts = {draft.place: draft for draft in Expander(recipe, selection).drafts()}
    wanted = _wanted(drafts, recipe, selection)
    planned: dict[Place, Planned] = {}
    for place, draft in drafts.items():
        if place in wanted:
            if draft.refusal:
                raise draft.refusal
            planned[place] = _mark(draft, planned, store, by_hand_blocks)
    return list(planned.values())


def _wanted(drafts: Mapping[Place, Draft], recipe: Recipe, selection: Selection) -> set[Place]:
    """Return the selected places and, unless they stand alone, everything that they need."""
    chosen = _chosen(drafts, recipe, selection)
    if selection.alone:
        return chosen
    todo = list(chosen)
    while todo:
        for need in drafts[todo.pop()].needs:
            if need not in chosen:
                chosen.add(need)
                todo.append(need)
    return chosen


def _chosen(places: Collection[Place], recipe: Recipe, selection: Selection) -> set[Place]:
    """Return the places that the selection names itself."""
    subjects = selection.subjects
    if subjects and (unknown := set(subjects) - set(recipe.dataset.subjects)):
        raise UsageError(
            f"recipe {recipe.recipe} has no subject {min(unknown)}", why=f"it has {recipe.dataset.subjects}"
        )
    own = [place for place in places if is_own(place)]
    named = {
        place
        for place in own
        if selection.stage in (None, place[0]) and selection.step in (None, place[1].partition(":")[0])
    }
    if not named:
        raise UsageError(f"recipe {recipe.recipe} has no step {selection.stage}.{selection.step or ''}".rstrip("."))
    if subjects is None:
        return named
    # Steps of all subjects, the report among them, come only if they are named or needed.
    chosen = {place for place in named if place[2] in subjects or (place[2] is None and selection.stage is not None)}
    if not chosen:
        step = f"{selection.stage}.{selection.step or ''}".rstrip(".")
        raise UsageError(f"recipe {recipe.recipe} has no step {step} for subject {subjects[0]}")
    return chosen


def _mark(draft: Draft, planned: Mapping[Place, Planned], store: Store, by_hand_blocks: bool) -> Planned:
    """Decide what happens to one job, given what happens to those before it."""
    job, needs = draft.job, draft.needs
    mark = partial(Planned, draft.place, job, needs=needs)
    if draft.trouble:
        return mark(BLOCKED, draft.trouble, error=draft.error)
    if damage := _damage(job, store):
        return mark(BLOCKED, damage.clause, error=damage)
    if all(map(store.has, job.outputs.values())):
        return mark(CACHED, "in the store with the same key")
    if by_hand_blocks and (error := by_hand(job, store)):
        return mark(BLOCKED, error.clause, error=error)
    blocked = [planned[need] for need in needs if need in planned and planned[need].status == BLOCKED]
    if blocked:
        # What those before wait for is all that a reader can do something about.
        why = blocked[0].why if blocked[0].why.startswith(_NEEDS) else f"{_NEEDS}{blocked[0].job.ref}: {blocked[0].why}"
        return mark(BLOCKED, why, error=blocked[0].error)
    coming = {ref for need in needs if need in planned for ref in planned[need].job.outputs.values()}
    for ref in (ref for refs in job.inputs.values() for ref in refs):
        if ref not in coming and not store.has(ref):
            return mark(BLOCKED, f"{ref} is not in the store", lacks=ref)
    return mark(TO_RUN, "not in the store")


def _damage(job: Job, store: Store) -> IntegrityError | None:
    """Return what is wrong with what stands in the place of a job's outputs; of its files only manifests are read."""
    for ref in job.outputs.values():
        try:
            refuse_torn(store.path(ref), ref)
            if store.has(ref):
                store.manifest(ref)
        except IntegrityError as error:
            advice = error.next if not store.has(ref) else f"brainflix store gc --remove {ref}, then run again"
            return IntegrityError(error.what, why=error.why, next=advice)
        except MissingError:
            # Somebody has just deleted it.
            continue
    return None
