"""Claims: who is making an artifact now, so that a second process waits for it instead of computing it as well.

A claim is a file `<store>/.claims/<kind>.<name>.<key>.json`, made in one step that fails where there is one already. It
names its process, and a thread touches it every few seconds. It lapses when its process is gone or has not touched it
for a minute; whoever waits then takes its place. Publishing needs no claim: where claims cannot be written, are torn or
are taken from each other, an artifact may be computed twice, and the first one to be published counts.
"""

from __future__ import annotations

import json
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from brainflix.store import disk
from brainflix.store.provenance import fate, this_process
from brainflix.store.publish import read_owner
from brainflix.store.refs import Ref

CLAIMS, CLAIM_SUFFIX = ".claims", ".json"
# A claim is touched so often, and lapses when it has not been for so long.
BEAT_S, LAPSE_S = 10.0, 60.0
# Between two looks at another process's claim; the first looks are closer together.
_FIRST_LOOK_S, _LOOK_S = 0.02, 1.0


class Claim:
    """A claim that this process holds, or would if it could be written.

    Attributes:
        path: the file.
        token: tells it apart from any claim that took its place.
    """

    def __init__(self, path: Path, token: str) -> None:
        self.path, self.token = path, token
        self._pid, self._over = os.getpid(), threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"claim {path.name}", daemon=True)
        # Where no thread can be started the claim lapses too early.
        with suppress(RuntimeError):
            self._thread.start()

    def release(self) -> None:
        """Give the claim back, unless another process has taken its place."""
        # A forked worker that leaves the body must not give back what its parent holds.
        if os.getpid() != self._pid:
            return
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._is_mine():
            with suppress(OSError):
                self.path.unlink()
            with suppress(OSError):
                self.path.parent.rmdir()

    def _beat(self) -> None:
        while not self._over.wait(BEAT_S):
            with suppress(OSError):
                if self._is_mine():
                    os.utime(self.path)

    def _is_mine(self) -> bool:
        owner = read_owner(self.path)
        return owner is not None and owner.uuid == self.token


@contextmanager
def claimed(
    root: Path, ref: Ref, inputs: tuple[str, ...], is_there: Callable[[], bool], say: Callable[[str], None]
) -> Iterator[bool]:
    """Yield whether this process is to make `ref` in the store at `root`; False once another one has made it.

    Args:
        root: folder of the store.
        ref: the artifact; a job with several outputs is claimed by its main one.
        inputs: what making it reads.
        is_there: tells whether everything that is to be made is there.
        say: is told once whom this process waits for.
    """
    path = claim_file(root, ref)
    pause_s, has_said, watch = _FIRST_LOOK_S, False, _Watch(path)
    claim: Claim | None = None
    try:
        while not is_there():
            claim, can_claim = _take(path, ref, inputs)
            if claim is not None or not can_claim or watch.is_stuck():
                break
            if not has_said:
                say(f"{ref} is being made by {_whose(path)}: waiting for it")
                has_said = True
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, _LOOK_S)
        # Between the look and the claim another process may have finished.
        yield not is_there()
    finally:
        if claim is not None:
            claim.release()


def claim_file(root: Path, ref: Ref) -> Path:
    """Return the file that claims an artifact."""
    return root / CLAIMS / f"{ref.kind}.{ref.name}.{ref.key}{CLAIM_SUFFIX}"


def claim_files(root: Path) -> Iterator[Path]:
    """Yield every file among the claims, whatever it is."""
    yield from disk.entries_of(root / CLAIMS)


def has_lapsed(path: Path) -> bool:
    """Tell whether a claim no longer counts: its process is gone, or has been silent for too long."""
    owner = read_owner(path)
    if owner is not None and fate(owner) == "dead":
        return True
    silent_s = _silence_s(path)
    return silent_s is not None and silent_s > LAPSE_S


class _Watch:
    """Sees that a claim which cannot be taken over is not waited for without end, by this machine's clock alone."""

    def __init__(self, path: Path) -> None:
        self._path, self._since_s, self._last = path, time.monotonic(), -1

    def is_stuck(self) -> bool:
        """Tell whether the claim has been there, untouched, for so long that nobody can be behind it."""
        try:
            touched = self._path.stat().st_mtime_ns
        except OSError:
            touched = 0
        if touched != self._last:
            self._since_s, self._last = time.monotonic(), touched
        return time.monotonic() - self._since_s > 2 * LAPSE_S


def _take(path: Path, ref: Ref, inputs: tuple[str, ...]) -> tuple[Claim | None, bool]:
    """Try once to claim; return the claim, and whether claims can be made here at all."""
    token = uuid.uuid4().hex
    body = json.dumps(this_process(token, str(ref), inputs).to_dict()).encode()
    for _ in range(2):
        try:
            disk.make_folders(path.parent, sync=False)
            disk.write_file(path, body, sync=False)
            return Claim(path, token), True
        except FileExistsError:
            if not has_lapsed(path) or not _clear_away(path):
                return None, True
        except FileNotFoundError:
            # Whoever gave the last claim back took the empty folder with it.
            continue
        except OSError:
            return None, False
    return None, True


def _clear_away(path: Path) -> bool:
    """Take a lapsed claim out of the way; False if another process was faster.

    Two processes may find the same claim lapsed. The slower one could then take away what the faster one has put in its
    place: it looks at what it took, and puts it back.
    """
    aside = path.with_name(f"{path.name}.{uuid.uuid4().hex}.lapsed")
    try:
        os.rename(path, aside)
    except OSError:
        return False
    still = has_lapsed(aside)
    with suppress(OSError):
        if not still:
            os.link(aside, path)
    with suppress(OSError):
        aside.unlink()
    return still


def _silence_s(path: Path) -> float | None:
    """Return for how long a claim has not been touched; None if it is gone.

    Machines that share a folder may disagree on the time, so the file system is asked for its own: by a new file.
    """
    try:
        last = path.stat().st_mtime
    except OSError:
        return None
    probe = path.with_name(f"{uuid.uuid4().hex}.clock")
    try:
        probe.touch()
        return probe.stat().st_mtime - last
    except OSError:
        return time.time() - last
    finally:
        with suppress(OSError):
            probe.unlink(missing_ok=True)


def _whose(path: Path) -> str:
    owner = read_owner(path)
    return "another process" if owner is None else f"process {owner.pid} on {owner.host}"
