"""Motion metrics that need all clips at once: scored only when they are asked for, since they take long."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from brainflix.evaluate.clip_pool import clip_pool
from brainflix.evaluate.flow import Grey, farneback
from brainflix.evaluate.staging import Inputs
from brainflix.evaluate.motion import jump_errors, smoothness_test
from brainflix.evaluate.motion_energy import motion_energy, motion_energy_correlation
from brainflix.evaluate.pixels import clip_means
from brainflix.evaluate.permutations import Permuted

Floats = NDArray[np.float64]


def smoothness(inputs: Inputs, grey: Grey, seed: int, workers: int) -> tuple[Floats, Permuted]:
    """Return each clip's end-point error, (n_clips,), and the test of it against shuffled frames, `smoothness_test`."""

    def jumps(clip: int) -> Floats:
        flow = farneback(np.asarray(inputs.truth[clip]), grey)
        return jump_errors(flow, np.asarray(inputs.prediction[clip]), grey)

    with clip_pool(workers) as pool:
        errors = np.stack(list(pool.map(jumps, range(len(inputs.ids)))))
    steps = np.arange(errors.shape[1])
    return errors[:, steps, steps, steps + 1].mean(axis=1), smoothness_test(errors, seed=seed)


def energy(inputs: Inputs, grey: Grey, seed: int, workers: int) -> tuple[Floats, None]:
    """Return each clip's motion-energy correlation, (n_clips,), NaN where it is undefined.

    No training clips are known here, so channels are z-scored over the frames of the true clips themselves.
    """
    if inputs.fps_hz is None:
        raise ValueError("motion energy needs the frame rate")
    rate = inputs.fps_hz
    of_clip = partial(motion_energy, fps_hz=inputs.fps_hz)
    with clip_pool(workers) as pool:
        truth, prediction = (list(pool.map(of_clip, side)) for side in (inputs.truth, inputs.prediction))
    every = np.concatenate(truth)
    mean, sd = every.mean(axis=0), every.std(axis=0)
    values = [motion_energy_correlation(t, p, rate, rate, mean, sd) for t, p in zip(truth, prediction, strict=True)]
    return clip_means(np.stack(values))[0], None


OF_SETS: dict[str, Callable[[Inputs, Grey, int, int], tuple[Floats, Permuted | None]]] = {
    "smoothness": smoothness,
    "motion_energy": energy,
}
