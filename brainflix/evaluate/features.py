"""The part `features`: decoded features against the true ones, without videos (docs/scoring.md, Features).

Roles: `predictions` with `targets`; `group` (the same decoder's predictions for the other people, [others]), which
gives what all people's brains say together; `transfer` (predictions of decoders trained on other people), each of which
is compared in pairs with the first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from brainflix.errors import DataError, UsageError
from brainflix.evaluate import document, extras
from brainflix.evaluate.ceiling_tables import rounded
from brainflix.evaluate.design import Design, by_film
from brainflix.evaluate.dimension_lines import (
    NAME,
    Courses,
    ceilings,
    dimension_score,
    group_score,
    identification_apart,
)
from brainflix.evaluate.feature_params import FeaturesParams
from brainflix.evaluate.paired_rows import Rows, adjusted, paired_rows
from brainflix.evaluate.protocols import SCORER
from brainflix.evaluate.ranges import CORRELATION
from brainflix.evaluate.scene import Film
from brainflix.evaluate.scorecard import Line, Scorecard
from brainflix.evaluate.targets_metrics import r2_per_dim
from brainflix.evaluate.vectors import Match
from brainflix.parts.contract import Inputs
from brainflix.parts.work import Work
from brainflix.store.artifact import Artifact
from brainflix.store.lookup import find_clips
from brainflix.store.schema import Predictions, Targets
from brainflix.wording import did_you_mean

DIMENSIONS, TRANSFER = "Dimensions", "Decoders trained on the other subjects, by dimension"
# Correlation over fewer dimensions is all but a sign.
_FEWEST_DIMS = 3


@dataclass(frozen=True, eq=False)
class _Decoded:
    """One step's predictions beside the truth, with the names of the dimensions and of their groups."""

    step: str
    matched: Match
    names: tuple[str, ...]
    groups: Mapping[str, Sequence[str]]

    @cached_property
    def courses(self) -> Courses:
        """Its time courses."""
        return Courses(self.matched.regressed.prediction, self.matched.regressed.truth, self.names)


def score(params: FeaturesParams, inputs: Inputs, work: Work) -> Scorecard:
    """Score decoded features by dimension, by group, and by identification.

    Raises:
        UsageError: `lead` names nothing that is scored.
        DataError: targets or clips are missing, or targets have no named dimensions.
    """
    ids, film, digest = _clips_of(inputs)
    design = by_film(film.segment, film.onset_s, params.settings(work.seed))
    decoded = list(_decoded(inputs, "predictions", ids))
    others = list(_decoded(inputs, "group", ids))
    lines: dict[str, Line] = {}
    rows: Rows = []
    for each in work.progress.track(decoded, "decoders"):
        beside = [other.courses for other in others if other.step == each.step and other.names == each.names]
        together = ceilings(each.courses, beside)
        lines |= _lines(each, design, film, params, together)
        rows += _rows(each, lines, together)
    tables = {DIMENSIONS: rows, **_transfer(list(_decoded(inputs, "transfer", ids)), design)}
    notes = [{"note": design.said}, *({"note": note} for note in document.of_lines(lines))]
    details = {**_details(design, str(inputs["targets"][0].ref), digest), "courses": _drawn(decoded, film, params)}
    return Scorecard(
        NAME,
        ids,
        dict(sorted(lines.items(), key=lambda item: not item[1].primary)),
        {**{title: found for title, found in tables.items() if found}, "Notes": notes},
        details,
        {f"{each.step}/{side}": values for each in decoded for side, values in _sides(each.courses).items()},
    )


def _clips_of(inputs: Inputs) -> tuple[tuple[str, ...], Film, str]:
    """Return the clips that were predicted, where they lie in the film, and a digest of their true features."""
    artifact = inputs["predictions"][0]
    predicted = Predictions.load(artifact)
    by_ref = {str(each.ref): each for each in inputs["targets"]}
    if predicted.truth not in by_ref:
        raise DataError(f"{artifact.ref} predicts {predicted.truth}, which is not among the targets")
    target = Targets.load(by_ref[predicted.truth])
    place = find_clips(by_ref[predicted.truth], target.clips.ids, predicted.clip_ids)
    clips = target.clips.take(place)
    # Runs in the order of their first clip, clips in the order of time: what rotations and pictures need.
    first = {name: number for number, name in enumerate(dict.fromkeys(clips.segment))}
    order = np.lexsort((clips.onset_s, np.array([first[name] for name in clips.segment])))
    ids = tuple(clips.ids[at] for at in order)
    digest = hashlib.sha256("\n".join(ids).encode() + target.values[place[order]].tobytes()).hexdigest()
    return ids, Film(tuple(clips.segment[at] for at in order), clips.onset_s[order]), digest


