"""Who meets whom, and what is one block of film: what all numbers of a table share (docs/scoring.md, Permutations).

By film, where segments and onsets are known; by blocks, where clips are said to hang together, as one segment; apart,
where nothing is known, each clip a segment of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import UsageError
from brainflix.evaluate.blocks import BLOCK_S, block_clusters
from brainflix.evaluate.exchanges import Exchanges
from brainflix.evaluate.intervals import DEFAULT, Method
from brainflix.evaluate.strangers import Strangers, in_film
from brainflix.wording import count

Ints = NDArray[np.int64]
PERMUTATIONS = 10_000
APART = "permutations of single clips"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a person chooses of a design.

    Attributes:
        permutations: exchanges that are evaluated for p at most; 0 for no p and no measured chance.
        block_s: seconds of film that are one block, where segments and onsets are known.
        min_shift_s: least distance within a segment of pairs that chance is made of, in seconds; p has none.
        block: clips that are one block, where segments are not known.
        method: of intervals.
        n_boot: replicates, where a bootstrap is asked for.
        seed: of permutations, sampled places and bootstrap.
    """

    permutations: int = PERMUTATIONS
    block_s: float = BLOCK_S
    min_shift_s: float = BLOCK_S
    block: int = 1
    n_boot: int = 10_000
    method: Method = DEFAULT
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Design:
    """The exchanges of a table, its strangers and its blocks.

    Attributes:
        exchanges: for p.
        strangers: for the chance level.
        clusters: array of shape (n_clips,), block of each clip, for intervals; neighbours have numbers that follow
            each other.
        together: whether clips lie in film or in blocks, so that none may be exchanged alone.
        said: what they are, for a reader.
        settings: what they were made from.
    """

    exchanges: Exchanges
    strangers: Strangers
    clusters: Ints
    together: bool
    said: str
    settings: Settings

    @property
    def n_clips(self) -> int:
        """How many clips there are."""
        return len(self.clusters)

    @property
    def permutes(self) -> bool:
        """Whether clips meet others at all."""
        return self.n_clips > 1 and self.settings.permutations > 0

    @property
    def has_chance(self) -> bool:
        """Whether any prediction has a stranger, so that chance can be measured."""
        return self.permutes and self.strangers.are_any


def by_film(
    segment: Sequence[str] | NDArray[Any],
    onset_s: NDArray[Any],
    settings: Settings,
    rank: Ints | None = None,
    folder: Path | None = None,
) -> Design:
    """Rotate clips within their segments; those that are segments of their own are permuted among each other.

    Args:
        segment: n_clips names; clips stand in the order of the film.
        onset_s: array of shape (n_clips,), seconds from the segment's start.
        settings: what is chosen.
        rank: array of shape (n_clips,), order by content for clips that lie apart; None takes their own.
        folder: takes permutations of single clips, which have room there; None holds them in memory.
    """
    names, onset_s = np.asarray(segment), np.asarray(onset_s, np.float64)
    members = [np.flatnonzero(names == name) for name in np.unique(names)]
    members = [one[np.argsort(onset_s[one], kind="stable")] for one in members]
    segments = tuple(one for one in members if len(one) > 1)
    loose = np.array([one[0] for one in members if len(one) == 1], np.int64)
    place = np.arange(len(names)) if segments or rank is None else np.asarray(rank, np.int64)
    if rank is not None:
        loose = loose[np.argsort(np.asarray(rank)[loose])]
    exchanges = Exchanges(segments, loose, settings.permutations, settings.seed, folder)
    kinds = [f"rotations within {count(len(segments), 'segment')}"] if segments else []
    kinds += [APART if not segments else f"{APART} ({len(loose)})"] if len(loose) else []
    said = f"{' and '.join(kinds)}; chance from clips {settings.min_shift_s:g} s or more apart"
    strangers = in_film(names, onset_s, settings.min_shift_s, place)
    clusters = block_clusters(names, onset_s, settings.block_s)
    return Design(exchanges, strangers, clusters, bool(segments), said if segments else APART, settings)


def by_blocks(n: int, settings: Settings) -> Design:
    """Rotate all clips against themselves, as one segment, in the order in which they stand.

    Args:
        n: clips, in the order of the film.
        settings: what is chosen; `block` clips are one block, and chance is made of clips as far apart.

    Raises:
        UsageError: the block is not possible.
    """
    block, own = settings.block, np.arange(n, dtype=np.int64)
    if block < 1:
        raise UsageError(f"a block of {block} clips is not possible", next="give 1 or more")
    segments, loose = ((own,), own[:0]) if n > 1 else ((), own)
    exchanges = Exchanges(segments, loose, settings.permutations, settings.seed)
    strangers = Strangers(np.zeros(n, np.int64), own.astype(np.float64), np.full(n, float(n)), block, own)
    said = f"rotations of all clips; chance from those {count(block, 'clip')} or more apart"
    return Design(exchanges, strangers, own // block, True, said, settings)


def apart(rank: NDArray[np.integer[Any]], settings: Settings, folder: Path | None = None) -> Design:
    """Permute single clips, which know nothing of each other.

    Args:
        rank: array of shape (n_clips,), a permutation. It should depend on what clips show and not on their names:
            then names change no number.
        settings: what is chosen.
        folder: takes the permutations, which have room there; None holds them in memory.
    """
    place = np.asarray(rank, np.int64)
    n = len(place)
    exchanges = Exchanges((), np.argsort(place), settings.permutations, settings.seed, folder)
    strangers = Strangers(np.arange(n), np.zeros(n), np.zeros(n), 1.0, place)
    # No block is another's neighbour.
    return Design(exchanges, strangers, 2 * place, False, APART, settings)
