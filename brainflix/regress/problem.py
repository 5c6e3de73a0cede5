"""What a regression is given: rows and targets of all subjects and data sets to fit on, and rows to predict from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from brainflix.errors import DataError
from brainflix.linear.standardise import Standardiser, rescale_to_train_std
from brainflix.parts.contract import Inputs
from brainflix.parts.work import Tools
from brainflix.regress.features import encoded
from brainflix.regress.parts import RegressParams, TestRepeats
from brainflix.store.artifact import Artifact
from brainflix.store.clips import SPLITS, Clips
from brainflix.store.lookup import targets_about
from brainflix.store.responses import Responses
from brainflix.store.schema import Predictions, Targets
from brainflix.store.windows import windowed

FIT_SPLITS = ("train", "val")
_OTHER_COLUMNS = "the subjects have different columns"
_WHY_ALIGNED = "decoders cross subjects only on aligned responses"


@dataclass(frozen=True, eq=False)
class Fitting:
    """What a regression is fitted on.

    Attributes:
        x: array of shape (n_rows, n_columns), each subject standardised with its own mean and standard deviation.
        y: each target that is fitted once, array of shape (n_targets, n_dims); subjects and repeats share them.
        of: index into `y` of each row, (n_rows,), ascending.
        groups: stimulus segment of each row, so that no fold shares a segment with the rows that it is fitted on.
    """

    x: np.ndarray
    y: np.ndarray
    of: np.ndarray
    groups: np.ndarray

    @property
    def spread(self) -> np.ndarray:
        """The targets' standard deviations, (n_dims,)."""
        spread: np.ndarray = self.y.std(axis=0)
        return spread


@dataclass(frozen=True, eq=False)
class Asked:
    """What a regression is asked to predict, for one subject.

    Attributes:
        x_test: array of shape (n_test_rows, n_columns), standardised as the rows that were fitted.
        test_clip: index into `test_ids` of each row of `x_test`, (n_test_rows,), ascending.
        test_ids: ids of the test clips.
        shape: shape of one target.
        truth: ref of the targets.
    """

    x_test: np.ndarray
    test_clip: np.ndarray
    test_ids: tuple[str, ...]
    shape: tuple[int, ...]
    truth: str

    def by_clip(
        self, values: np.ndarray, spread: np.ndarray, params: RegressParams, attrs: Mapping[str, object]
    ) -> Predictions:
        """Average what was predicted from each row, (n_test_rows, n_dims), within a clip, and give it its shape.

        Rescaled to the fitted targets' `spread`, (n_dims,), if the recipe asks.
        """
        if len(self.test_clip) > len(self.test_ids):
            starts = np.searchsorted(self.test_clip, np.arange(len(self.test_ids)))
            counts = np.diff([*starts, len(self.test_clip)])
            values = np.add.reduceat(np.asarray(values, np.float64), starts, axis=0) / counts[:, None]
        if params.rescale:
            values = rescale_to_train_std(values, spread)
        return Predictions(values.reshape(-1, *self.shape), self.test_ids, self.truth, dict(attrs))


@dataclass(frozen=True, eq=False)
class Problem(Fitting, Asked):
    """A regression that is fitted and asked at once."""

    def predictions(self, values: np.ndarray, params: RegressParams, attrs: Mapping[str, object]) -> Predictions:
        """Return predictions of the test clips of what was predicted from each row, (n_test_rows, n_dims)."""
        return self.by_clip(values, self.spread, params, attrs)


def gather(inputs: Inputs, params: RegressParams, work: Tools) -> Problem:
    """Return what is fitted and what is asked; raises as `gather_rows` and `gather_asked`."""
    fitting = gather_rows(inputs, params, work)
    asked = gather_asked(inputs, params, work, fitting.x.shape[1])
    return Problem(**vars(asked), **vars(fitting))


