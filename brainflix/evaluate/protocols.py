"""The frozen bundles of choices that published numbers were made with, and ours (docs/scoring.md, Protocols).

What cannot be reproduced from folders of videos is said in `notes`: numbers under a paper's name are that paper's
procedure in expectation, not its random draws.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from brainflix.errors import UsageError
from brainflix.wording import did_you_mean

# Version of the scorer: numbers of two versions do not compare.
SCORER = 7
# Of the documents of `score`. Those before this one have other intervals and p, and do not say which blocks are
# neighbours.
SCHEMA = 3


@dataclass(frozen=True)
class Protocol:
    """One bundle.

    Attributes:
        name: stands on every number.
        frame_rule: which frames meet, a rule of `clock.match_frames`.
        n_frames: frames of each clip that count; None takes what the rule finds.
        height, width: size in pixels at which clips are compared.
        ssim: flavours of SSIM, the first of which `ssim_excess` uses.
        ways: choices n of the N-way accuracies.
        true_classes: how many of the truth's best classes count as right (g).
        trained_frames: whether clips are also classified at the number of frames that VideoMAE was trained with.
        gated_consistency: whether temporal consistency is also printed with the published gate.
        notes: what a reader must know.
        bug_compat: what `--bug-compat` changes; empty where nothing can be.
        midpoint_bug: whether released grids were split in the middle, borders and all (docs/scoring.md, Known errors).
        midpoint_size: whether such halves were scored as large as they are, and not resized.
        flow_grey_bug: whether red and blue were swapped in the flow's grey conversion.
        leads: of `true_classes`, the number whose video N-way accuracy a headline may use.
        own_size: whether clips that are smaller than `height` x `width` on both sides keep the truth's size.
        extra: metrics that no other protocol has.
        bug_extra: metrics that are wrong by accident, which `--bug-compat` adds.
    """

    name: str
    frame_rule: str
    n_frames: int | None
    height: int
    width: int
    ssim: tuple[str, ...]
    ways: tuple[int, ...]
    true_classes: tuple[int, ...]
    notes: tuple[str, ...] = ()
    bug_compat: str = ""
    trained_frames: bool = False
    gated_consistency: bool = False
    midpoint_bug: bool = False
    midpoint_size: bool = False
    flow_grey_bug: bool = False
    leads: int = 1
    own_size: bool = False
    extra: tuple[str, ...] = ()
    bug_extra: tuple[str, ...] = ()

    @property
    def standard(self) -> tuple[str, ...]:
        """What the part `strict` scores unless its step names metrics, in the order of its table."""
        nway = (f"nway_{n}_video_g{g}" for g in self.true_classes for n in self.ways)
        return (*nway, *STANDARD)


# The lines of the part `strict` beside N-way accuracy; Holm counts them all, so that one more moves every p_holm.
STANDARD = (
    "ssim_excess",
    "pixcorr",
    "flow_cosine",
    "ssim_rgb_u7",
    "ssim_gray_g11",
    "psnr",
    "hue_circ",
    "epe_normalised",
    "skill",
)
MIDPOINT = "side-by-side grids are split in the middle, borders and all, which shifts the halves by a pixel"
AS_THEY_ARE = f"{MIDPOINT}, and the halves are scored at their own size"
EXACT = "N-way is the exact expectation in float32 with fair ties, in place of random trials in float16"

PROTOCOLS: dict[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            "strict", "clock", None, 256, 256, ("ssim_rgb_u7", "ssim_gray_g11"), (2, 50), (1, 3),
            ("every true frame meets the predicted frame that starts nearest to it",), trained_frames=True,
            own_size=True,
        ),
        Protocol(
            "mindvideo", "first", 6, 256, 256, ("ssim_rgb_u7",), (50,), (3,), (EXACT,), AS_THEY_ARE,
            midpoint_bug=True, midpoint_size=True,
        ),
        Protocol("glfa", "first", 12, 320, 576, ("ssim_rgb_u7",), (2, 50), (3,), (EXACT, "released clips are H.264")),
        Protocol(
            "mindanimator", "first", 8, 512, 512, ("ssim_rgb_u7",), (2,), (3,), (EXACT,),
            f"{MIDPOINT}; optical flow takes its grey with red and blue swapped, and so does hue_cos_bgr",
            gated_consistency=True, midpoint_bug=True, flow_grey_bug=True,
            extra=("hue_cos", "angular_error"), bug_extra=("hue_cos_bgr",),
        ),
        Protocol(
            "neurons", "neurons", 6, 256, 256, ("ssim_gray_g11",), (2, 50), (3,),
            (
                "true frames at 0 to 1.67 s meet predicted frames at 0.5 to 1.75 s, as released",
                "the released SSIM runs over single columns by accident; the two-dimensional one is printed instead",
                EXACT,
            ),
            f"{AS_THEY_ARE}; ssim_gray_g11_columns is the released SSIM over single columns",
            midpoint_bug=True, midpoint_size=True, bug_extra=("ssim_gray_g11_columns",),
        ),
        Protocol(
            "brainnetflix", "linspace", None, 256, 256, ("ssim_rgb_u7",), (2, 50), (3,),
            ("the released N-way mixes the frames of a clip by accident; here each frame keeps its own", EXACT),
        ),
    )
}  # fmt: skip


def find_protocol(name: str) -> Protocol:
    """Return the protocol of a name.

    Raises:
        UsageError: there is none.
    """
    if name not in PROTOCOLS:
        raise UsageError(f"unknown protocol {name!r}", next=did_you_mean(name, PROTOCOLS))
    return PROTOCOLS[name]


def compared_size(protocol: Protocol, truth: tuple[int, int], prediction: tuple[int, int]) -> tuple[int, int]:
    """Return height and width at which a pair of clips of these heights and widths is compared."""
    limit = (protocol.height, protocol.width)
    is_smaller = all(side[axis] < limit[axis] for side in (truth, prediction) for axis in (0, 1))
    return truth if protocol.own_size and is_smaller else limit


def flow_grey(protocol: Protocol, bug_compat: bool) -> Literal["rgb", "bgr"]:
    """Return which grey conversion optical flow takes."""
    return "bgr" if bug_compat and protocol.flow_grey_bug else "rgb"


def check_bug_compat(protocol: Protocol) -> None:
    """Refuse to reproduce bugs that a protocol does not have.

    Raises:
        UsageError: nothing that released scripts got wrong can be switched on for this protocol.
    """
    if not protocol.bug_compat:
        able = ", ".join(name for name, each in PROTOCOLS.items() if each.bug_compat)
        raise UsageError(f"--bug-compat changes nothing under protocol {protocol.name}", next=f"it is for {able}")
