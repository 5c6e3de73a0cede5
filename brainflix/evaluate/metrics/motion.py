"""Motion metrics that need all clips at once: scored only when they are asked for, since they take long."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from brainflix.evaluate.clip_pool import clip_pool
from brainflix.evaluate.flow import farneback
from brainflix.evaluate.metric import Found, Measured, MetricWork, Skipped
from brainflix.evaluate.metric_params import MetricParams
from brainflix.evaluate.motion import jump_errors, smoothness_test
from brainflix.evaluate.motion_energy import motion_energy, motion_energy_correlation
from brainflix.evaluate.pixels import clip_means
from brainflix.evaluate.scene import PREDICTION, Scene

Floats = NDArray[np.float64]


def smoothness(params: MetricParams, inputs: Scene, work: MetricWork) -> Found:
    """Return each clip's end-point error and the test of it against shuffled frames, `smoothness_test`."""

    def jumps(clip: int) -> Floats:
        return jump_errors(farneback(inputs.truth[clip], inputs.grey), inputs.prediction[clip], inputs.grey)

    with clip_pool(work.workers) as pool:
        errors = np.stack(list(pool.map(jumps, range(inputs.n_clips))))
    steps = np.arange(errors.shape[1])
    own = errors[:, steps, steps, steps + 1].mean(axis=1)
    return {"smoothness": Measured({PREDICTION: own}, smoothness_test(errors, seed=work.seed))}


def energy(params: MetricParams, inputs: Scene, work: MetricWork) -> Found:
    """Return each clip's motion-energy correlation, NaN where it is undefined.

    Channels are z-scored over the frames of the true clips themselves.
    """
    if inputs.fps_hz is None:
        return {"motion_energy": Skipped("the frame rate is unknown", "give --fps-truth")}
    rate = inputs.fps_hz
    of_clip = partial(motion_energy, fps_hz=rate)
    with clip_pool(work.workers) as pool:
        truth, prediction = (list(pool.map(of_clip, side)) for side in (inputs.truth, inputs.prediction))
    every = np.concatenate(truth)
    mean, sd = every.mean(axis=0), every.std(axis=0)
    values = [motion_energy_correlation(t, p, rate, rate, mean, sd) for t, p in zip(truth, prediction, strict=True)]
    return {"motion_energy": Measured({PREDICTION: clip_means(np.stack(values))[0]})}
