"""Where one side's clips are: a folder, an exported artifact, an artifact of the store. One clip is read at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError, IntegrityError
from brainflix.evaluate.clock import regular
from brainflix.io.clip_folder import ClipFolder, open_clips
from brainflix.io.clip_read import Clip, passed_over_note
from brainflix.io.clip_table import FRAMES, ClipTable, read_table
from brainflix.wording import count

if TYPE_CHECKING:
    import zarr

    from brainflix.store.artifact import Artifact
    from brainflix.store.store import Store

Read = Callable[[str], Clip]


@dataclass(frozen=True, eq=False)
class Shelf:
    """One side, whatever holds it: its name for people, the ids of its clips, what reads one, and what is known.

    Attributes:
        place: where it lies, whatever links lead there.
        notes: what a reader must know of it.
    """

    name: str
    ids: tuple[str, ...]
    read: Read
    table: ClipTable | None = None
    place: Path | None = None
    notes: tuple[str, ...] = ()


def open_shelf(where: str, store: Callable[[], Store]) -> Shelf:
    """Open a folder of clips, an exported artifact (it has a clips.csv), or the ref of an artifact.

    Args:
        where: a path, or a ref such as `videos/demo-sub-1-video`.
        store: opens the store, which only refs need.

    Raises:
        MissingError, UsageError: there is nothing at the path, nor such an artifact.
        DataError: no clips there.
    """
    path = Path(where)
    if path.exists() or "/" not in where or path.is_absolute() or where.startswith("."):
        return of_folder(path)
    from brainflix.store.refs import KINDS

    if path.parts[0] not in KINDS:
        return of_folder(path)
    return of_artifact(store().open(where))


def of_folder(path: Path) -> Shelf:
    """Open a folder of clips, or an exported artifact; raises as `open_shelf`."""
    table = read_table(path) if path.is_dir() else None
    if table is None:
        folder = open_clips(path)
        return Shelf(str(path), folder.ids, folder.read, place=path.resolve(), notes=_said(folder))
    folder = open_clips(path / FRAMES if (path / FRAMES).is_dir() else path)
    named = folder.named_as(table.ids)
    lacking = [name for name in named.ids if name not in set(table.ids)]
    if lacking:
        raise DataError(f"{path / 'clips.csv'} lacks {count(len(lacking), 'clip')}", why=f"the first is {lacking[0]!r}")
    rate = table.fps_hz

    def read(name: str) -> Clip:
        clip = named.read(name)
        if rate is None or clip.starts_s is not None:
            return clip
        return replace(clip, starts_s=regular(len(clip.frames), rate).starts_s, last_s=1 / rate)

    return Shelf(str(path), named.ids, read, table, path.resolve(), _said(folder))


def _said(folder: ClipFolder) -> tuple[str, ...]:
    return (passed_over_note(folder.path.name, folder.passed_over),) if folder.passed_over else ()


def of_artifact(artifact: Artifact) -> Shelf:
    """Open the videos, or the true frames, of an artifact.

    Raises:
        DataError: it holds no videos.
        IntegrityError: they are not what was published.
    """
    from brainflix.store.lookup import find_clips
    from brainflix.store.schema import Clips, Videos

    if "frames" not in artifact.names():
        raise DataError(f"{artifact.ref} holds no videos", next="brainflix store ls videos")
    artifact.check_bytes()
    about, frames = artifact.json(Videos.FILE), _Rows(artifact.array("frames"))
    ids, rate = tuple(about["clip_ids"]), float(about["fps_hz"])

    def read(name: str) -> Clip:
        row = int(find_clips(artifact, ids, [name])[0])
        try:
            found = frames[row]
        except ValueError as error:
            advice = f"brainflix store verify {artifact.ref}"
            raise IntegrityError(f"{artifact.ref} is damaged at clip {name}", why=str(error), next=advice) from error
        return Clip(found, regular(len(found), rate).starts_s, "array", last_s=1 / rate)

    table = None
    if (artifact.path / Clips.FILE).is_file():
        table = table_of(Clips.load(artifact), rate)
    return Shelf(str(artifact.ref), ids, read, table, artifact.path.resolve())


class _Rows:
    """Rows of an array that is stored in chunks, of which the last one read is kept: each row reads a whole chunk."""

    def __init__(self, array: zarr.Array[Any]) -> None:
        self._array, self._step = array, array.chunks[0]
        self._start, self._block = -1, np.zeros(0, np.uint8)

    def __getitem__(self, row: int) -> NDArray[np.uint8]:
        start = row // self._step * self._step
        if start != self._start:
            self._block = np.asarray(self._array[start : start + self._step], np.uint8)
            self._start = start
        found: NDArray[np.uint8] = self._block[row - start].copy()
        return found


def table_of(clips: Any, fps_hz: float | None = None) -> ClipTable:
    """Return what `store.schema.Clips` say as the table of a folder."""
    from brainflix.store.clips import SPLITS

    split = tuple(SPLITS[number] for number in clips.split)
    return ClipTable(clips.ids, clips.segment, np.asarray(clips.onset_s, np.float64), split, fps_hz)
