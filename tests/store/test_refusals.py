"""What the operating system refused is found behind any error, and nothing else is taken for it."""

from __future__ import annotations

import errno

import pytest

from brainflix.errors import DataError, IntegrityError, MissingError, ResourceError
from brainflix.store.refusals import refusal

FULL, BROKEN = OSError(errno.ENOSPC, "full", "a/file"), OSError(errno.EIO, "broken")


def behind(error: BaseException, cause: BaseException | None) -> BaseException:
    """Return an error as it is raised from another one."""
    try:
        raise error from cause
    except type(error) as raised:
        return raised


def amid(error: BaseException, other: BaseException) -> BaseException:
    """Return an error as it is raised in answer to another one."""
    try:
        try:
            raise other
        except type(other):
            raise error  # noqa: B904
    except type(error) as raised:
        return raised


@pytest.mark.parametrize(
    ("error", "number"),
    [
        (FULL, errno.ENOSPC),
        (behind(MissingError("not fetched"), FULL), errno.ENOSPC),
        (amid(DataError("not whole"), FULL), errno.ENOSPC),
        (behind(ValueError("a"), behind(KeyError("b"), FULL)), errno.ENOSPC),
        (ExceptionGroup("two", [ValueError("a"), FULL]), errno.ENOSPC),
        (RuntimeError("Data processing error: I/O error: No space left on device (os error 28)"), errno.ENOSPC),
        (RuntimeError("Can't decrement id ref count (file write failed: errno = 122, error message = '?')"), 122),
        (OSError("9000 requested and 8064 written"), errno.ENOSPC),
        (BROKEN, errno.EIO),
        (behind(ValueError("cannot be read"), BROKEN), errno.EIO),
        (PermissionError(errno.EACCES, "no", "file"), errno.EACCES),
        # What has told of it, or is no failure at all.
        (behind(ResourceError("could not write"), FULL), None),
        (behind(IntegrityError("a file cannot be read"), BROKEN), None),
        (amid(KeyboardInterrupt(), FULL), None),
        (behind(ValueError("a"), None), None),
        (FileNotFoundError(errno.ENOENT, "no such file"), None),
        (RuntimeError("errno = 2, No such file or directory (os error 2)"), None),
        (DataError("a text that says No space left on device"), None),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_a_refusal_is_found_by_its_number(error: BaseException, number: int | None) -> None:
    found = refusal(error)
    assert (found and found.errno) == number


def test_the_file_that_it_is_about_is_kept() -> None:
    found = refusal(behind(MissingError("not fetched"), FULL))
    assert found is not None and found.filename == "a/file"
