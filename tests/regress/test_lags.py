"""Ridge that chooses its lags: the choice and the predictions of a nested loop with scikit-learn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score

from brainflix.datasets.studyforrest.sample import BOLD, FILM
from brainflix.engine.draft import Selection
from brainflix.engine.plan import make_plan
from brainflix.engine.run import execute
from brainflix.errors import UsageError
from brainflix.parts.find import find
from brainflix.recipe.files import load_recipe
from brainflix.settings import load_settings
from brainflix.store.schema import Predictions, Targets
from brainflix.store.store import Store

WINDOWS, ALPHAS = ((1, 2, 3), (2, 3), (2, 3, 4)), (1, 10, 100)
TRAIN, TEST, EDGE = (1, 2, 4), (6, 8), 10


def window(rows: np.ndarray, offsets: tuple[int, ...]) -> np.ndarray:
    place = np.arange(len(rows))
    return np.concatenate([rows[np.clip(place + offset, 0, len(rows) - 1)] for offset in offsets], axis=1)


def nested(rows: dict[int, np.ndarray], truth: dict[int, np.ndarray], dim: int) -> tuple[np.ndarray, tuple[int, ...]]:
    """Choose window and penalty by leaving training runs out; return what is predicted of the tested runs."""
    best: tuple[float, tuple[int, ...], float] = (-np.inf, (), 0.0)
    for offsets in WINDOWS:
        x = {run: window(each, offsets) for run, each in rows.items()}
        every = np.concatenate([x[run] for run in TRAIN])
        mean, sd = every.mean(axis=0), every.std(axis=0)
        x = {run: (each - mean) / sd for run, each in x.items()}
        for alpha in ALPHAS:
            scores = []
            for held in TRAIN:
                fit = Ridge(alpha * every.shape[1]).fit(
                    np.concatenate([x[run] for run in TRAIN if run != held]),
                    np.concatenate([truth[run][:, dim] for run in TRAIN if run != held]),
                )
                scores.append(r2_score(truth[held][:, dim], fit.predict(x[held])))
            if np.mean(scores) > best[0]:
                model = Ridge(alpha * every.shape[1]).fit(
                    np.concatenate([x[run] for run in TRAIN]), np.concatenate([truth[run][:, dim] for run in TRAIN])
                )
                best, kept = (float(np.mean(scores)), offsets, alpha), [model.predict(x[run]) for run in TEST]
    return np.concatenate([each[EDGE:-EDGE] for each in kept]), best[1]


Decoded = list[tuple[dict[str, object], np.ndarray, np.ndarray]]
PEOPLE = 4


@pytest.fixture(scope="module")
def decoded(tmp_path_factory: pytest.TempPathFactory) -> Decoded:
    """What the recipe's own path predicts for each person of the sample, and the true features."""
    folder: Path = tmp_path_factory.mktemp("store")
    others = ("none", "procrustes", "ridge", "srm", "gcca")
    changes = [f"regress.own.windows={[list(each) for each in WINDOWS]}", f"regress.own.alphas={list(ALPHAS)}"]
    changes += [f"align.{each}=null" for each in others[1:]] + [f"regress.others-{each}=null" for each in others]
    recipe = load_recipe("studyforrest", [*changes, "evaluate.inputs.transfer=[]", "evaluate.inputs.group=[]"])
    place = Store(folder)
    done = execute(make_plan(recipe, place, Selection("regress")), place, load_settings(store=folder))
    found = []
    for artifact in (place.open(each.ref) for each in done if each.ref.startswith("predictions/")):
        predictions = Predictions.load(artifact)
        targets = Targets.load(place.open(place.resolve(predictions.truth)))
        truth = targets.values[targets.clips.places(predictions.clip_ids)]
        found.append((dict(predictions.attrs), predictions.values, truth))
    return found


def test_it_is_a_nested_loop(decoded: Decoded) -> None:
    attrs, values, truth = decoded[0]
    with np.load(BOLD) as bold, np.load(FILM) as film:
        rows = {run: bold[f"run{run}"][0].astype(np.float64) for run in (*TRAIN, *TEST)}
        features = {run: film[f"features_run{run}"].astype(np.float64) for run in (*TRAIN, *TEST)}
        names = film["names"].tolist()
    for name in ("speech", "rms_log", "norm_diff"):
        dim = names.index(name)
        expected, chosen = nested(rows, features, dim)
        assert tuple(attrs["windows"][dim]) == chosen
        np.testing.assert_allclose(values[:, dim], expected, atol=2e-3 * np.ptp(expected))
        r = np.corrcoef(expected, truth[:, dim])[0, 1]
        assert np.corrcoef(values[:, dim], truth[:, dim])[0, 1] == pytest.approx(r, abs=1e-3) and r > 0.3


def test_runs_that_do_not_belong_together_say_nothing(decoded: Decoded) -> None:
    # Of one person r of two runs of film spreads by about 0.1 around 0: the mean over people is asked for.
    with np.load(FILM) as film:
        names, first = film["names"].tolist(), len(film["features_run6"]) - 2 * EDGE
        n = len(film["features_run8"]) - 2 * EDGE
    assert len(decoded) == PEOPLE
    for name in ("speech", "rms_log", "norm_diff", "cuts"):
        dim = names.index(name)
        crossed = []
        for _, values, truth in decoded:
            crossed.append(np.corrcoef(values[:n, dim], truth[first:, dim])[0, 1])
            crossed.append(np.corrcoef(values[first:, dim], truth[:n, dim])[0, 1])
        assert abs(np.mean(crossed)) <= 0.15


def test_windows_take_the_place_of_a_window() -> None:
    params = find("regress", "ridge-lags").load_params()
    with pytest.raises(ValueError, match="name what it may choose as windows"):
        params(window_tr=[1])
    assert params().per_target is True
    with pytest.raises((ValueError, UsageError)):
        params(per_target=False)
