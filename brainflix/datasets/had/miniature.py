"""HAD in small: real clip names, four cycles of 180 maps on few vertices, and the traps of the release."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import nibabel as nib
import numpy as np
from nibabel.cifti2.cifti2_axes import ScalarAxis

from brainflix.datasets.had.layout import N_CYCLES, beta_path, label_path, paths_by_id
from brainflix.io.grayordinates import models, standard
from brainflix.io.surfaces import write_dtseries
from brainflix.testing.planted import few_columns

# Two films that lie byte for byte under two actions.
TWINS = ("Playing-racquetball_6omSQrof5vc_11.5", "Playing-squash_6omSQrof5vc_11.5")


@dataclass(frozen=True, eq=False)
class Planted:
    """What was planted.

    Attributes:
        columns: places of the columns in the standard axis.
        clips: ids of each subject's clips, by subject, cycle by cycle.
        values: estimates of each subject, (720, n_columns).
        twins: two clips of subject 1 that show the same film; the first is a test clip, the second would be a training
            clip.
    """

    columns: np.ndarray
    clips: dict[int, list[list[str]]]
    values: dict[int, np.ndarray]
    twins: tuple[str, str]


def make(folder: Path, *, seed: int = 0, subjects: Sequence[int] = (1, 3)) -> Planted:
    """Write estimates and labels, for subject 3 also series of a second session without estimates."""
    rng = np.random.default_rng(seed)
    columns, n_cortex = few_columns(("V1", "V2", "MT", "LO1"))
    columns = columns[:n_cortex]
    by_action = _by_action()
    clips: dict[int, list[list[str]]] = {}
    values: dict[int, np.ndarray] = {}
    for place, subject in enumerate(subjects):
        cycles = [[names[4 * place + cycle] for names in by_action] for cycle in range(N_CYCLES)]
        if subject == 1:
            cycles = _with_twins(cycles)
        cycles = [[cycle[i] for i in rng.permutation(len(cycle))] for cycle in cycles]
        clips[subject] = cycles
        values[subject] = (3 + rng.standard_normal((N_CYCLES * len(by_action), len(columns)))).astype(np.float32)
        _write_subject(folder, subject, cycles, values[subject], columns)
        if subject == 3:
            decoy = folder / beta_path(3, 1).with_name("ses-action02_task-action_run-1_Atlas.dtseries.nii")
            write_dtseries(decoy, np.ones((4, len(columns)), np.float32), models(columns), 2.0)
    return Planted(columns, clips, values, TWINS)


def _by_action() -> list[list[str]]:
    """Return the clips of each action, in the list's order."""
    from brainflix.datasets.had.layout import action_of

    found: dict[str, list[str]] = {}
    for clip in paths_by_id():
        if clip not in TWINS:
            found.setdefault(action_of(clip), []).append(clip)
    return list(found.values())


def _with_twins(cycles: list[list[str]]) -> list[list[str]]:
    """Show one of the twins in the first cycle and the other in the third."""
    from brainflix.datasets.had.layout import action_of

    changed = [list(cycle) for cycle in cycles]
    for cycle, twin in zip((0, 2), TWINS, strict=True):
        place = [action_of(clip) for clip in changed[cycle]].index(action_of(twin))
        changed[cycle][place] = twin
    return changed


def _write_subject(
    folder: Path, subject: int, cycles: list[list[str]], values: np.ndarray, columns: np.ndarray
) -> None:
    assert (standard().vertex[columns] >= 0).all()
    for number, cycle in enumerate(cycles, start=1):
        path = folder / beta_path(subject, number)
        path.parent.mkdir(parents=True, exist_ok=True)
        names = [PurePosixPath(paths_by_id()[clip]).name for clip in cycle]
        rows = values[(number - 1) * len(cycle) : number * len(cycle)]
        nib.save(nib.Cifti2Image(rows, header=(ScalarAxis(names), models(columns))), path)
        (folder / label_path(subject, number)).write_text("".join(f"{name}\n" for name in names))
