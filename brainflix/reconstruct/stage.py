"""The door of `reconstruct`: conditions in, frames of the clips of a split out.

A generator loads its networks once and turns a `Batch` (clip ids and conditions by role) into uint8 frames, see
`generator.py`; `rendering` makes a part of it. Which of the conditions it reads is its own affair: predictions, videos
of an earlier step (a keyframe), or, for the oracle, the targets themselves. A part may make something else instead,
such as captions, if it says so where it is declared.
"""

from __future__ import annotations

from brainflix.parts.contract import call as run

__all__ = ["VERSION", "run"]

VERSION = 2
