"""How much a file may unpack to: what it says of itself is compared with its size before anything is allocated.

A header of a few bytes can claim any shape, and zeros are packed a thousandfold. So what is small may be packed as
tightly as it likes, and what is large may unpack to so many times what lies on the disk.
"""

from __future__ import annotations

from pathlib import Path

from brainflix.errors import IntegrityError
from brainflix.wording import format_bytes

# A mask of a whole brain at half a millimetre has 58 million voxels; it fits, a byte each.
SMALL_BYTES = 256 << 20
# Of names, texts and headers: no file of the field has as many.
HEADER_BYTES = 16 << 20
SETTING = "BRAINFLIX_UNPACK_RATIO"


def allowed_bytes(held: int) -> int:
    """Return to how many bytes a file of `held` bytes may unpack; the setting `unpack_ratio` says how many times more.

    Raises:
        UsageError: the setting is not valid.
    """
    from brainflix.settings import load_settings

    return max(SMALL_BYTES, load_settings().unpack_ratio * held)


def ratio_for(claimed: int, held: int) -> str:
    """Return the setting by which `held` bytes may unpack to `claimed`, as it stands in the environment."""
    return f"{SETTING}={-(-claimed // max(held, 1))}"


def check_unpacked(path: Path, claimed: int, *, what: str = "", held: int | None = None) -> None:
    """Check that a file may be as large as it says once it is unpacked.

    Args:
        path: the file.
        claimed: bytes that it would need in memory or on the disk, by its own header.
        what: what of it, for the message; "" for all.
        held: bytes that hold them packed, if it is not the whole file.

    Raises:
        IntegrityError: it is too much for its size; says the setting that allows it.
    """
    size = path.stat().st_size if held is None else held
    if claimed <= SMALL_BYTES or claimed <= allowed_bytes(size):
        return
    raise IntegrityError(
        f"{f'{what} of ' if what else ''}{path.name} unpacks to far more than its size",
        why=f"{format_bytes(size)} would become {format_bytes(claimed)}",
        next=f"fetch the file again; if it is meant to hold so much, set {ratio_for(claimed, size)}",
    )
