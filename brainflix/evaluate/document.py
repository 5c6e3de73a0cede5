"""What a document of scores says of how they were made, whoever asked for them; `schema.json` describes `score`'s."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from brainflix.evaluate.protocols import SCORER
from brainflix.evaluate.scoring import Scored

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
    settings = scored.design.settings
    return {
        "scorer": SCORER,
        "truth": {"source": truth, "sha256": scored.scene.truth_sha256},
        "permutations": {"most": settings.permutations, "said": scored.design.said, "seed": settings.seed},
        "blocks": [int(each) for each in scored.design.clusters],
        "checkpoints": {key: {"source": each.name, "revision": each.pin} for key, each in scored.weights.items()},
    }


def notes(scored: Scored) -> list[str]:
    """Return what a reader must know of frames and pairs."""
    return [*scored.choices.protocol.notes, *scored.scene.notes]


def tables(scored: Scored) -> dict[str, Sequence[dict[str, Any]]]:
    """Return what a reader must know beside the scores as tables; those without a row are left out."""
    skipped = [dict(each) for each in scored.result.skipped]
    n_frames, height, width = scored.scene.shape
    size = f"{n_frames} frames of {width}x{height} are compared; {scored.design.said}"
    found: dict[str, Sequence[dict[str, Any]]] = {
        "Not scored": skipped,
        "Checkpoints": [
            {"network": key, "source": each.name, "revision": each.pin} for key, each in scored.weights.items()
        ],
        "Notes": [{"note": note} for note in (size, *notes(scored), *([STAYS] if skipped else ()))],
    }
    return {title: rows for title, rows in found.items() if rows}
