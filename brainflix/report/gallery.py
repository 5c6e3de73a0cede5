"""Truth beside reconstruction: which clips of which subject, read from the store and encoded for the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError
from brainflix.report.clips import choose_clips, video_uri
from brainflix.store.artifact import Artifact
from brainflix.store.schema import Clips


@dataclass(frozen=True)
class Shown:
    """One clip of the grid: why it was chosen, id, caption and score, and one video of all `films` from the top."""

    label: str
    clip_id: str
    caption: str
    score: float | None
    films: tuple[str, ...]
    uri: str


@dataclass(frozen=True)
class Gallery:
    """The clips of one subject, ordered by `metric` (empty: no per-clip score, all drawn at random)."""

    subject: int | None
    metric: str
    n_clips: int
    shown: tuple[Shown, ...]

    @property
    def title(self) -> str:
        """Whose clips these are."""
        return "All subjects" if self.subject is None else f"Subject {self.subject}"


@dataclass(frozen=True)
class Film:
    """Videos in an artifact, of which only the rows asked for are read."""

    label: str
    artifact: Artifact
    array: str
    ids: tuple[str, ...]
    fps_hz: float | None

    def read(self, ids: Sequence[str]) -> dict[str, NDArray[Any]]:
        """Return the frames of those of `ids` that are there, each (n_frames, height, width, 3)."""
        where = {each: place for place, each in enumerate(self.ids)}
        rows = sorted({where[each] for each in ids if each in where})
        if not rows:
            return {}
        frames = np.asarray(self.artifact.array(self.array).oindex[np.array(rows)])
        return {self.ids[row]: frames[i] for i, row in enumerate(rows)}


@dataclass(frozen=True, eq=False)
class Choice:
    """What is shown of one subject: films, and (label, clip id, score) of each clip."""

    subject: int | None
    metric: str
    n_clips: int
    films: tuple[Film, ...]
    clips: tuple[tuple[str, str, float | None], ...]


def choose(
    subject: int | None, videos: Sequence[Artifact], scores: Artifact | None, document: Mapping[str, Any], seed: int
) -> Choice:
    """Choose the clips of one subject.

    Args:
        subject: subject number.
        videos: the subject's artifacts of `reconstruct`.
        scores: artifact of the subject's scores, if there is one.
        document: content of its scores.json.
        seed: of the clips drawn at random.

    Raises:
        DataError: per-clip scores and clip ids differ in number.
    """
    films = [open_videos(artifact, label) for artifact, label in zip(videos, labels(videos), strict=True)]
    ids = films[0].ids
    metric, values, higher = "", np.full(len(ids), np.nan), True
    if scores is not None and (found := _per_clip(scores, document)):
        metric, higher, ids, values = found
    there = set(films[0].ids)
    here = [i for i, each in enumerate(ids) if each in there]
    chosen = choose_clips(values[here], seed, subject, higher_is_better=higher)
    clips = tuple((label, ids[here[i]], _score(values[here[i]])) for label, i in chosen)
    return Choice(subject, metric, len(here), tuple(films), clips)


def labels(videos: Sequence[Artifact]) -> list[str]:
    """Name each artifact's videos for the reader: the only one that is no oracle is "reconstruction"."""
    steps = [str(artifact.manifest.parameters.get("step") or "") for artifact in videos]
    plain = [step for step in steps if "oracle" not in step]
    return [step if step and (len(plain) > 1 or "oracle" in step) else "reconstruction" for step in steps]


def _per_clip(
    scores: Artifact, document: Mapping[str, Any]
) -> tuple[str, bool, tuple[str, ...], NDArray[np.float64]] | None:
    """Return the first primary metric that has a score per clip: name, direction, clip ids, values."""
    names = scores.names()
    for metric in document.get("primary", ()):
        if f"per_clip/{metric}" in names:
            values = scores.load(f"per_clip/{metric}").astype(np.float64)
            ids = tuple(str(each) for each in document.get("clip_ids", ()))
            if values.shape != (len(ids),):
                raise DataError(f"{scores.ref}: {metric} has {values.shape} scores for {len(ids)} clips")
            return metric, bool(document["scores"][metric].get("higher_is_better", True)), ids, values
    return None


def _score(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def open_videos(artifact: Artifact, label: str) -> Film:
    """Return the videos of a `videos` artifact without reading a frame."""
    body = artifact.json("videos.json")
    return Film(label, artifact, "frames", tuple(body["clip_ids"]), float(body["fps_hz"]))


def open_truth(artifact: Artifact) -> Film:
    """Return the true frames of a `targets` artifact, held as videos or as values, without reading a frame."""
    if "frames" in artifact.names():
        return open_videos(artifact, "truth")
    rate = (artifact.json("targets.json").get("attrs") or {}).get("fps_hz")
    return Film("truth", artifact, "values", Clips.load(artifact).ids, float(rate) if rate else None)


def build(
    choice: Choice, truth: Film | None, true_frames: Mapping[str, NDArray[Any]], captions: Mapping[str, str]
) -> Gallery:
    """Read and encode the chosen clips of one subject.

    Args:
        choice: what is shown.
        truth: the true videos, if they are known.
        true_frames: their frames by clip id, as far as read.
        captions: caption by clip id.
    """
    ids = [clip for _, clip, _ in choice.clips]
    films = [(film.label, film.fps_hz, film.read(ids)) for film in choice.films]
    shown = []
    for label, clip, score in choice.clips:
        cells = _cells(clip, films, truth, true_frames)
        uri = video_uri([(frames, rate) for _, frames, rate in cells])
        shown.append(Shown(label, clip, captions.get(clip, ""), score, tuple(cell[0] for cell in cells), uri))
    return Gallery(choice.subject, choice.metric, choice.n_clips, tuple(shown))


def _cells(
    clip: str,
    films: Sequence[tuple[str, float | None, Mapping[str, NDArray[Any]]]],
    truth: Film | None,
    true_frames: Mapping[str, NDArray[Any]],
) -> list[tuple[str, NDArray[Any], float]]:
    """Return (label, frames, rate) of one clip, truth first; without a rate it lasts as long as the reconstruction."""
    cells = [(label, frames[clip], rate or 1.0) for label, rate, frames in films if clip in frames]
    if truth is not None and clip in true_frames:
        frames, rate = true_frames[clip], truth.fps_hz
        if rate is None:
            rate = len(frames) / len(cells[0][1]) * cells[0][2] if cells else 1.0
        cells.insert(0, ("truth", frames, rate))
    return cells
