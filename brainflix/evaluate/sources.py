"""Pairs of clips from two sides, in the order of the film where that is known, and further sets beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from brainflix.errors import DataError, UsageError
from brainflix.evaluate.scene import PREDICTION, TRUTH, Film, check_names
from brainflix.evaluate.shelves import Read, Shelf, of_artifact
from brainflix.io.clip_folder import midpoint_split, tile_crop
from brainflix.io.clip_read import Clip
from brainflix.io.clip_table import ClipTable
from brainflix.io.ids import as_written
from brainflix.io.samples import count_samples
from brainflix.wording import few

if TYPE_CHECKING:
    from brainflix.store.artifact import Artifact

TEST = "test"


@dataclass(frozen=True, eq=False)
class Source:
    """Pairs of clips.

    Attributes:
        ids: of the clips, in the order of the table.
        read: returns truth and prediction of one.
        others: by name, what reads a clip of another set.
        film: where the clips lie, if that is known.
        own_size: whether clips are compared as large as they are, whatever the protocol's size.
        training: ids of the training clips and what reads one, if there are any.
        notes: what a reader must know of the sides.
    """

    ids: tuple[str, ...]
    read: Callable[[str], tuple[Clip, Clip]]
    others: Mapping[str, Read] = field(default_factory=dict)
    film: Film | None = None
    own_size: bool = False
    training: tuple[tuple[str, ...], Read] | None = None
    notes: tuple[str, ...] = ()


def paired(prediction: Shelf, truth: Shelf, others: Mapping[str, Shelf] | None = None) -> Source:
    """Pair clips by their ids, whatever zeros their numbers are padded with and however accents are composed.

    A truth that knows its film may hold more clips than the prediction, and gives the order; else both sides hold the
    same, and the prediction's table says where they lie, if it has one.

    Raises:
        DataError: a clip is not on both sides, a few that are missing are named; the prediction holds several samples
            of a clip; or a further set lacks a clip, or has the name of another.
    """
    others = others or {}
    said = _said(prediction, truth, others)
    check_names({name: None for name in others if name != "oracle" and not name.startswith("sample ")})
    known = truth.table
    if known is None or not known.has_film:
        _refuse_samples(prediction.ids, lambda name: name in truth.ids)
        read = _renamed(prediction, truth.ids)
        ids, film = _laid_out(prediction.table, _equal_sets(truth, prediction))
        return Source(ids, lambda name: (truth.read(name), read(name)), _all_of(others, ids), film, notes=said)
    names = as_written(prediction.ids, known.ids)
    ids = _in_order(known, names)
    for name in ids:
        if name not in truth.ids:
            raise DataError(f"{truth.name} lacks clip {name}, which the prediction has")
    read, film = _renamed(prediction, known.ids), _film(known, ids)
    training = tuple(name for name in known.of_training() if name in set(truth.ids))
    return Source(
        ids,
        lambda name: (truth.read(name), read(name)),
        _all_of(others, ids),
        film,
        training=(training, truth.read) if training else None,
        notes=said,
    )


def side_by_side(both: Shelf, padding_px: int, *, midpoint: bool, own_size: bool = False) -> Source:
    """Split each clip in its left half, the truth, and its right half, the prediction.

    Args:
        both: clips that show both.
        padding_px: border of the grid, cut exactly.
        midpoint: split in the middle instead, as released scripts do.
        own_size: whether the halves are compared as large as they are.

    Raises:
        DataError: the folder holds several samples of a clip.
    """
    # Beside one true clip, ids that differ in a sample's number alone show the same clip.
    _refuse_samples(both.ids, lambda name: True)

    def read(name: str) -> tuple[Clip, Clip]:
        clip = both.read(name)
        left, right = midpoint_split(clip.frames) if midpoint else tile_crop(clip.frames, padding_px)
        return replace(clip, frames=left), replace(clip, frames=right)

    ids, film = _laid_out(both.table, both.ids)
    return Source(ids, read, film=film, own_size=own_size, notes=both.notes)


def _laid_out(table: ClipTable | None, ids: tuple[str, ...]) -> tuple[tuple[str, ...], Film | None]:
    """Return clips in the order of the film, and where they lie in it; as they are where the table does not know."""
    if table is None or not table.has_film:
        return ids, None
    known = replace(table, ids=as_written(table.ids, ids))
    ids = _in_order(known, ids)
    return ids, _film(known, ids)


def _film(table: ClipTable, ids: Sequence[str]) -> Film:
    at = table.places(ids)
    assert table.onset_s is not None
    return Film(tuple(table.segment[row] for row in at), table.onset_s[at])


def _in_order(table: ClipTable, ids: Sequence[str]) -> tuple[str, ...]:
    """Return ids by segment, in the segments' own order, and onset: blocks are neighbours then."""
    assert table.onset_s is not None
    at = table.places(ids)
    number = {name: place for place, name in enumerate(dict.fromkeys(table.segment))}
    order = np.lexsort((table.onset_s[at], np.array([number[table.segment[row]] for row in at])))
    return tuple(table.ids[at[row]] for row in order)


def _renamed(shelf: Shelf, wanted: Sequence[str]) -> Read:
    """Return what reads a clip of a shelf by the name that `wanted` has for it."""
    own = dict(zip(as_written(shelf.ids, wanted), shelf.ids, strict=True))
    return lambda name: shelf.read(own[name])


