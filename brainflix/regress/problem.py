"""What a regression is given: rows and targets of all subjects and data sets to fit on, and rows to predict from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from brainflix.errors import DataError
from brainflix.linear.standardise import Standardiser, rescale_to_train_std
from brainflix.parts.work import Tools
from brainflix.regress.features import encoded
from brainflix.regress.parts import RegressParams, TestRepeats
from brainflix.store.artifact import Artifact
from brainflix.store.clips import SPLITS
from brainflix.store.lookup import targets_about
from brainflix.store.responses import Responses
from brainflix.store.schema import Predictions, Targets
from brainflix.store.windows import windowed

FIT_SPLITS = ("train", "val")


@dataclass(frozen=True)
class Problem:
    """A regression.

    Attributes:
        x: array of shape (n_rows, n_columns), each subject standardised with its own mean and standard deviation.
        y: each target that is fitted once, array of shape (n_targets, n_dims); subjects and repeats share them.
        of: index into `y` of each row, (n_rows,), ascending.
        groups: stimulus segment of each row, so that no fold shares a segment with the rows that it is fitted on.
        x_test: array of shape (n_test_rows, n_columns), standardised as `x`.
        test_clip: index into `test_ids` of each row of `x_test`, (n_test_rows,), ascending.
        test_ids: ids of the test clips.
        shape: shape of one target.
        truth: ref of the targets.
    """

    x: np.ndarray
    y: np.ndarray
    of: np.ndarray
    groups: np.ndarray
    x_test: np.ndarray
    test_clip: np.ndarray
    test_ids: tuple[str, ...]
    shape: tuple[int, ...]
    truth: str

    @property
    def fitted_on(self) -> str:
        """Digest of the rows and targets that are fitted, which subjects may share."""
        whole = hashlib.sha256()
        for array in (self.x, self.y, self.of, np.char.encode(self.groups.astype(str), "utf-8")):
            whole.update(f"{array.dtype} {array.shape}".encode())
            whole.update(np.ascontiguousarray(array).data)
        return whole.hexdigest()

    def predictions(self, values: np.ndarray, params: RegressParams, attrs: Mapping[str, object]) -> Predictions:
        """Average what was predicted from each row, (n_test_rows, n_dims), within a clip, and give it its shape.

        Rescaled to the training targets' spread if the recipe asks.
        """
        if len(self.test_clip) > len(self.test_ids):
            starts = np.searchsorted(self.test_clip, np.arange(len(self.test_ids)))
            counts = np.diff([*starts, len(self.test_clip)])
            values = np.add.reduceat(np.asarray(values, np.float64), starts, axis=0) / counts[:, None]
        if params.rescale:
            values = rescale_to_train_std(values, self.y.std(axis=0))
        return Predictions(values.reshape(-1, *self.shape), self.test_ids, self.truth, dict(attrs))


def gather(inputs: Mapping[str, list[Artifact]], params: RegressParams, tools: Tools) -> Problem:
    """Stack the rows of all subjects and data sets under `rows`, each standardised by itself, with their targets.

    A data set's rows are those of the targets that are about the same clips; `target` holds one artifact for each.

    Raises:
        DataError: subjects with different columns, or responses whose clips no target is about.
    """
    targets = [Targets.load(artifact) for artifact in inputs["target"]]
    refs = [artifact.ref for artifact in inputs["target"]]
    test = _read(inputs["test"][0], inputs, params, tools)
    own = targets_about(test.clips, targets, inputs["test"][0])
    xs, place = [], []
    for artifact in inputs["rows"]:
        responses = _read(artifact, inputs, params, tools)
        which = targets_about(responses.clips, targets, artifact)
        everything = params.other_datasets == "all" and which != own
        clip, rows = _rows(responses, SPLITS if everything else FIT_SPLITS, params)
        xs.append(Standardiser.fit(rows).transform(rows))
        place.append(np.stack([np.full(len(clip), which), clip]))
    if len({x.shape[1] for x in xs} | {test.n_grayordinates}) > 1:
        raise DataError("the subjects have different columns", why="decoders cross subjects only on aligned responses")
    if len({target.values[0].size for target in targets}) > 1:
        raise DataError("the data sets' targets have different sizes", why=", ".join(map(str, refs)))
    test_clip, test_rows = _rows(_chosen_repeats(test, params.test_repeats), ("test",), params)
    scale = Standardiser.fit(_rows(test, FIT_SPLITS, params)[1])
    # In the clips' own order, so that folds are stretches of the film and the last segments are its last.
    pairs = np.concatenate(place, axis=1)
    order = np.lexsort(pairs[::-1])
    (which, clip), of = np.unique(pairs[:, order], axis=1, return_inverse=True)
    wanted, test_place = np.unique(test_clip, return_inverse=True)
    return Problem(
        x=np.concatenate(xs)[order],
        y=np.stack([targets[w].values[c].ravel() for w, c in zip(which, clip, strict=True)]),
        of=of,
        groups=_segments(targets, which, clip)[of],
        x_test=scale.transform(test_rows),
        test_clip=test_place,
        test_ids=tuple(test.clips.ids[c] for c in wanted),
        shape=targets[own].values.shape[1:],
        truth=str(refs[own]),
    )


def mean_by_clip(values: np.ndarray, clip: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each clip once, ascending, and the mean of what its presentations were encoded to, (n_clips, ...).

    Args:
        values: one for each presentation, (n_rows, ...).
        clip: the clip of each, (n_rows,).
    """
    wanted = np.unique(clip)
    return wanted, np.stack([values[clip == each].mean(axis=0) for each in wanted])


