"""Tell from their names several samples that a generator made of one clip, of which none may be picked unseen.

The best of N samples scores higher than one taken at random (docs/scoring.md, Pairing clips).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

# clip_0001_s0, clip_0001-sample3, seed_7_frame_2
_TAG = re.compile(r"(?:^|[_\-. ])(?:sample|seed|s)[_-]?\d+(?=$|[_\-. ])", re.IGNORECASE)


def count_samples(names: Iterable[str]) -> dict[str, int]:
    """Return how many of the names differ in a sample's number alone, by what is left of them without it.

    Args:
        names: distinct names without extension; those without a sample's number do not count.
    """
    return dict(Counter(_TAG.sub("", name, count=1) for name in names if _TAG.search(name)))
