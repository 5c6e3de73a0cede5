"""Whether a disk has room for what is to come, asked before the first byte."""

from __future__ import annotations

import shutil
from pathlib import Path

from brainflix.errors import ResourceError
from brainflix.wording import format_bytes

# A disk that is filled to its last byte breaks other things.
_SPARE_BYTES = 64 << 20


def check_room(needed: int, folder: Path, what: str) -> None:
    """Refuse what cannot fit.

    Args:
        needed: bytes.
        folder: where they go; it exists.
        what: happens to them, such as "fetched".

    Raises:
        ResourceError: the disk is too small.
    """
    free = shutil.disk_usage(folder).free
    if needed and needed + _SPARE_BYTES > free:
        raise ResourceError(
            f"{format_bytes(needed)} are to be {what}, and {folder} has room for {format_bytes(free)}",
            next="free some space, or name another folder with --store",
        )