def _read(artifact: Artifact, inputs: Mapping[str, list[Artifact]], params: RegressParams, tools: Tools) -> Responses:
    """Return a subject's responses, or what an encoder makes of them, with the window that the decoder sees."""
    responses = Responses.load(artifact)
    if "encoder" in inputs:
        responses = encoded(responses, inputs["encoder"][0], params.pool, tools.compute())
    return windowed(responses, params.window_tr)


def _rows(responses: Responses, splits: Sequence[str], params: RegressParams) -> tuple[np.ndarray, np.ndarray]:
    """Return the clip of each row, ascending, and the rows: a clip's presentations averaged, or each of them."""
    if params.repeats == "average":
        return responses.rows(splits)
    clip, rows = responses.trials(splits)
    order = np.argsort(clip, kind="stable")
    return clip[order], rows[order]


def _segments(targets: Sequence[Targets], which: np.ndarray, clip: np.ndarray) -> np.ndarray:
    """Return the segment of each row; segments of different data sets differ whatever they are called."""
    names = np.array([targets[w].clips.segment[c] for w, c in zip(which, clip, strict=True)])
    return names if len(targets) == 1 else np.char.add(np.char.add(which.astype(str), "/"), names)


def _chosen_repeats(responses: Responses, which: TestRepeats) -> Responses:
    """Return only the odd or the even presentations of each clip, counted in the order in which they are stored.

    Raises:
        DataError: a test clip was shown only once.
    """
    if which == "all":
        return responses
    order = np.argsort(responses.clip, kind="stable")
    _, first, count = np.unique(responses.clip[order], return_index=True, return_counts=True)
    number = np.empty(len(order), int)
    number[order] = np.arange(len(order)) - np.repeat(first, count)
    test = np.isin(responses.clip, responses.clips.of("test"))
    kept = test & (number % 2 == (1 if which == "even" else 0))
    if len(np.unique(responses.clip[kept])) < len(np.unique(responses.clip[test])):
        raise DataError("a test clip was shown only once, so its repeats have no halves", next="test_repeats: all")
    return replace(
        responses,
        response=responses.response[kept],
        **{name: getattr(responses, name)[kept] for name in ("clip", "repeat", "run")},
    )
