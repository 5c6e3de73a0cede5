"""What a step reads: its roles against what its part declares, its sources against the steps before it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from brainflix.errors import UsageError
from brainflix.parts.find import Part
from brainflix.recipe.schema import DEFAULT_INPUTS, Recipe, Source, Step
from brainflix.wording import did_you_mean

# Stage, step, subject; the stage of another recipe is written `recipe/stage`.
Place = tuple[str, str, int | None]


def stage_place(recipe: str, stage: str) -> str:
    """Return the stage of a place: its own name, or `recipe/stage` for that of another recipe."""
    return f"{recipe}/{stage}" if recipe else stage


def output_place(place: Place, output: str) -> Place:
    """Return where an output of a job stands: at the job's own place, or at `step:output` for a further one."""
    return place if not output else (place[0], f"{place[1]}:{output}", place[2])


def is_own(place: Place) -> bool:
    """Say whether a place stands in the recipe itself, not in another one that it reads from."""
    return "/" not in place[0]


def check_roles(part: Part, step: Step, stage: str, where: str) -> None:
    """Check a step's roles against those that its part declares; a part that declares none takes any.

    Raises:
        UsageError: an unknown role, with the nearest one, or a missing one.
    """
    if part.needs is None:
        return
    known = (*part.needs, *part.takes)
    unknown = [role for role in step.inputs if role not in known]
    missing = [role for role in part.needs if role not in step.inputs]
    # Nobody wrote the default inputs, so that what is missing says more than what of them is too much.
    written = [role for role in unknown if role not in DEFAULT_INPUTS.get(stage, {})]
    if unknown and (written or not missing):
        wrong = (written or unknown)[0]
        raise UsageError(f"{where}: part {step.part!r} takes no input {wrong!r}", why=did_you_mean(wrong, known))
    if missing:
        needs = " and ".join(part.needs)
        raise UsageError(
            f"{where}: part {step.part!r} needs the input {missing[0]!r}",
            why=f"it needs {needs}" + (f", and may take {', '.join(part.takes)}" if part.takes else ""),
            next=f"name the step that it comes from under inputs of {where}",
        )


def ordered(stage: str, steps: Mapping[str, Step]) -> list[tuple[str, Step]]:
    """Order a section's steps so that each comes after the steps of the same section that it reads.

    Raises:
        UsageError: they wait for one another.
    """
    left, done = dict(steps), []
    while left:
        ready = [
            name
            for name, step in left.items()
            if not any(
                s.stage == stage and not s.recipe and s.step.partition(":")[0] in left
                for group in step.inputs.values()
                for s in group
            )
        ]
        if not ready:
            raise UsageError(f"the steps of {stage} wait for one another: {', '.join(left)}")
        done += [(name, left.pop(name)) for name in ready]
    return done


def _siblings(stage: str, step: Step) -> set[str]:
    """Return the steps of its own section that a step reads."""
    sources = (source for group in step.inputs.values() for source in group)
    return {source.step.partition(":")[0] for source in sources if source.stage == stage and not source.recipe}


def subjects_of(step: Step, recipe: Recipe) -> Sequence[int | None]:
    """Return the subjects that a step runs for; None stands for all or none of them."""
    if step.subjects == "each":
        return recipe.dataset.subjects
    if isinstance(step.subjects, tuple):
        return [subject for subject in recipe.dataset.subjects if subject in step.subjects]
    return [None]


def resolve(source: Source, places: Collection[Place], subject: int | None, where: str) -> tuple[Place, ...]:
    """Return which of the places so far a source means for a step of this subject; "others" may be nobody.

    Raises:
        UsageError: no such step before it, or a subject that this step does not run for.
    """
    stage = stage_place(source.recipe, source.stage)
    options = [place for place in places if place[:2] == (stage, source.step)]
    name = f"{stage}.{source.step}".rstrip(".")
    if not options:
        near = {f"{stage}.{step}".rstrip(".") for stage, step, _ in places}
        raise UsageError(f"{where}: no step {name} before it", why=did_you_mean(name, near))
    if source.recipe and source.subjects == "own" and options[0][2] is not None:
        raise UsageError(
            f"{where}: whose {name} is meant",
            why="subjects of another recipe are not its own",
            next=f"write {name}[all], or their numbers",
        )
    if options[0][2] is None or source.subjects == "all" or (source.subjects == "own" and subject is None):
        return tuple(options)
    if source.subjects == "others":
        return tuple(place for place in options if place[2] != subject)
    numbers = (subject,) if source.subjects == "own" else source.subjects
    chosen = tuple(place for place in options if place[2] in numbers)
    if len(chosen) < len(numbers):
        raise UsageError(f"{where}: {name} has no subject {numbers}")
    return chosen


def nobody(where: str, role: str, source: Source, subject: int | None) -> UsageError:
    """Return the refusal of a source that names no subject."""
    name = f"{source.stage}.{source.step}".rstrip(".")
    return UsageError(
        f"{where}: its input {role!r} is {name}[{source.subjects}], which is nobody",
        why=f"{name} has no subject but {subject}",
        next="name more subjects in dataset.subjects, or leave this step and what reads it out",
    )
