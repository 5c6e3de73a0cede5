"""Everything that the page shows, read from the artifacts; what cannot be read becomes a sentence instead of a section."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from markupsafe import Markup

from brainflix import registry
from brainflix.contract import Job
from brainflix.datasets.base import Dataset
from brainflix.errors import BrainflixError
from brainflix.report.brain import Share, Space, area_shares, draw_maps, read_space, strongest
from brainflix.report.gallery import Choice, Gallery, build, choose, open_truth
from brainflix.report.provenance import Ran, lineage
from brainflix.report.recipe_text import recipe_yaml
from brainflix.report.scores import Sheet, read_sheet
from brainflix.store.artifact import Artifact
from brainflix.store.schema import Clips
from brainflix.store.store import Store

Inputs = Mapping[str, Sequence[Artifact]]
Result = TypeVar("Result")
# What reading a damaged or foreign artifact can raise beside the project's own errors.
_UNREADABLE = (BrainflixError, OSError, ValueError, TypeError, KeyError, IndexError, AttributeError)


@dataclass(frozen=True)
class BrainMap:
    """One subject's maps (hemisphere, figure), how much was selected, or why there is no map."""

    title: str
    figures: tuple[tuple[str, Markup], ...]
    n: int
    n_selected: int | None
    why_none: str


@dataclass(frozen=True)
class Report:
    """The content of the page.

    Attributes:
        ref, name, about, method, seed: of this report and its recipe.
        dataset: its title; `subjects` its subject numbers.
        simulated: whether the brains are simulated.
        sheets, galleries, maps, shares, ran: the sections.
        largest: reliability of the strongest colour on the maps.
        recipe_text: the recipe as YAML, empty if there is none.
        problems: sentences about what could not be read.
    """

    ref: str
    name: str
    about: str
    method: str
    seed: int
    dataset: str
    subjects: tuple[int, ...]
    simulated: bool
    sheets: tuple[Sheet, ...]
    galleries: tuple[Gallery, ...]
    maps: tuple[BrainMap, ...]
    shares: tuple[Share, ...]
    largest: float
    ran: tuple[Ran, ...]
    recipe_text: str
    problems: tuple[str, ...]


class _Reader:
    """Tries to read, and remembers what failed, so that a page comes of any set of inputs."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def attempt(self, what: str, read: Callable[[], Result]) -> Result | None:
        try:
            return read()
        except _UNREADABLE as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            self.problems.append(f"{what}: {reason}")
            return None

    def each(self, artifacts: Sequence[Artifact], read: Callable[[Artifact], Result]) -> list[tuple[Artifact, Result]]:
        found = [(artifact, self.attempt(str(artifact.ref), lambda a=artifact: read(a))) for artifact in artifacts]  # type: ignore[misc]
        return [(artifact, result) for artifact, result in found if result is not None]


def collect(job: Job, inputs: Inputs, store: Store) -> Report:
    """Read the content of the page.

    Args:
        job: the report's job; `params["recipe"]` is the recipe as plain values.
        inputs: role (a stage's name) -> all artifacts of that stage.
        store: where the inputs' own inputs are looked up.
    """
    reader = _Reader()
    recipe: Mapping[str, Any] = job.params.get("recipe") or {}
    dataset: Dataset | None = reader.attempt("dataset", lambda: registry.find("dataset", job.dataset).load())
    documents = reader.each(inputs.get("evaluate", ()), lambda artifact: artifact.json("scores.json"))
    sheets = [sheet for _, sheet in reader.each([a for a, _ in documents], _read_sheet)]
    spaces = [space for _, space in reader.each(inputs.get("preprocess", ()), read_space)]
    largest = strongest(spaces)
    maps = [_brain_map(reader, space, largest, f"map-{i}") for i, space in enumerate(spaces)]
    ran, lost = lineage(inputs, store)
    text = reader.attempt("recipe", lambda: recipe_yaml(recipe)) if recipe else ""
    galleries = _galleries(reader, job, inputs, documents)
    return Report(
        ref=str(job.ref),
        name=str(recipe.get("recipe") or job.recipe),
        about=str(recipe.get("about") or ""),
        method=str(recipe.get("method") or ""),
        seed=job.seed,
        dataset=dataset.title if dataset else job.dataset,
        subjects=_subjects(recipe, inputs),
        simulated=bool(dataset and dataset.simulated) or any(sheet.simulated for sheet in sheets),
        sheets=tuple(sheets),
        galleries=tuple(galleries),
        maps=tuple(maps),
        shares=tuple(area_shares(spaces)),
        largest=largest,
        ran=tuple(ran),
        recipe_text=text or "",
        problems=(*reader.problems, *lost),
    )


def _read_sheet(artifact: Artifact) -> Sheet:
    step = str(artifact.manifest.parameters.get("step") or "")
    return read_sheet(artifact.json("scores.json"), ref=str(artifact.ref), step=step)


def _brain_map(reader: _Reader, space: Space, largest: float, prefix: str) -> BrainMap:
    drawn = reader.attempt(f"map of {space.title.lower()}", lambda: draw_maps(space, largest, prefix))
    figures, why = drawn or ([], "No map: it could not be drawn.")
    n_selected = None if space.selected is None else int(space.selected.sum())
    return BrainMap(space.title, tuple(figures), len(space.area), n_selected, why)


def _galleries(
    reader: _Reader, job: Job, inputs: Inputs, documents: Sequence[tuple[Artifact, Any]]
) -> list[Gallery]:
    """Choose, read and encode the clips of every subject that has reconstructions."""
    by_subject: dict[int | None, list[Artifact]] = {}
    for artifact in inputs.get("reconstruct", ()):
        by_subject.setdefault(subject_of(artifact), []).append(artifact)
    choices: list[Choice] = []
    for subject, videos in by_subject.items():
        ordered = sorted(videos, key=_is_oracle)
        scores, document = next((pair for pair in documents if subject_of(pair[0]) == subject), (None, {}))
        choice = reader.attempt(
            f"clips of subject {subject}",
            lambda s=subject, v=ordered, a=scores, d=document: choose(s, v, a, d, job.seed),  # type: ignore[misc]
        )
        choices += [choice] if choice else []
    truths = [artifact for artifact in inputs.get("targets", ()) if _is_frames(artifact)]
    truth = reader.attempt("true frames", lambda: open_truth(truths[0])) if truths and choices else None
    clips = reader.attempt("captions", lambda: Clips.load(truths[0])) if truth else None
    captions = dict(zip(clips.ids, clips.caption, strict=True)) if clips else {}
    built = [reader.attempt(f"videos of subject {c.subject}", lambda c=c: build([c], truth, captions)) for c in choices]  # type: ignore[misc]
    return [gallery for galleries in built if galleries for gallery in galleries]


def subject_of(artifact: Artifact) -> int | None:
    """Return the subject of an artifact, None for a pooled one."""
    subject = artifact.manifest.parameters.get("subject")
    return subject if isinstance(subject, int) else None


def _is_oracle(artifact: Artifact) -> bool:
    return "oracle" in str(artifact.manifest.parameters.get("step") or "")


def _is_frames(artifact: Artifact) -> bool:
    return artifact.manifest.parameters.get("part") == "frames" or artifact.ref.name.endswith("-frames")


def _subjects(recipe: Mapping[str, Any], inputs: Inputs) -> tuple[int, ...]:
    """Return the recipe's subjects, or those of the artifacts."""
    named = (recipe.get("dataset") or {}).get("subjects")
    found = {subject_of(artifact) for artifacts in inputs.values() for artifact in artifacts}
    return tuple(named) if named else tuple(sorted(each for each in found if each is not None))
