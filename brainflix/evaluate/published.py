"""Published numbers, with source, protocol and how sure each is (docs/scoring.md, Published numbers).

They are shown beside measured numbers and never mixed with them: papers differ in frames, size, codec and even in what
a metric's name means (docs/scoring.md, Why numbers do not compare), and their "+-" is no confidence interval.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

TABLE = Path(__file__).with_name("published.csv")
CONFIDENCE = {
    "code": "printed by released code or a released notebook",
    "read": "read in the paper, its abstract or a figure",
    "summary": "read in somebody else's summary of the paper",
    "remembered": "remembered, not checked",
}
"""How sure each row is, surest first."""

CHANCE = {"2-way-I": 3 / 4, "2-way-V": 3 / 4, "50-way-I": 3 / 52, "50-way-V": 3 / 52}
"""Chance of the papers' N-way accuracy: any of three classes may win, so it is g / (g + n - 1) with g = 3."""


@dataclass(frozen=True)
class Published:
    """One published number.

    Attributes:
        system, dataset, subject: what was scored; `subject` may say "mean of 3".
        metric: as the papers name it; two protocols' values of one name are not comparable.
        value, spread: the number, and what stood after its "+-", None where nothing did.
        protocol: how it was scored, "unknown" where no code was released.
        source, confidence: where it was read, and a key of `CONFIDENCE`.
        note: what a reader must know, or "".
    """

    system: str
    dataset: str
    subject: str
    metric: str
    value: float
    spread: float | None
    protocol: str
    source: str
    confidence: str
    note: str

    @property
    def excess(self) -> float | None:
        """Share of what chance leaves, (value - chance) / (1 - chance); None where chance is not known."""
        chance = CHANCE.get(self.metric)
        return None if chance is None else (self.value - chance) / (1 - chance)


@lru_cache(maxsize=1)
def published() -> tuple[Published, ...]:
    """Read the shipped table in its order."""
    with TABLE.open(newline="", encoding="utf-8") as file:
        return tuple(_read(row) for row in csv.DictReader(file))


def _read(row: dict[str, str]) -> Published:
    spread = float(row["spread"]) if row["spread"] else None
    return Published(**{**row, "value": float(row["value"]), "spread": spread})  # type: ignore[arg-type]
