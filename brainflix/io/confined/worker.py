"""The confined process: walled in, it reads files with one of the readers that are named here."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

from brainflix.errors import BrainflixError
from brainflix.io.confined.plain import write_plain
from brainflix.io.confined.walls import wall_in
from brainflix.io.confined.wire import send, send_end

#: A function of paths and of options. What it yields is sent; what it returns under "folder" is written there.
READERS = {
    "pickle": "brainflix.io.legacy.unpickling:read",
    "hdf5-shapes": "brainflix.io.hdf5_inside:shapes",
    "hdf5-arrays": "brainflix.io.hdf5_inside:arrays",
    "hdf5-blocks": "brainflix.io.hdf5_inside:blocks",
}
# The exit code of a process that said what is wrong; any other but 0 means that it died.
SAID = 64


def main() -> int:
    """Do the job `argv[1]`: reader, paths, options, folder, whether it is filled, and limits as `walls.wall_in`."""
    job = json.loads(sys.argv[1])
    module, _, name = READERS[job["reader"]].partition(":")
    read = getattr(importlib.import_module(module), name)
    out, folder = sys.stdout.buffer, Path(job["folder"])
    wall_in(**job["limits"], folder=folder)
    try:
        answer = read([Path(path) for path in job["paths"]], **job["options"])
        if job["fills"]:
            write_plain(answer, folder)
        else:
            for each in answer:
                send(out, each)
        send_end(out)
    except BrainflixError as error:
        return _say(type(error).__name__, error.what, error.why, error.next)
    except ImportError:
        # No fault of the file.
        raise
    except (MemoryError, OverflowError):
        return _say("", "it needs more memory than it may have")
    except RecursionError:
        return _say("", "it is nested too deeply")
    except Exception as error:
        # Damaged files fail in any way.
        return _say("", f"{type(error).__name__}: {error}")
    return 0


def _say(*words: Any) -> int:
    sys.stderr.write("\n" + json.dumps([str(word)[:500] for word in words]))
    return SAID


if __name__ == "__main__":
    sys.exit(main())
