"""Responses as a trained encoder sees them: what a regressor may be fitted on instead of grayordinates."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from brainflix.device import Compute
from brainflix.store.artifact import Artifact
from brainflix.store.responses import Responses
from brainflix.store.windows import windowed
from brainflix.trained.features import extract
from brainflix.trained.files import load_result
from brainflix.trained.network import rebuild


def encoded(responses: Responses, encoder: Artifact, pool: str, compute: Compute) -> Responses:
    """Return the responses with the encoder's features as columns (docs/methods/brain-netflix.md, Encoder features).

    Args:
        responses: rows on the grayordinates that the encoder was trained on.
        encoder: a trained masked autoencoder or aligned network.
        pool: "mean" of the patch tokens, "cls", or all "tokens" side by side; which one the paper used is not known.
        compute: device and dtype.
    """
    network = rebuild(load_result(encoder.path))
    seen = windowed(responses, tuple(encoder.manifest.parameters.get("window_tr", (0,))))
    features = extract(network, seen.response, pool=pool, compute=compute)
    n = features.shape[1]
    return replace(
        responses,
        response=features,
        area=("",) * n,
        structure=("feature",) * n,
        index=np.arange(n),
        stats={},
        masks={},
    )
