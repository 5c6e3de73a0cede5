"""Areas of grayordinates by name: (CIFTI structure, vertex) to HCP-MMP1 area.

Never by number: two numberings are in use.
"""

from __future__ import annotations

import csv
from functools import lru_cache
from pathlib import Path

TABLE = Path(__file__).resolve().parents[1] / "demo" / "data" / "grayordinates.csv"


@lru_cache(maxsize=1)
def load_areas() -> dict[tuple[str, int], str]:
    """Return the area of each cortical grayordinate that the shipped table covers."""
    with TABLE.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {(row["structure"], int(row["vertex"])): row["area"] for row in rows if row["vertex"]}
