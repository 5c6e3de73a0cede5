"""Lists of HCP-MMP1 areas that papers use, by name. Two numberings of the atlas are in use, so numbers mean nothing."""

from __future__ import annotations

from brainflix.errors import UsageError


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


#: Brain Netflix, 41 areas: 13156 grayordinates over both hemispheres, in the order of its file.
GROUP41: tuple[str, ...] = _names(
    "V1 MST V6 V2 V3 V4 MT V8 V3A RSC POS2 V7 IPS1 FFC V3B LO1 LO2 PIT PCV STV 7m POS1 23d v23ab d23ab 31pv LIPv VIP "
    "MIP PH TPOJ1 TPOJ2 TPOJ3 IP2 IP1 IP0 VMV1 VMV3 LO3 VMV2 VVC"
)

#: Brain Netflix, reduced list: 8161 grayordinates.
GROUP23: tuple[str, ...] = _names(
    "V1 V6 V2 V3 V4 MT V8 V3A RSC V7 IPS1 FFC V3B LO1 LO2 IP2 IP1 IP0 VMV1 VMV3 LO3 VMV2 VVC"
)

#: Brain Netflix, smallest list: 6026 grayordinates.
GROUP14: tuple[str, ...] = _names("V1 V2 V3 V4 MT RSC FFC LO1 LO2 VMV1 VMV3 LO3 VMV2 VVC")

#: NeuroPictor and GLFA, visual cortex: 8921 grayordinates.
VISUAL31: tuple[str, ...] = _names(
    "V1 V2 V3 V3A V3B V3CD V4 LO1 LO2 LO3 PIT V4t V6 V6A V7 V8 PH FFC IP0 MT MST FST VVC VMV1 VMV2 VMV3 PHA1 PHA2 "
    "PHA3 TE2p IPS1"
)

#: Mind-Animator on HCP 7T movies: 5820 grayordinates.
MIND_ANIMATOR12: tuple[str, ...] = _names("V1 V2 V3 V4 V3A V3B LO1 LO2 MT MST TPOJ1 TPOJ2")

ROI_SETS: dict[str, tuple[str, ...]] = {
    "group41": GROUP41,
    "group23": GROUP23,
    "group14": GROUP14,
    "visual31": VISUAL31,
    "mind-animator12": MIND_ANIMATOR12,
}


def areas_named(text: str) -> tuple[str, ...]:
    """Return the areas of a named list, or the areas that a text names with commas.

    Raises:
        UsageError: if no name is given.
    """
    if text in ROI_SETS:
        return ROI_SETS[text]
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not names:
        raise UsageError(f"{text!r} names no area", next=f"name areas with commas, or one of {', '.join(ROI_SETS)}")
    return names


def _without_hemisphere(name: str) -> str:
    return name[2:] if name[:2] in ("L_", "R_") else name
