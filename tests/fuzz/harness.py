"""One small loop: damage a file, read it, and see that nothing but an error of ours comes out.

It runs in a process of its own, under a limit of memory, and keeps the file that it reads at the moment. So a crash or
a hang leaves its input behind as well as an exception does.

    python -m tests.fuzz.harness NAME FOLDER --seconds 300 --seed 7
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from brainflix.errors import BrainflixError
from tests.fuzz.mutations import mutated

ROOT = Path(__file__).resolve().parents[2]
# Beside what the readers' libraries themselves allocate.
MEMORY_BYTES = 1 << 30
HANG_S = 20
_MOST_FINDINGS = 10


@dataclass(frozen=True)
class Reader:
    """What is fuzzed.

    Attributes:
        suffix: of the file, by which some readers tell formats apart.
        corpus: makes honest files.
        read: reads one; what it returns is not looked at.
        count: how many damaged files are read in the tests.
        pack: what is done with a damaged file before it is read, so that damage gets past checksums.
    """

    suffix: str
    corpus: Callable[[], Sequence[bytes]]
    read: Callable[[Path], object]
    count: int = 150
    pack: Callable[[bytes], bytes] = bytes


class HangError(BaseException):
    """Reading took too long."""


def fuzz(name: str, reader: Reader, folder: Path, seed: int, is_over: Callable[[int], bool]) -> list[str]:
    """Read damaged files until `is_over` of their number, and return what was found, an input's path in each line."""
    signal.signal(signal.SIGALRM, _on_alarm)
    corpus, rng, findings, seen = reader.corpus(), random.Random(seed), [], set()
    place = folder / f"{name}{reader.suffix}"
    for honest in corpus:
        place.write_bytes(reader.pack(honest))
        reader.read(place)
    number = 0
    while not is_over(number) and len(findings) < _MOST_FINDINGS:
        place.write_bytes(reader.pack(mutated(corpus, rng)))
        number += 1
        try:
            signal.alarm(HANG_S)
            reader.read(place)
        except BrainflixError as error:
            what = "" if "\n" not in error.what else f"a message of several lines: {error.what!r}"
        except (Exception, HangError) as error:
            what = f"{type(error).__name__}: {str(error)[:200]} at {_where(error)}"
        else:
            what = ""
        finally:
            signal.alarm(0)
        kind = what.partition(": ")[0] + what.rpartition(" at ")[2]
        if what and kind not in seen:
            seen.add(kind)
            kept = folder / f"finding-{name}-{seed}-{number}{reader.suffix}"
            kept.write_bytes(place.read_bytes())
            findings.append(f"{kept}: {what}")
    print(f"{name}: {number} files, seed {seed}, {len(findings)} findings")
    return findings


def run_reader(name: str, folder: Path) -> None:
    """Fuzz a reader as often as the tests do, or for BRAINFLIX_FUZZ_SECONDS from a new seed; fail with findings."""
    seconds = os.environ.get("BRAINFLIX_FUZZ_SECONDS", "")
    seed = random.SystemRandom().randrange(10**6) if seconds else 0
    command = [sys.executable, "-X", "faulthandler", "-m", "tests.fuzz.harness", name, str(folder), "--seed", str(seed)]
    if seconds:
        command += ["--seconds", seconds]
    wait_s = 10 * HANG_S + float(seconds or 100)
    # What readers leave to the system's temporary folder is to be seen.
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(folder)}
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=wait_s, check=False
        )
    except subprocess.TimeoutExpired:
        raise AssertionError(f"{name} hangs; its input is {_last(name, folder)}, seed {seed}") from None
    said = (done.stdout + done.stderr)[-3000:]
    assert done.returncode == 0, f"{said}\n{name} ended with {done.returncode}; the last input is {_last(name, folder)}"
    print(done.stdout.strip())


def _last(name: str, folder: Path) -> Path:
    return next(folder.glob(f"{name}.*"), folder)


def _on_alarm(signum: int, frame: FrameType | None) -> None:
    raise HangError(f"more than {HANG_S} s")


def _allocated() -> int:
    """Return the bytes that this process has allocated; some that suffice where the system does not say."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.is_file() else []
    found = [int(line.split()[1]) << 10 for line in lines if line.startswith("VmData:")]
    return found[0] if found else 2 << 30


def _where(error: BaseException) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{last.filename}:{last.lineno}"


def main() -> int:
    """Fuzz one reader; print each finding."""
    from tests.fuzz.readers import READERS

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=sorted(READERS))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--count", type=int)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    reader = READERS[given.name]
    count = given.count or reader.count
    # What the libraries need comes first: an honest file is read before the limit is set.
    place = given.folder / f"honest{reader.suffix}"
    place.write_bytes(reader.pack(reader.corpus()[0]))
    reader.read(place)
    most = _allocated() + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    end = time.monotonic() + (given.seconds or 0)
    is_over = (lambda n: time.monotonic() > end) if given.seconds else (lambda n: n >= count)
    findings = fuzz(given.name, reader, given.folder, given.seed, is_over)
    print("\n".join(findings))
    return min(len(findings), 1)


if __name__ == "__main__":
    sys.exit(main())
