"""Which presentations of clips were measured: a copy of another one, or a run that holds nothing, is no repeat.

Every reader lets its runs pass `counted` before anything is computed of them. A copied repeat agrees with its original
perfectly, so that it would decide which columns are selected, and no noise ceiling or average would be right.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import IntegrityError
from brainflix.parts.contract import Notes
from brainflix.preprocess.assemble import Run

# Two rows of very few numbers can be equal by chance, such as extremes of columns that are scaled to 0 to 1.
_ENOUGH_COLUMNS = 8


@dataclass
class Presentations:
    """What is known of the runs that were read so far.

    Attributes:
        keep_copies: name copies, and let them count all the same.
        copied: what is a copy of what, a clause for each.
        constant: runs that hold nothing: no column varies over them.
    """

    keep_copies: bool = False
    copied: list[str] = field(default_factory=list)
    constant: list[str] = field(default_factory=list)
    _runs: dict[bytes, tuple[str, NDArray[np.int64]]] = field(default_factory=dict)
    _rows: dict[bytes, str] = field(default_factory=dict)

    def counting(self, run: Run) -> NDArray[np.bool_]:
        """Return which rows of the next run count as presentations of their clips, (n_rows,).

        Rows that answer no clip count as they are. Equal are rows whose every value is equal.

        Raises:
            IntegrityError: the run is a copy of a run of other clips, so that one of them is not what its name says.
        """
        out = np.ones(len(run.rows), bool)
        answered = np.flatnonzero(np.asarray(run.clip) >= 0)
        if not answered.size:
            return out
        if _is_constant(run.rows):
            self.constant.append(run.name)
            return np.zeros(len(run.rows), bool)
        digests = [_digest(run.rows[at]) for at in answered]
        whole, clip = hashlib.sha256(b"".join(digests)).digest(), np.asarray(run.clip, np.int64)[answered]
        if whole in self._runs:
            self._check_same_clips(run.name, clip, *self._runs[whole])
            self.copied.append(f"{run.name} is a copy of {self._runs[whole][0]}")
            out[answered] = self.keep_copies
            return out
        self._runs[whole] = run.name, clip
        self._compare_rows(run, answered, digests, out)
        return out

    def _check_same_clips(self, name: str, clip: NDArray[np.int64], other: str, others: NDArray[np.int64]) -> None:
        if not (self.keep_copies or np.array_equal(clip, others)):
            raise IntegrityError(
                f"{name} is a copy of {other}, which shows other clips",
                why="one of the two is not what its name says",
                next="look at both files where they come from, then fetch or adopt them again",
            )

    def _compare_rows(
        self, run: Run, answered: NDArray[np.int64], digests: list[bytes], out: NDArray[np.bool_]
    ) -> None:
        """Mark single rows that equal an earlier one; rows of zeros are no copies."""
        if run.rows.shape[1] < _ENOUGH_COLUMNS:
            return
        found: Counter[str] = Counter()
        for at, digest in zip(answered, digests, strict=True):
            if not run.rows[at].any():
                continue
            if digest in self._rows:
                found[self._rows[digest]] += 1
                out[at] = self.keep_copies
            else:
                self._rows[digest] = run.name
        self.copied += [
            f"{n} of {len(answered)} rows of {run.name} equal rows of {other}" for other, n in found.items()
        ]

    def notes(self) -> Notes:
        """Return what the manifest notes: nothing where all is as it should be."""
        found = {"copied_repeats": list(self.copied), "constant_runs": list(self.constant)}
        return {name: said for name, said in found.items() if said}

    def nothing_left(self, what: str = "nothing that was measured remains") -> IntegrityError:
        """Return what is said where no honest repeat, or too few of them, remain."""
        said = [*self.copied, *(f"{name} is constant" for name in self.constant)]
        more = f", and {len(said) - 3} more" if len(said) > 3 else ""
        return IntegrityError(
            what,
            why=", ".join(said[:3]) + more,
            next="look at these files where they come from, then fetch or adopt them again",
        )


def counted(runs: Iterable[Run], seen: Presentations) -> Iterator[Run]:
    """Yield the runs without copies and constant ones; single rows that do not count answer no clip (-1).

    Raises:
        IntegrityError: a run is a copy of a run of other clips, or no run remains.
    """
    n_read = n_left = 0
    for run in runs:
        n_read += 1
        counts = seen.counting(run)
        answers = np.asarray(run.clip) >= 0
        if answers.any() and not (counts & answers).any():
            continue
        n_left += 1
        yield run if counts.all() else replace(run, clip=np.where(counts, run.clip, -1))
    if n_read and not n_left:
        raise seen.nothing_left()


def _is_constant(rows: NDArray[Any]) -> bool:
    """Say whether no column varies over the rows; of a single row, whether it is all zeros."""
    first = rows[0] if len(rows) > 1 else np.zeros_like(rows[0])
    return all(np.array_equal(row, first, equal_nan=True) for row in rows)


def _digest(row: NDArray[Any]) -> bytes:
    # Minus zero is zero.
    return hashlib.sha256(np.ascontiguousarray(row + 0).tobytes()).digest()
