"""Distances of whole sets of clips, on features in the user's files (docs/scoring.md, FVD and KVD)."""

from __future__ import annotations

from brainflix.errors import DataError
from brainflix.evaluate.fvd import frechet_distance, kernel_distance
from brainflix.evaluate.metric import Found, Measured, MetricWork, Skipped
from brainflix.evaluate.metric_params import MetricParams
from brainflix.evaluate.scene import Scene
from brainflix.wording import count

GET_FEATURES = "give --features-truth and --features-pred, from one extractor (I3D on 16 frames at 8 fps is usual)"


def score(params: MetricParams, inputs: Scene, work: MetricWork) -> Found:
    """Return the Frechet and the kernel distance; without files they are skipped.

    Raises:
        DataError: the files do not go together.
    """
    names = [name for name in ("fvd", "kvd") if name in work.wanted]
    if work.features is None:
        return {name: Skipped("features missing", GET_FEATURES) for name in names}
    from brainflix.io.logits import read_features

    truth, prediction = (read_features(file, inputs.ids) for file in work.features)
    if truth.shape != prediction.shape:
        raise DataError(f"features of the truth are {truth.shape}, of the prediction {prediction.shape}")
    n, n_dims = truth.shape
    found = {}
    if "fvd" in names:
        bias = f", no more than its {count(n_dims, 'dim')}: bias dominates" if n <= n_dims else ""
        value = frechet_distance(truth, prediction).value
        found["fvd"] = Measured(value=value, remark=f"{count(n, 'clip')}{bias}")
    if "kvd" in names:
        kernel = kernel_distance(truth, prediction, seed=work.seed)
        spread = f"{kernel.block_mean:.4g} (sd {kernel.block_sd:.3g})"
        remark = f"{count(n, 'clip')}; over {count(kernel.n_blocks, 'block')} of {kernel.block_size} {spread}"
        found["kvd"] = Measured(value=kernel.value, remark=remark)
    return found