def gather_rows(inputs: Inputs, params: RegressParams, work: Tools) -> Fitting:
    """Stack the rows of all subjects and data sets under `rows`, each standardised by itself, with their targets.

    A data set's rows are those of the targets that are about the same clips; `target` holds one artifact for each.

    Raises:
        DataError: subjects with different columns, or responses whose clips no target is about.
    """
    targets = [Targets.load(artifact) for artifact in inputs["target"]]
    own = _own_target(inputs, targets, work)
    xs, place = [], []
    for artifact in inputs["rows"]:
        responses = _read(artifact, inputs, params, work)
        which = targets_about(responses.clips, targets, artifact)
        everything = params.other_datasets == "all" and which != own
        clip, rows = _rows(responses, SPLITS if everything else FIT_SPLITS, params)
        xs.append(Standardiser.fit(rows).transform(rows))
        place.append(np.stack([np.full(len(clip), which), clip]))
    if len({x.shape[1] for x in xs}) > 1:
        raise DataError(_OTHER_COLUMNS, why=_WHY_ALIGNED)
    if len({target.values[0].size for target in targets}) > 1:
        refs = ", ".join(str(artifact.ref) for artifact in inputs["target"])
        raise DataError("the data sets' targets have different sizes", why=refs)
    # In the clips' own order, so that folds are stretches of the film and the last segments are its last.
    pairs = np.concatenate(place, axis=1)
    order = np.lexsort(pairs[::-1])
    (which, clip), of = np.unique(pairs[:, order], axis=1, return_inverse=True)
    return Fitting(
        x=np.concatenate(xs)[order],
        y=np.stack([targets[w].values[c].ravel() for w, c in zip(which, clip, strict=True)]),
        of=of,
        groups=_segments(targets, which, clip)[of],
    )


def gather_asked(inputs: Inputs, params: RegressParams, work: Tools, n_columns: int) -> Asked:
    """Return the test rows of the subject under `test`, standardised by its own training rows.

    Raises:
        DataError: other columns than the `n_columns` that were fitted, or clips that no target is about.
    """
    targets = [Targets.load(artifact) for artifact in inputs["target"]]
    test = _read(inputs["test"][0], inputs, params, work)
    own = targets_about(test.clips, targets, inputs["test"][0])
    if test.n_grayordinates != n_columns:
        raise DataError(_OTHER_COLUMNS, why=_WHY_ALIGNED)
    clip, rows = _rows(_chosen_repeats(test, params.test_repeats), ("test",), params)
    scale = Standardiser.fit(_rows(test, FIT_SPLITS, params)[1])
    wanted, place = np.unique(clip, return_inverse=True)
    return Asked(
        x_test=scale.transform(rows),
        test_clip=place,
        test_ids=tuple(test.clips.ids[c] for c in wanted),
        shape=targets[own].values.shape[1:],
        truth=str(inputs["target"][own].ref),
    )


def _own_target(inputs: Inputs, targets: Sequence[Targets], work: Tools) -> int:
    """Return the place of the targets of the data set that is tested on.

    A fit that several subjects share has no test rows; there it is the recipe's own data set.
    """
    if "test" in inputs:
        return targets_about(Clips.load(inputs["test"][0]), targets, inputs["test"][0])
    name = getattr(work, "dataset_name", "")
    sets = [artifact.manifest.parameters.get("dataset") for artifact in inputs["target"]]
    return sets.index(name) if name in sets else 0


def mean_by_clip(values: np.ndarray, clip: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each clip once, ascending, and the mean of what its presentations were encoded to, (n_clips, ...).

    Args:
        values: one for each presentation, (n_rows, ...).
        clip: the clip of each, (n_rows,).
    """
    wanted = np.unique(clip)
    return wanted, np.stack([values[clip == each].mean(axis=0) for each in wanted])


def _read(artifact: Artifact, inputs: Inputs, params: RegressParams, work: Tools) -> Responses:
    """Return a subject's responses, or what an encoder makes of them, with the window that the decoder sees."""
    responses = Responses.load(artifact)
    if "encoder" in inputs:
        responses = encoded(responses, inputs["encoder"][0], params.pool, work.compute())
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
