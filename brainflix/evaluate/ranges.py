"""Least and most that a score can be: what metrics declare, and what keeps the limits of intervals inside."""

from __future__ import annotations

import math

Range = tuple[float, float]
"""Least and most; infinite where it is open."""
ANYTHING: Range = (-math.inf, math.inf)
RATE: Range = (0.0, 1.0)
CORRELATION: Range = (-1.0, 1.0)
DIFFERENCE: Range = (-2.0, 2.0)
"""Of two correlations."""
FROM_ZERO: Range = (0.0, math.inf)
TO_ONE: Range = (-math.inf, 1.0)
