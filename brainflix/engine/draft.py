"""What of a recipe is wanted, and a job before the store is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from brainflix.engine.job import Job
from brainflix.errors import BrainflixError, UsageError
from brainflix.recipe.wiring import Place
from brainflix.store.refs import Ref


@dataclass(frozen=True)
class Selection:
    """Which of a recipe's jobs are wanted: None means all.

    Attributes:
        stage, step: only this verb, only this step of it.
        subjects: only these subjects; steps of all subjects only if `stage` names them or they are needed.
        inputs: refs that replace a role's inputs.
        alone: leave out what the selected jobs need; they must be in the store.

    Raises:
        UsageError: a subject is named twice.
    """

    stage: str | None = None
    step: str | None = None
    subjects: tuple[int, ...] | None = None
    inputs: Mapping[str, tuple[Ref, ...]] | None = None
    alone: bool = False

    def __post_init__(self) -> None:
        """Check that no subject is named twice."""
        twice = [subject for subject, count in Counter(self.subjects or ()).items() if count > 1]
        if twice:
            raise UsageError(f"subject {twice[0]} is named twice", next="name each subject once")


EVERYTHING = Selection()


@dataclass(frozen=True)
class Draft:
    """A job before the store is asked.

    Attributes:
        place, job, needs: as in `Planned`.
        trouble: why it cannot be run here, or "".
        error: what running it would raise, where that is known.
        refusal: why no recipe can ask for it; raised only if the job is wanted.
    """

    place: Place
    job: Job
    needs: tuple[Place, ...] = ()
    trouble: str = ""
    error: BrainflixError | None = None
    refusal: UsageError | None = None
