"""The process that reads a pickle: limited in memory, time and what it may write, and told nothing of its parent."""

from __future__ import annotations

import pickle
import resource
import sys
from pathlib import Path

from brainflix.io.legacy.allowed import AllowListUnpickler, NotAllowedError
from brainflix.io.legacy.plain import write_plain

# What the process says by its exit code; anything else means that it died.
DONE, REFUSED, BROKEN, TOO_LARGE = 0, 64, 65, 66


def main() -> int:
    """Read the pickle `argv[1]` from byte `argv[2]` on into the folder `argv[3]`, within the limits `argv[4:]`.

    The limits are memory in bytes, processor time in seconds, and the size of a file that it writes in bytes.
    """
    path, start, folder, memory, seconds, file_bytes = sys.argv[1:]
    for limit, value in (
        (resource.RLIMIT_AS, int(memory)),
        (resource.RLIMIT_CPU, int(seconds)),
        (resource.RLIMIT_FSIZE, int(file_bytes)),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (value, value))
    try:
        with Path(path).open("rb") as file:
            file.seek(int(start))
            value = AllowListUnpickler(file).load()
        write_plain(value, Path(folder))
    except NotAllowedError as error:
        return _say(REFUSED, str(error))
    except (MemoryError, OverflowError):
        return _say(TOO_LARGE, "it needs more memory than it may have")
    except RecursionError:
        return _say(BROKEN, "it is nested too deeply")
    except (pickle.UnpicklingError, EOFError, ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        return _say(BROKEN, f"{type(error).__name__}: {error}")
    except OSError as error:
        return _say(TOO_LARGE, str(error))
    return DONE


def _say(code: int, text: str) -> int:
    sys.stderr.write(text)
    return code


if __name__ == "__main__":
    sys.exit(main())
