"""The brain's side of the page: how reliably each grayordinate answers, and where those that were selected lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from brainflix.errors import DataError
from brainflix.report.figures import flat_map
from brainflix.store.artifact import Artifact

# A map of fewer known positions than this share would look like a map of the whole and be none.
LEAST_KNOWN = 0.5
# Colour of the strongest reliability: this percentile over all subjects.
STRONGEST_PERCENTILE = 99.0
HEMISPHERES = (("CIFTI_STRUCTURE_CORTEX_LEFT", "left"), ("CIFTI_STRUCTURE_CORTEX_RIGHT", "right"))


@dataclass(frozen=True, eq=False)
class Space:
    """A subject's grayordinates without their responses.

    Attributes:
        subject, step: whose, and by which step of the preprocessing.
        area, structure, index: of each grayordinate.
        z_mean: mean Fisher z between repeats, (n_grayordinates,), or None.
        selected: selection mask, (n_grayordinates,), or None.
    """

    subject: int | None
    step: str
    area: tuple[str, ...]
    structure: tuple[str, ...]
    index: NDArray[np.int32]
    z_mean: NDArray[np.float64] | None
    selected: NDArray[np.bool_] | None

    @property
    def title(self) -> str:
        """What the map is of."""
        who = "All subjects" if self.subject is None else f"Subject {self.subject}"
        return f"{who}, {self.step}" if self.step else who


@dataclass(frozen=True)
class Share:
    """How much of one area was selected: its name, its size, and the fraction of each space (None: not known)."""

    area: str
    n: int
    fractions: tuple[float | None, ...]


def read_space(artifact: Artifact) -> Space:
    """Read what a bold artifact says about its columns; the responses stay on the disk.

    Raises:
        DataError: labels do not fit.
    """
    words, names = artifact.json("space.json"), artifact.names()
    labels = {name: _words(artifact, name, words.get(name, [])) for name in ("area", "structure")}
    parameters = artifact.manifest.parameters
    z_mean = artifact.load("stats/z_mean").astype(np.float64) if "stats/z_mean" in names else None
    return Space(
        subject=parameters.get("subject"),
        step=str(parameters.get("step") or ""),
        area=labels["area"],
        structure=labels["structure"],
        index=artifact.load("index"),
        z_mean=z_mean,
        selected=artifact.load("masks/selected").astype(bool) if "masks/selected" in names else None,
    )


def _words(artifact: Artifact, name: str, words: Sequence[Any]) -> tuple[str, ...]:
    codes = artifact.load(name)
    if codes.size and not (codes.min() >= 0 and codes.max() < len(words)):
        raise DataError(f"{artifact.ref}: {name} has codes without a name")
    return tuple(str(words[code]) for code in codes)


def flat_positions(space: Space) -> NDArray[np.float64]:
    """Return each grayordinate's place on the flattened cortex in mm, (n_grayordinates, 2); NaN where unknown."""
    from brainflix.demo.brains import grayordinates

    known = {(each.structure, each.vertex): each.flat_mm for each in grayordinates() if each.flat_mm is not None}
    nowhere = (np.nan, np.nan)
    places = [known.get((name, int(i)), nowhere) for name, i in zip(space.structure, space.index, strict=True)]
    return np.array(places, np.float64).reshape(-1, 2)


def strongest(spaces: Sequence[Space]) -> float:
    """Return the reliability that gets the strongest colour on all maps."""
    values = [space.z_mean[np.isfinite(space.z_mean)] for space in spaces if space.z_mean is not None]
    pooled = np.concatenate(values) if values else np.zeros(0)
    return max(0.05, float(np.percentile(pooled, STRONGEST_PERCENTILE))) if pooled.size else 1.0


def draw_maps(space: Space, largest: float) -> tuple[list[tuple[str, Markup]], str]:
    """Draw both hemispheres.

    Args:
        space: the grayordinates.
        largest: reliability of the strongest colour.

    Returns:
        (hemisphere, figure) pairs, and, if there are none, the sentence that says why.
    """
    if space.z_mean is None:
        return [], "No map: the responses carry no reliability."
    positions = flat_positions(space)
    known = np.isfinite(positions).all(axis=1)
    cortex = np.isin(np.array(space.structure, dtype=object), [structure for structure, _ in HEMISPHERES])
    if known.sum() < LEAST_KNOWN * max(1, cortex.sum()):
        return [], "No map: positions on a flat map are not known for these grayordinates."
    figures = []
    for structure, side in HEMISPHERES:
        here = np.flatnonzero(known & (np.array(space.structure, dtype=object) == structure))
        if here.size:
            title = f"{space.title}: reliability on the flattened {side} cortex"
            areas = [space.area[i] for i in here]
            figures.append((side, flat_map(positions[here], space.z_mean[here], areas, largest=largest, title=title)))
    return figures, ""


def area_shares(spaces: Sequence[Space]) -> list[Share]:
    """Return the selected fraction of every area in every space, most selected first."""
    names = dict.fromkeys(area for space in spaces for area in space.area)
    labels = [np.array(space.area, dtype=object) for space in spaces]
    shares = []
    for name in names:
        inside = [label == name for label in labels]
        fractions = tuple(_fraction(space, mask) for space, mask in zip(spaces, inside, strict=True))
        shares.append(Share(name or "unlabelled", max(int(mask.sum()) for mask in inside), fractions))
    return sorted(shares, key=lambda share: (-_mean(share.fractions), share.area))


def _fraction(space: Space, inside: NDArray[np.bool_]) -> float | None:
    return None if space.selected is None or not inside.any() else float(space.selected[inside].mean())


def _mean(fractions: Sequence[float | None]) -> float:
    known = [each for each in fractions if each is not None]
    return sum(known) / len(known) if known else -1.0
