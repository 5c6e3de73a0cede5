"""Everything that the page shows, read from the artifacts; what cannot be read becomes a sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from markupsafe import Markup
from pydantic import BaseModel

from brainflix.errors import BrainflixError
from brainflix.parts.contract import Inputs
from brainflix.parts.dataset import Dataset
from brainflix.parts.work import Work
from brainflix.report.brain import Share, Space, area_shares, draw_maps, read_space, strongest
from brainflix.report.courses import CourseSheet, read_courses
from brainflix.report.gallery import Choice, Gallery, build, choose, open_truth
from brainflix.report.provenance import Ran, lineage
from brainflix.report.recipe_text import recipe_yaml
from brainflix.report.scores import Sheet, read_sheet
from brainflix.store.artifact import Artifact
from brainflix.store.schema import Clips

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
        dataset: its title.
        subjects, all_subjects: numbers of those that it is about, and of all that the recipe has.
        simulated: whether the brains are simulated.
        is_real: whether the brains are known to be real.
        licence: of the data set.
        galleries, courses, sheets, maps, shares, ran: the sections.
        experiments: labels of the runs that made what it shows.
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
    all_subjects: tuple[int, ...]
    simulated: bool
    is_real: bool
    licence: str
    sheets: tuple[Sheet, ...]
    galleries: tuple[Gallery, ...]
    courses: tuple[CourseSheet, ...]
    maps: tuple[BrainMap, ...]
    shares: tuple[Share, ...]
    largest: float
    ran: tuple[Ran, ...]
    experiments: tuple[str, ...]
    recipe_text: str
    problems: tuple[str, ...]

    @property
    def is_subset(self) -> bool:
        """Whether it leaves subjects of its recipe out."""
        return self.subjects != self.all_subjects


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
        found = [(artifact, self.attempt(str(artifact.ref), partial(read, artifact))) for artifact in artifacts]
        return [(artifact, result) for artifact, result in found if result is not None]


def collect(params: BaseModel, inputs: Inputs, work: Work) -> Report:
    """Read the content of the page.

    Args:
        params: `recipe` is the recipe as plain values, `subjects` whom the page is about if not all of them.
        inputs: role (a stage's name) -> all artifacts of that stage.
        work: the report's job; in its store the inputs' own inputs are looked up.
    """
    reader = _Reader()
    recipe: Mapping[str, Any] = getattr(params, "recipe", None) or {}
    dataset: Dataset | None = reader.attempt("dataset", lambda: work.dataset)
    scored = reader.each(inputs.get("evaluate", ()), _read_scores)
    sheets = [sheet for _, (_, sheet) in scored]
    spaces = [space for _, space in reader.each(inputs.get("preprocess", ()), read_space)]
    largest = strongest(spaces)
    maps = [_brain_map(reader, space, largest) for space in spaces]
    ran, lost = lineage(inputs, work.store)
    everybody = _subjects(recipe, inputs)
    text = reader.attempt("recipe", lambda: recipe_yaml(recipe)) if recipe else ""
    documents = [(artifact, document) for artifact, (document, _) in scored]
    galleries = _galleries(reader, work, inputs, documents)
    courses = [
        reader.attempt(f"time courses of {artifact.ref}", partial(read_courses, artifact, document, sheet.title))
        for artifact, (document, sheet) in scored
    ]
    simulated = bool(dataset and dataset.simulated) or any(sheet.simulated for sheet in sheets)
    return Report(
        ref=str(work.ref),
        name=str(recipe.get("recipe") or work.recipe),
        about=str(recipe.get("about") or ""),
        method=str(recipe.get("method") or ""),
        seed=work.seed,
        dataset=dataset.title if dataset else work.dataset_name,
        subjects=tuple(getattr(params, "subjects", None) or everybody),
        all_subjects=everybody,
        simulated=simulated,
        is_real=dataset is not None and not simulated,
        licence=dataset.licence if dataset else "",
        sheets=tuple(sheets),
        galleries=tuple(galleries),
        courses=tuple(each for each in courses if each),
        maps=tuple(maps),
        shares=tuple(area_shares(spaces)),
        largest=largest,
        ran=tuple(ran),
        experiments=tuple(
            dict.fromkeys(label for label in (work.experiment, *(each.experiment for each in ran)) if label)
        ),
        recipe_text=text or "",
        problems=(*reader.problems, *lost),
    )


def _read_scores(artifact: Artifact) -> tuple[Mapping[str, Any], Sheet]:
    document = artifact.json("scores.json")
    step = str(artifact.manifest.parameters.get("step") or "")
    return document, read_sheet(document, ref=str(artifact.ref), step=step)


def _brain_map(reader: _Reader, space: Space, largest: float) -> BrainMap:
    drawn = reader.attempt(f"map of {space.title.lower()}", partial(draw_maps, space, largest))
    figures, why = drawn or ([], "No map: it could not be drawn.")
    n_selected = None if space.selected is None else int(space.selected.sum())
    return BrainMap(space.title, tuple(figures), len(space.area), n_selected, why)


def _galleries(reader: _Reader, work: Work, inputs: Inputs, documents: Sequence[tuple[Artifact, Any]]) -> list[Gallery]:
    """Choose, read and encode the clips of every subject that has reconstructions."""
    choices: list[Choice] = []
    for subject, videos in videos_by_subject(inputs.get("reconstruct", ())).items():
        scores, document = next((pair for pair in documents if subject_of(pair[0]) == subject), (None, {}))
        pick = partial(choose, subject, videos, scores, document, work.seed)
        choice = reader.attempt(f"clips of {_who(subject)}", pick)
        choices += [choice] if choice else []
    truths = [artifact for artifact in inputs.get("targets", ()) if _is_frames(artifact)]
    truth = reader.attempt("true frames", partial(open_truth, truths[0])) if truths and choices else None
    clips = reader.attempt("captions", partial(Clips.load, truths[0])) if truth else None
    captions = dict(zip(clips.ids, clips.caption, strict=True)) if clips else {}
    wanted = [clip for choice in choices for _, clip, _ in choice.clips]
    # The frames of all subjects' clips are read in one go: a layout by columns makes each reading one of everything
    frames = (reader.attempt("true frames", partial(truth.read, wanted)) if truth else None) or {}
    built = [
        reader.attempt(f"videos of {_who(choice.subject)}", partial(build, choice, truth, frames, captions))
        for choice in choices
    ]
    return [gallery for gallery in built if gallery]


def videos_by_subject(artifacts: Sequence[Artifact]) -> dict[int | None, list[Artifact]]:
    """Return what is shown of each subject: its own videos, then the oracle's, which may be one for all subjects.

    Other videos of no subject (generators without a brain) are baselines: they are shown only where nothing else is.
    """
    found: dict[int | None, list[Artifact]] = {}
    for artifact in artifacts:
        found.setdefault(subject_of(artifact), []).append(artifact)
    pooled = found.pop(None, [])
    if not found:
        return {None: sorted(pooled, key=_is_oracle)} if pooled else {}
    oracles = [artifact for artifact in pooled if _is_oracle(artifact)]
    return {subject: sorted([*own, *oracles], key=_is_oracle) for subject, own in found.items()}


def _who(subject: int | None) -> str:
    return "all subjects" if subject is None else f"subject {subject}"


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