def _decoded(inputs: Inputs, role: str, ids: Sequence[str]) -> Iterator[_Decoded]:
    found = inputs.get(role, [])
    by_ref = {str(artifact.ref): artifact for artifact in inputs["targets"]}
    for artifact, (step, matched) in zip(found, extras.matches(found, inputs["targets"], ids), strict=True):
        names, groups = _named(by_ref[artifact.json(Predictions.FILE)["truth"]])
        if len(names) != matched.regressed.truth.shape[1]:
            raise DataError(f"{artifact.ref} has {matched.regressed.truth.shape[1]} dimensions, {len(names)} are named")
        yield _Decoded(step, matched, names, groups)


def _named(target: Artifact) -> tuple[tuple[str, ...], Mapping[str, Sequence[str]]]:
    attrs = target.json(Targets.FILE).get("attrs") or {}
    if not attrs.get("dims"):
        raise DataError(
            f"{target.ref} has no named dimensions", next="decode targets of the part given, which names them"
        )
    return tuple(attrs["dims"]), attrs.get("groups") or {}


def _lines(
    each: _Decoded, design: Design, film: Film, params: FeaturesParams, together: Mapping[str, float]
) -> dict[str, Line]:
    """Return the lines of one decoder: every dimension, every group, and identification."""
    leads = params.lead or tuple(each.groups)
    for name in leads:
        if name not in (*each.names, *each.groups):
            known = [*each.names, *each.groups]
            raise UsageError(f"evaluate.lead names {name!r}, which is not decoded", why=did_you_mean(name, known))
    found: dict[str, Line] = {}
    for dim, name in enumerate(each.names):
        score = dimension_score(each.courses, dim, design, together.get(name))
        found[f"r_{name}_{each.step}"] = Line(score, f"correlation over time of {name}", name in leads)
    for group, members in each.groups.items():
        dims = [each.names.index(name) for name in members]
        ceiling = float(np.mean([together[name] for name in members])) if together else None
        score = group_score(each.courses, dims, design, ceiling)
        found[f"r_{group}_{each.step}"] = Line(
            score, f"mean correlation over time of {', '.join(members)}", group in leads
        )
    if len(each.names) >= _FEWEST_DIMS:
        matched = each.matched
        score = identification_apart(
            matched.prediction, matched.truth, film, params.min_shift_s, design, matched.train_mean
        )
        about = f"pairwise identification, clips of a run within {params.min_shift_s:g} s of each other left out"
        found[f"identification_{each.step}"] = Line(score, about)
    return found


def _rows(each: _Decoded, lines: Mapping[str, Line], together: Mapping[str, float]) -> Rows:
    """Return what belongs to a dimension as a whole: r, and the share of its variance that is explained."""
    regressed = each.matched.regressed
    explained = r2_per_dim(regressed.truth, regressed.prediction, regressed.mean)
    rows = []
    for name, r2 in zip(each.names, explained.tolist(), strict=True):
        score = lines[f"r_{name}_{each.step}"].score
        row = {"decoder": each.step, "dimension": name, "r": score.value, "p": score.p, "r2": r2}
        rows.append(rounded({**row, "all_people": together.get(name)}))
    return rows


def _transfer(decoders: Sequence[_Decoded], design: Design) -> dict[str, Rows]:
    """Compare decoders trained on other people, dimension by dimension: each one's difference is to the first."""
    rows: Rows = []
    for dim, name in enumerate(decoders[0].names if decoders else ()):
        scores = {each.step: dimension_score(each.courses, dim, design, None) for each in decoders}
        rows += [{"dimension": name, **row} for row in paired_rows(scores, "r", design, CORRELATION)]
    return {TRANSFER: adjusted(rows)} if rows else {}


def _details(design: Design, truth: str, digest: str) -> dict[str, Any]:
    """Return how clips were compared, in the words of every other protocol's document."""
    return {
        "compared": {"frame_rule": None, "n_frames": None, "bug_compat": None},
        "scorer": SCORER,
        "truth": {"source": truth, "sha256": digest},
        **document.of_design(design),
        "checkpoints": {},
    }


def _drawn(decoded: Sequence[_Decoded], film: Film, params: FeaturesParams) -> dict[str, Any]:
    """Return what a picture of the time courses needs beside their values."""
    return {
        "segment": list(film.segment),
        "onset_s": film.onset_s.tolist(),
        "lead": list(params.lead),
        "steps": {each.step: list(each.names) for each in decoded},
    }


def _sides(courses: Courses) -> dict[str, np.ndarray]:
    prediction, truth = (np.nan_to_num(each).astype(np.float32) for each in courses.zscored)
    return {"prediction": prediction, "truth": truth}
