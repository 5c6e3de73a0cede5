"""What a metric's declaration is made of, without numpy: its lines, what each needs, its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from brainflix.evaluate.protocols import Protocol
from brainflix.evaluate.ranges import ANYTHING, Range
from brainflix.parts.params import Params

# End of the name of a line that stands beside another where clips hang together.
ACROSS = "_across_blocks"
# The key of weights that are files of the user.
FEATURES = "features"
LPIPS = "lpips"


@dataclass(frozen=True, kw_only=True)
class About:
    """What a reader must know of a line, and what it needs of the clips.

    Attributes:
        about: one line that says what it is.
        unit: of its values, "" for none.
        higher_is_better: which direction is good; None where neither is.
        within: least and most that the score can be, infinite where it is open.
        ranks: whether clips are ranked within a gallery, so that chance is that of theory.
        primary: whether headlines may use it.
        weights: keys of checkpoints or backbones that it takes.
        frames, clips: least numbers.
        least_px: least height and width in pixels.
        multiple_px: what both must be multiples of.
        timed: whether it needs the frame rate.
        permuted: whether it is nothing without permutations.
        package: what must be installed, as it is imported, and its name for pip.
        asked: whether it is scored only when asked for by name.
        special: whether only a protocol that names it has it.
    """

    about: str
    unit: str = ""
    higher_is_better: bool | None = True
    within: Range = ANYTHING
    ranks: bool = False
    primary: bool = False
    weights: tuple[str, ...] = ()
    frames: int = 1
    clips: int = 1
    least_px: int = 1
    multiple_px: int = 1
    timed: bool = False
    permuted: bool = False
    package: tuple[str, str] | None = None
    asked: bool = False
    special: bool = False


class MetricParams(Params):
    """Parameters of a metric, none by default, and its lines."""

    #: The lines by name, in the order of the table.
    LINES: ClassVar[Mapping[str, About]] = {}

    @classmethod
    def under(cls, protocol: Protocol, *, bug_compat: bool = False) -> Self:
        """Return the parameters that a protocol means."""
        return cls()

    def lines(self) -> Mapping[str, About]:
        """Return the lines under these parameters, by name, in the order of the table."""
        return self.LINES


def nway_name(n: int, level: str, g: int) -> str:
    """Return the name of an N-way accuracy, as nway_50_video_g1 or nway_50_video_g1_16f."""
    kind, _, suffix = level.partition("_")
    return f"nway_{n}_{kind}_g{g}" + (f"_{suffix}" if suffix else "")


def curve_name(level: str, g: int) -> str:
    """Return the name of N-way accuracy over all n, as nway_video_g1."""
    return nway_name(0, level, g).replace("nway_0_", "nway_")
