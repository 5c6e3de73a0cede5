"""The regressors as parts: gather rows, fit, predict the test clips."""

from __future__ import annotations

import numpy as np

from brainflix.linear.folds import contiguous_folds
from brainflix.linear.ridge import fit_ridge
from brainflix.memo import Latest
from brainflix.parts.contract import Inputs
from brainflix.parts.work import Work
from brainflix.regress.mlp import MLPFit, MLPOptions, fit_mlp
from brainflix.regress.parts import EncoderParams, MlpParams, RegressParams, RidgeParams
from brainflix.regress.problem import gather, mean_by_clip
from brainflix.store.responses import Responses
from brainflix.store.schema import Predictions
from brainflix.store.windows import windowed
from brainflix.trained.features import extract
from brainflix.trained.files import load_result
from brainflix.trained.network import rebuild, window_of

# A network that is fitted on all subjects together serves every one of them.
_networks: Latest[MLPFit] = Latest()


def ridge(params: RidgeParams, inputs: Inputs, work: Work) -> Predictions:
    """Ridge with the penalty by exact cross-validation over stretches of segments."""
    problem = gather(inputs, params, work)
    alphas = np.array(params.alphas) * problem.x.shape[1]
    folds = contiguous_folds(problem.groups, params.n_folds)
    device = work.compute().algebra
    fit = fit_ridge(problem.x, problem.y[problem.of], alphas, folds, per_target=params.per_target, device=device)
    attrs = {"alpha": float(np.median(fit.alpha)), "cv_r2": float(np.nanmean(fit.cv_score)), "n_rows": len(problem.x)}
    return problem.predictions(fit.predict(problem.x_test, device=device), params, attrs)


def mlp(params: MlpParams, inputs: Inputs, work: Work) -> Predictions:
    """One-hidden-layer network, stopped on the last segments of the fitting rows."""
    problem = gather(inputs, params, work)
    options = MLPOptions(**params.model_dump(exclude={*RegressParams.model_fields, "compat"}))
    device = work.compute().device
    fit = _networks.get(
        (problem.fitted_on, options, work.seed, str(device)),
        lambda: fit_mlp(
            problem.x, problem.y, options, seed=work.seed, of=problem.of, groups=problem.groups, device=device
        ),
    )
    attrs = {"best_epoch": fit.best_epoch, "val_loss": float(min(fit.val_loss)), "n_rows": fit.n_train}
    return problem.predictions(fit.predict(problem.x_test, device=device), params, attrs)


def encoder(params: EncoderParams, inputs: Inputs, work: Work) -> Predictions:
    """Embed every test trial with the tuned encoder and average over repeats."""
    source = inputs["encoder"][0]
    network = rebuild(load_result(source.path))
    window = window_of(network, tuple(source.manifest.parameters.get("window_tr", ())))
    responses = windowed(Responses.load(inputs["test"][0]), window)
    clip, rows = responses.trials("test")
    embedded = extract(network, rows, what="embedding", compute=work.compute())
    wanted, values = mean_by_clip(embedded, clip)
    ids = tuple(responses.clips.ids[c] for c in wanted)
    return Predictions(values, ids, str(inputs["target"][0].ref), {"n_trials": len(rows)})