def _all_of(others: Mapping[str, Shelf], ids: Sequence[str]) -> dict[str, Read]:
    """Return what reads each further set, which must hold all clips.

    Raises:
        DataError: one lacks a clip.
    """
    for name, shelf in others.items():
        missing = set(ids) - set(as_written(shelf.ids, ids))
        if missing:
            raise DataError(f"{shelf.name}, given as {name}, lacks clip {min(missing)} and {len(missing) - 1} more")
    return {name: _renamed(shelf, ids) for name, shelf in others.items()}


def _equal_sets(truth: Shelf, prediction: Shelf) -> tuple[str, ...]:
    """Return the ids of the truth, which the prediction must have too.

    Raises:
        DataError: one side lacks a clip.
    """
    predicted = as_written(prediction.ids, truth.ids)
    missing = [_name_few("truth", "prediction", set(truth.ids) - set(predicted), truth.ids)]
    missing += [_name_few("prediction", "truth", set(predicted) - set(truth.ids), predicted)]
    if any(missing):
        advice = "give both sides of a clip one name; the clips of an array are named by its ids, or 0, 1, 2 ..."
        # A clip that seems to be missing may be among what was passed over.
        why = "; ".join((*(part for part in missing if part), *prediction.notes, *truth.notes))
        raise DataError("the folders hold different clips", why=why, next=advice)
    return truth.ids


def _said(prediction: Shelf, truth: Shelf, others: Mapping[str, Shelf]) -> tuple[str, ...]:
    """Return what must be known of the sides: what was passed over there, and whether two are one."""
    sides = {TRUTH: truth, PREDICTION: prediction, **others}
    notes = [f"{side}: {note}" for side, shelf in sides.items() for note in shelf.notes]
    for side, shelf in sides.items():
        if side != TRUTH and shelf.place is not None and shelf.place == truth.place:
            notes.append(f"{side} and truth are the same: {shelf.name}")
    return tuple(notes)


def _refuse_samples(ids: Sequence[str], is_clip: Callable[[str], bool]) -> None:
    """Raise DataError where a clip has several samples; `is_clip` tells whether what is left of an id names a clip."""
    several = [(name, n) for name, n in count_samples(ids).items() if n > 1 and is_clip(name)]
    if several:
        name, n = several[0]
        why = "the best of several is not a score of the system, so none is chosen here"
        advice = "score folders that hold one sample of each clip"
        raise DataError(f"the prediction holds {n} samples of clip {name}", why=why, next=advice)


def _name_few(there: str, lacking: str, names: set[str], order: Iterable[str]) -> str:
    """Return which clips of one side the other lacks, a few by name."""
    found = [name for name in order if name in names]
    if not found:
        return ""
    return f"the {lacking} lacks {few(found)}, which the {there} has"


def alone(artifacts: Sequence[Artifact], role: str) -> Artifact:
    """Return the one artifact that a role holds.

    Raises:
        DataError: it holds several.
    """
    first, *others = artifacts
    if others:
        what = f"{len(others) + 1} artifacts are given as {role}"
        raise DataError(what, why="one system is scored against one truth", next="make a step of each")
    return first


def of_inputs(inputs: Mapping[str, Sequence[Artifact]]) -> Source:
    """Return the pairs of clips of a job, with everything that its roles give beside them.

    Raises:
        DataError: a role holds several artifacts that takes one, or clips are missing.
    """
    truth, prediction = (of_artifact(alone(inputs[role], role)) for role in ("truth", "videos"))
    others = {str(each.manifest.parameters["step"]): of_artifact(each) for each in inputs.get("baselines", ())}
    if len(others) < len(inputs.get("baselines", ())):
        raise DataError("two baselines come from steps of one name", next="name their steps otherwise")
    if inputs.get("oracle"):
        others["oracle"] = of_artifact(alone(inputs["oracle"], "oracle"))
    samples = inputs.get("samples", ())
    refs = [str(each.ref) for each in (*inputs["videos"], *samples)]
    if len(set(refs)) < len(refs):
        raise DataError("a sample is given twice, or is the very videos that are scored", why=", ".join(refs))
    others |= {f"sample {number}": of_artifact(each) for number, each in enumerate(samples, start=1)}
    if truth.table is None:
        raise UsageError(f"{truth.name} holds no clips")
    return paired(prediction, truth, others)


def of_ground(inputs: Mapping[str, Sequence[Artifact]]) -> Source:
    """Return the truth beside itself with the oracle and the baselines of a job that scores no prediction.

    Its clips are those of the oracle, or of the first baseline; without either those of the test split.

    Raises:
        DataError: a role holds several artifacts that takes one, or clips are missing.
    """
    truth = of_artifact(alone(inputs["truth"], "truth"))
    if truth.table is None:
        raise UsageError(f"{truth.name} holds no clips")
    others = {str(each.manifest.parameters["step"]): of_artifact(each) for each in inputs.get("baselines", ())}
    if inputs.get("oracle"):
        others["oracle"] = of_artifact(alone(inputs["oracle"], "oracle"))
    test = tuple(name for name, split in zip(truth.table.ids, truth.table.split, strict=True) if split == TEST)
    first = [others[name].ids for name in ("oracle", *others) if name in others][:1]
    ids = next(iter(first), test)
    return paired(replace(truth, ids=ids), truth, others)
