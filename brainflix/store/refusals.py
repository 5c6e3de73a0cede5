"""What the operating system refused, whoever tells of it: Python, or a library that has words of its own.

A full disk reaches brainflix as `OSError` from Python, but as text from what writes below it: safetensors (Rust) says
`(os error 28)`, HDF5 `errno = 28`, numpy how many values it could not write. Here all of them become one `OSError`.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator

from brainflix.errors import BrainflixError, ResourceError
from brainflix.store.disk import DISK_IS_FULL, REFUSALS

_NUMBER = re.compile(r"\(os error (\d+)\)|\berrno = (\d+)|\[Errno (\d+)\]")
# numpy's `ndarray.tofile` keeps no number: what the disk takes a part of, it has no room for.
_CUT_SHORT = re.compile(r"^\d+ requested and \d+ written$")
_WORDS = {os.strerror(number): number for number in (errno.ENOSPC, errno.EDQUOT, errno.EIO)}


def refusal(error: BaseException) -> OSError | None:
    """Return what the operating system refused, of an error or of what led to it; None if it refused nothing.

    A full disk is found behind any error but a `ResourceError`, which has told of it. Other refusals count only where
    nobody has put them into a sentence.
    """
    # An interrupt is one, whatever it interrupted.
    if isinstance(error, ResourceError) or not isinstance(error, Exception):
        return None
    told = isinstance(error, BrainflixError)
    for each in _led_to(error):
        found = _as_os_error(each)
        if found is not None and (found.errno in DISK_IS_FULL or (found.errno in REFUSALS and not told)):
            return found
    return None


def _led_to(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, what was raised together with it, and what it was raised from or in answer to."""
    waiting, seen = [error], set[int]()
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        if isinstance(each, BaseExceptionGroup):
            waiting += each.exceptions
        behind = each.__cause__ or (None if each.__suppress_context__ else each.__context__)
        waiting += [behind] if behind is not None else []


def _as_os_error(error: BaseException) -> OSError | None:
    if isinstance(error, OSError) and error.errno in REFUSALS:
        return error
    if isinstance(error, BrainflixError):
        return None
    text = str(error)
    numbers = [int(each) for found in _NUMBER.finditer(text) for each in found.groups() if each]
    numbers += [number for words, number in _WORDS.items() if words in text]
    numbers += [errno.ENOSPC] if _CUT_SHORT.match(text) else []
    known = next((number for number in numbers if number in REFUSALS), None)
    return OSError(known, os.strerror(known)) if known is not None else None
