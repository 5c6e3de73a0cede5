"""The regressors as parts: gather rows, fit, predict the test clips."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from brainflix.contract import Job, Tools
from brainflix.errors import DataError
from brainflix.regress.folds import contiguous_folds
from brainflix.regress.mlp import MLPOptions, fit_mlp
from brainflix.regress.params import MlpParams, RegressParams, RidgeParams, TestRepeats
from brainflix.regress.ridge import fit_ridge
from brainflix.regress.standardise import Standardiser, rescale_to_train_std
from brainflix.store.artifact import Artifact
from brainflix.store.responses import Responses
from brainflix.store.schema import Predictions, Targets
from brainflix.store.windows import windowed
from brainflix.train.encoders import window_of
from brainflix.train.features import extract
from brainflix.train.files import load_result

FIT_SPLITS = ("train", "val")


@dataclass(frozen=True)
class Problem:
    """A regression: rows and targets to fit on, and rows to predict.

    Attributes:
        x: array of shape (n_rows, n_columns), standardised with its own mean and standard deviation.
        y: array of shape (n_rows, n_dims).
        groups: stimulus segment of each row, so that no fold shares a segment with the rows that it is fitted on.
        x_test: array of shape (n_test, n_columns), standardised as `x`.
        test_ids: ids of the test clips.
        shape: shape of one target.
        truth: ref of the targets.
    """

    x: np.ndarray
    y: np.ndarray
    groups: np.ndarray
    x_test: np.ndarray
    test_ids: tuple[str, ...]
    shape: tuple[int, ...]
    truth: str

    def predictions(self, values: np.ndarray, params: RegressParams, attrs: Mapping[str, object]) -> Predictions:
        """Give predicted values (n_test, n_dims) their target's shape; rescale them if the recipe asks."""
        if params.rescale:
            values = rescale_to_train_std(values, self.y.std(axis=0))
        return Predictions(values.reshape(-1, *self.shape), self.test_ids, self.truth, dict(attrs))


def ridge(job: Job, inputs: Mapping[str, list[Artifact]], tools: Tools) -> Predictions:
    """Ridge with the penalty by exact cross-validation over stretches of segments."""
    params = RidgeParams.model_validate(job.params)
    problem = gather(inputs, params)
    alphas = np.array(params.alphas) * problem.x.shape[1]
    folds = contiguous_folds(problem.groups, params.n_folds)
    device = tools.compute().algebra
    fit = fit_ridge(problem.x, problem.y, alphas, folds, per_target=params.per_target, device=device)
    attrs = {"alpha": float(np.median(fit.alpha)), "cv_r2": float(np.nanmean(fit.cv_score)), "n_rows": len(problem.x)}
    return problem.predictions(fit.predict(problem.x_test, device=device), params, attrs)


def mlp(job: Job, inputs: Mapping[str, list[Artifact]], tools: Tools) -> Predictions:
    """One-hidden-layer network, stopped on the last segments of the fitting rows."""
    params = MlpParams.model_validate(job.params)
    problem = gather(inputs, params)
    options = MLPOptions(**params.model_dump(exclude={"window_tr", "rescale", "test_repeats"}))
    device = tools.compute().device
    fit = fit_mlp(problem.x, problem.y, options, seed=job.seed, groups=problem.groups, device=device)
    attrs = {"best_epoch": fit.best_epoch, "val_loss": float(min(fit.val_loss)), "n_rows": fit.n_train}
    return problem.predictions(fit.predict(problem.x_test), params, attrs)


def encoder(job: Job, inputs: Mapping[str, list[Artifact]], tools: Tools) -> Predictions:
    """Embed every test trial with the tuned encoder and average over repeats."""
    result = load_result(inputs["encoder"][0].path)
    window = window_of(result, inputs["encoder"][0].manifest.parameters)
    responses = windowed(Responses.load(inputs["test"][0]), window)
    clip, rows = responses.trials("test")
    embedded = extract(result, rows, what="embedding", compute=tools.compute())
    wanted = np.unique(clip)
    values = np.stack([embedded[clip == c].mean(axis=0) for c in wanted])
    ids = tuple(responses.clips.ids[c] for c in wanted)
    return Predictions(values, ids, str(inputs["target"][0].ref), {"n_trials": len(rows)})


def gather(inputs: Mapping[str, list[Artifact]], params: RegressParams) -> Problem:
    """Average rows over repeats, standardise each subject on its own fitting rows, and put the targets beside them.

    Raises:
        DataError: subjects with different columns, or responses and targets of different clips.
    """
    target = Targets.load(inputs["target"][0])
    flat = target.values.reshape(len(target.values), -1)
    xs, ys, clips = [], [], []
    for artifact in inputs["rows"]:
        responses = windowed(Responses.load(artifact), params.window_tr)
        _same_clips(responses, target, artifact)
        clip, rows = responses.rows(FIT_SPLITS)
        xs.append(Standardiser.fit(rows).transform(rows))
        ys.append(flat[clip])
        clips.append(clip)
    test = windowed(Responses.load(inputs["test"][0]), params.window_tr)
    _same_clips(test, target, inputs["test"][0])
    if len({x.shape[1] for x in xs} | {test.n_grayordinates}) > 1:
        raise DataError("the subjects have different columns", why="decoders cross subjects only on aligned responses")
    test_clip, test_rows = _chosen_repeats(test, params.test_repeats).rows("test")
    own = Standardiser.fit(test.rows(FIT_SPLITS)[1])
    # In the clips' own order, so that folds are stretches of the film and the last segments are its last.
    order = np.argsort(np.concatenate(clips), kind="stable")
    segments = np.array(target.clips.segment)
    return Problem(
        x=np.concatenate(xs)[order],
        y=np.concatenate(ys)[order],
        groups=segments[np.concatenate(clips)[order]],
        x_test=own.transform(test_rows),
        test_ids=tuple(test.clips.ids[c] for c in test_clip),
        shape=target.values.shape[1:],
        truth=str(inputs["target"][0].ref),
    )


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


def _same_clips(responses: Responses, target: Targets, artifact: Artifact) -> None:
    if responses.clips.ids != target.clips.ids:
        raise DataError(f"{artifact.ref} and the targets are not about the same clips")
