"""The regressors as parts: gather rows, fit, predict the test clips."""

from __future__ import annotations

import numpy as np

from brainflix.linear.folds import contiguous_folds
from brainflix.linear.ridge import RidgeFit, fit_ridge
from brainflix.parts.contract import Inputs
from brainflix.parts.part import FIT
from brainflix.parts.work import Work
from brainflix.progress import Track, untracked
from brainflix.regress.fitted_mlp import FittedMLP
from brainflix.regress.mlp import MLPOptions, fit_mlp
from brainflix.regress.parts import EncoderParams, MlpParams, RegressParams, RidgeParams
from brainflix.regress.problem import Problem, gather, gather_asked, gather_rows, mean_by_clip
from brainflix.store.responses import Responses
from brainflix.store.schema import Predictions
from brainflix.store.windows import windowed
from brainflix.trained.features import extract
from brainflix.trained.files import load_result
from brainflix.trained.network import rebuild, window_of


def ridge(params: RidgeParams, inputs: Inputs, work: Work) -> Predictions:
    """Ridge with the penalty by exact cross-validation over stretches of segments."""
    problem = gather(inputs, params, work)
    fit = fit_problem(problem, params, work, work.progress.track)
    attrs = {"alpha": float(np.median(fit.alpha)), "cv_r2": float(np.nanmean(fit.cv_score)), "n_rows": len(problem.x)}
    return problem.predictions(fit.predict(problem.x_test, device=work.compute().algebra), params, attrs)


def fit_problem(problem: Problem, params: RidgeParams, work: Work, track: Track = untracked) -> RidgeFit:
    """Fit a problem's rows by ridge, its penalties chosen over stretches of segments; `track` counts targets."""
    return fit_ridge(
        problem.x,
        problem.y[problem.of],
        np.array(params.alphas) * problem.x.shape[1],
        contiguous_folds(problem.groups, params.n_folds),
        per_target=params.per_target,
        device=work.compute().algebra,
        track=track,
    )


def fit_pooled_mlp(params: MlpParams, inputs: Inputs, work: Work) -> FittedMLP:
    """Fit a one-hidden-layer network on all rows, stopped on the last segments; a job of its own."""
    fitting = gather_rows(inputs, params, work)
    options = MLPOptions(**params.model_dump(exclude={*RegressParams.model_fields, "compat"}))
    fit = fit_mlp(
        fitting.x,
        fitting.y,
        options,
        seed=work.seed,
        of=fitting.of,
        groups=fitting.groups,
        device=work.compute().device,
        track=work.progress.track,
    )
    return FittedMLP(fit, fitting.spread)


def mlp(params: MlpParams, inputs: Inputs, work: Work) -> Predictions:
    """Predict with the network that was fitted on all rows."""
    fitted = FittedMLP.load(inputs[FIT][0])
    asked = gather_asked(inputs, params, work, fitted.fit.x_scale.mean.size)
    values = fitted.fit.predict(asked.x_test, device=work.compute().device)
    best = {"best_epoch": fitted.fit.best_epoch, "val_loss": float(min(fitted.fit.val_loss))}
    return asked.by_clip(values, fitted.spread, params, {**best, "n_rows": fitted.fit.n_train})


def encoder(params: EncoderParams, inputs: Inputs, work: Work) -> Predictions:
    """Embed every test trial with the tuned encoder and average over repeats."""
    source = inputs["encoder"][0]
    network = rebuild(load_result(source.path))
    window = window_of(network.n_volumes, source.manifest.parameters)
    responses = windowed(Responses.load(inputs["test"][0]), window)
    clip, rows = responses.trials("test")
    embedded = extract(network, rows, what="embedding", compute=work.compute(), track=work.progress.track)
    wanted, values = mean_by_clip(embedded, clip)
    ids = tuple(responses.clips.ids[c] for c in wanted)
    return Predictions(values, ids, str(inputs["target"][0].ref), {"n_trials": len(rows)})
