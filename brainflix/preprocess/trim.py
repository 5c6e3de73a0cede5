"""Which volumes of a movie run answer which clips (CC2017's 245/246-volume convention)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from brainflix.errors import DataError

#: Volumes that every published pipeline drops at the end of a run.
N_TAIL_VOLUMES = 4


def trim_start(n_volumes: int, n_clips: int = 240) -> int:
    """Return the first kept volume (0-based) of a run; volumes start to start + n_clips answer clips 0 to n_clips.

    The published data have n_clips + 5 volumes (one is dropped at the start) or n_clips + 6 (two are), and four are
    dropped at the end. Clip j is thereby paired with the volume sampled 4 s after its onset, so no further
    haemodynamic shift may be added (docs/datasets.md, CC2017 trim).

    Args:
        n_volumes: volumes in the file.
        n_clips: clips of one repetition time that the segment has.

    Raises:
        DataError: if the run has another length.
    """
    if n_clips < 1:
        raise DataError(f"a run cannot have {n_clips} clips")
    if n_volumes not in (n_clips + 5, n_clips + 6):
        raise DataError(
            f"a run of {n_clips} clips has {n_volumes} volumes",
            why=f"it must have {n_clips + 5} or {n_clips + 6}; another length means a torn file or another convention",
            next="check the file against the dataset's run table",
        )
    return n_volumes - (n_clips + N_TAIL_VOLUMES)


def clip_volumes(n_volumes: int, n_clips: int = 240, *, tr_s: float = 2.0, delay_s: float = 4.0) -> NDArray[np.int64]:
    """Return the volume (0-based) that answers each clip, array of shape (n_clips,).

    Volume = round((clip onset + delay) / repetition time) - (n_clips + 6 - n_volumes), since volume 0 of the longer
    run is movie time 0 and the shorter run lacks that volume. With the default delay this is `trim_start` onwards.

    Args:
        n_volumes: volumes in the file.
        n_clips: clips of one repetition time that the segment has.
        tr_s: repetition time in seconds, which is also the length of a clip.
        delay_s: time from clip onset to the sampled volume, in seconds.

    Raises:
        DataError: if the run has another length, or a clip's volume lies outside the run.
    """
    trim_start(n_volumes, n_clips)
    # floor(x + 1/2): numpy's rint goes to even, which would pair neighbouring clips unevenly at half-volume delays.
    lag = int(np.floor(delay_s / tr_s + 0.5)) - (n_clips + 6 - n_volumes)
    if lag < 0 or lag + n_clips > n_volumes:
        raise DataError(
            f"a delay of {delay_s:g} s leaves clips without a volume",
            why=f"clips 0 to {n_clips - 1} would read volumes {lag} to {lag + n_clips - 1} of {n_volumes}",
        )
    return np.arange(lag, lag + n_clips, dtype=np.int64)
