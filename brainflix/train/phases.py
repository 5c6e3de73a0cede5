"""The training phases as parts: gather rows of all subjects, train, return the network."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from brainflix.errors import DataError
from brainflix.parts.contract import Inputs
from brainflix.parts.work import Work
from brainflix.progress import Progress
from brainflix.store.artifact import Artifact
from brainflix.store.lookup import targets_about
from brainflix.store.responses import Responses
from brainflix.store.schema import Targets
from brainflix.store.windows import windowed
from brainflix.train.checkpoints import checkpoint_hook, latest_checkpoint
from brainflix.train.contrastive import tune_contrastive
from brainflix.train.loop import Hooks
from brainflix.train.masked import train_masked
from brainflix.train.parts import ContrastiveParams, LoopParams, MaskedParams, PhaseParams
from brainflix.trained.files import TrainResult, load_result


def masked_phase(params: MaskedParams, inputs: Inputs, work: Work) -> TrainResult:
    """Masked brain modelling on the training rows of all subjects under `rows`; goes on from `start` if it is given."""
    rows, _ = pooled_rows(inputs["rows"], ("train",), params)
    with phase_hooks(work, params, {"phase": "masked"}) as hooks:
        return train_masked(
            rows,
            params,
            seed=work.seed,
            compute=work.compute(),
            start=load_result(inputs["start"][0].path) if "start" in inputs else None,
            hooks=hooks,
        )


def contrastive_phase(params: ContrastiveParams, inputs: Inputs, work: Work) -> TrainResult:
    """Contrastive tuning of the network `start` towards `embeddings`; the validation segment decides when to stop."""
    targets = [Targets.load(artifact) for artifact in inputs["embeddings"]]
    rows, clips, held_out = rows_and_held_out(inputs["rows"], params, targets)
    with phase_hooks(work, params, {"phase": "contrastive"}) as hooks:
        return tune_contrastive(
            rows,
            clips,
            np.concatenate([target.values for target in targets]),
            params,
            start=load_result(inputs["start"][0].path),
            held_out=held_out,
            seed=work.seed,
            compute=work.compute(),
            hooks=hooks,
        )


def rows_and_held_out(
    artifacts: list[Artifact], params: PhaseParams, targets: Sequence[Targets]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Stack training rows and, after them, those of the validation clips that decide when to stop.

    Returns rows (n_rows, n_columns), the clip of each (n_rows,), and which rows are held out. Raises as `pooled_rows`.
    """
    train, train_clips = pooled_rows(artifacts, ("train",), params, targets)
    held, held_clips = pooled_rows(artifacts, ("val",), params, targets)
    held_out = np.arange(len(train), len(train) + len(held))
    return np.concatenate([train, held]), np.concatenate([train_clips, held_clips]), held_out


def pooled_rows(
    artifacts: list[Artifact], split: tuple[str, ...], params: PhaseParams, targets: Sequence[Targets] = ()
) -> tuple[np.ndarray, np.ndarray]:
    """Stack the rows of a split of all subjects: (n_rows, n_columns), and the clip of each row.

    Where subjects come from several data sets, each with its own `targets`, clips count on from one to the next.

    Raises:
        DataError: the subjects do not share their columns, or no target is about a subject's clips.
    """
    parts = []
    first = np.cumsum([0, *(len(target.clips) for target in targets)])
    for artifact in artifacts:
        responses = windowed(Responses.load(artifact), params.window_tr)
        clip, rows = responses.rows(split) if params.average_repeats else responses.trials(split)
        offset = first[targets_about(responses.clips, targets, artifact)] if targets else 0
        parts.append((rows, clip + offset))
    widths = {rows.shape[1] for rows, _ in parts}
    if len(widths) > 1:
        raise DataError(f"subjects have {sorted(widths)} columns", why="pooling needs aligned responses")
    return np.concatenate([rows for rows, _ in parts]), np.concatenate([clip for _, clip in parts])


@contextmanager
def phase_hooks(work: Work, params: LoopParams, config: Mapping[str, str]) -> Iterator[Hooks]:
    """Count epochs, publish checkpoints under this job's key, and go on from the furthest whole one."""
    found = latest_checkpoint(work.store, work.ref)
    if found:
        work.progress.say(f"{work.ref}: going on from epoch {found.state.epoch}")
    epochs = _counted(work.progress, params.epochs, done=found.state.epoch if found else 0)
    try:
        yield Hooks(
            on_checkpoint=checkpoint_hook(work.store, work.ref, config),
            checkpoint_every=work.checkpoint_epochs,
            on_epoch=lambda record: next(epochs, None),
            resume=found.state if found else None,
            recompute=work.recompute,
        )
    finally:
        # Training may have stopped early; the count must not stay on the screen.
        if isinstance(epochs, Generator):
            epochs.close()


def _counted(progress: Progress, total: int, done: int) -> Iterator[Any]:
    """Start to count epochs, `done` of which are over; each `next` says that one more is."""
    epochs = progress.track(range(total), "epochs")
    for _ in range(done + 1):
        next(epochs, None)
    return epochs
