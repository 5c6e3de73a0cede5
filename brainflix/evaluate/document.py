"""What a document of scores says of how they were made, whoever asked for them; `schema.json` describes `score`'s."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from brainflix.evaluate.choosing import NO_STRANGERS
from brainflix.evaluate.design import Design
from brainflix.evaluate.permutations import MOST_COUNTED
from brainflix.evaluate.protocols import SCORER
from brainflix.evaluate.score import FEW_BLOCKS, FEW_EXCHANGES
from brainflix.evaluate.scorecard import Line
from brainflix.evaluate.scoring import Scored
from brainflix.wording import count

INDEPENDENT = (
    "nothing says where clips lie in a film: they count as independent; if they come from one film, give a clips.csv, "
    "or --block"
)
# What is on this machine is no part of a key.
STAYS = (
    "what is not scored stays so in this artifact and its report; once it can be, "
    "delete them with brainflix store gc --remove, and run again"
)


def compared(scored: Scored) -> dict[str, Any]:
    """Return how clips were compared: frames, size, and what of the protocol was chosen."""
    protocol, (n_frames, height, width) = scored.choices.protocol, scored.scene.shape
    return {
        "frame_rule": protocol.frame_rule,
        "n_frames": n_frames,
        "height": height,
        "width": width,
        "own_size": scored.scene.own_size,
        "bug_compat": protocol.bug_compat if scored.choices.how.bug_compat else None,
    }


def details(scored: Scored, truth: str | None) -> dict[str, Any]:
    """Return what both kinds of document say, as plain JSON values.

    Args:
        scored: what came out.
        truth: where the truth was found; None where it stood beside the prediction.
    """
    return {
        "scorer": SCORER,
        "truth": {"source": truth, "sha256": scored.scene.truth_sha256},
        **of_design(scored.design),
        "checkpoints": _used(scored),
    }


def of_design(design: Design) -> dict[str, Any]:
    """Return who met whom, and what was one block of film."""
    exchanges, settings = design.exchanges, design.settings
    return {
        "permutations": {
            "most": settings.permutations,
            "said": design.said,
            "seed": settings.seed,
            "n_group": min(exchanges.n_group, MOST_COUNTED),
            "p_min": None if math.isnan(exchanges.p_min) else exchanges.p_min,
        },
        "blocks": [int(each) for each in design.clusters],
    }


def notes(scored: Scored, lines: Mapping[str, Line]) -> list[str]:
    """Return what a reader must know of frames, pairs and tests."""
    found = [*scored.choices.protocol.notes, *scored.scene.notes]
    design = scored.design
    if design.permutes and not design.has_chance:
        found.append(NO_STRANGERS)
    if design.n_clips > 1 and scored.scene.film is None and not design.together:
        found.append(INDEPENDENT)
    return [*found, *of_lines(lines)]


def of_lines(lines: Mapping[str, Line]) -> list[str]:
    """Return what must be known of intervals and of p, lines of one note together."""
    found: dict[str, list[str]] = {}
    for name, line in lines.items():
        score = line.score
        for note in score.notes:
            blocks = f" ({score.n_clusters}), the interval is rough"
            ways = f": clips can be exchanged in {count(score.n_group, 'way')} only"
            if score.n_group >= FEW_EXCHANGES:
                ways = f": so few permutations are evaluated that it is {score.p_min:.2g} or more"
            said = note + blocks if note == FEW_BLOCKS else f"p {note}{ways}"
            found.setdefault(said, []).append(name)
    return [f"{said}: {'all lines' if len(names) == len(lines) else ', '.join(names)}" for said, names in found.items()]


def tables(scored: Scored, lines: Mapping[str, Line]) -> dict[str, Sequence[dict[str, Any]]]:
    """Return what a reader must know beside the scores as tables; those without a row are left out."""
    skipped = [dict(each) for each in scored.result.skipped]
    n_frames, height, width = scored.scene.shape
    size = f"compared: {count(n_frames, 'frame')} of {width}x{height}; {scored.design.said}"
    found: dict[str, Sequence[dict[str, Any]]] = {
        "Not scored": skipped,
        "Checkpoints": [{"network": name, **each} for name, each in _used(scored).items()],
        "Notes": [{"note": note} for note in (size, *notes(scored, lines), *([STAYS] if skipped else ()))],
    }
    return {title: rows for title, rows in found.items() if rows}


def _used(scored: Scored) -> dict[str, dict[str, str]]:
    """Return the networks that were used, by the names that they are known by."""
    return {each.shown or key: {"source": each.name, "revision": each.pin} for key, each in scored.weights.items()}
