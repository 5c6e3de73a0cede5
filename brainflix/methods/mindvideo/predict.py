"""MinD-Video's contexts of test clips and for guidance, as a part (docs/methods/mindvideo.md, Context, Guidance)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from brainflix.device import CPU, Compute
from brainflix.methods.mindvideo.encoder import encoder_only, prepare_windows, rebuild_encoder
from brainflix.methods.mindvideo.parts import MindVideoContextParams
from brainflix.parts.contract import Inputs
from brainflix.parts.work import Work
from brainflix.regress.problem import mean_by_clip
from brainflix.store.responses import Responses
from brainflix.store.schema import Predictions
from brainflix.store.windows import windowed
from brainflix.trained.features import embed_prepared
from brainflix.trained.files import TrainResult, load_result
from brainflix.trained.network import window_of


def context(params: MindVideoContextParams, inputs: Inputs, work: Work) -> Predictions:
    """Encode the test clips, whose repeats are averaged after that or before, or the mean row for every test clip.

    No target is the truth of a context, so the predictions name the encoder in the target's place.
    """
    source = inputs["encoder"][0]
    result = encoder_only(load_result(source.path))
    offsets = window_of(int(result.config["network"]["window"]), source.manifest.parameters)
    responses = Responses.load(inputs["test"][0])
    if params.of == "clips":
        clip, rows = windowed(responses, offsets).trials("test")
        if params.average == "rows":
            wanted, means = mean_by_clip(rows, clip)
            values = context_of(result, means.astype(np.float32), work.compute())
        else:
            wanted, values = mean_by_clip(context_of(result, rows, work.compute()), clip)
    else:
        wanted = np.unique(responses.trials("test")[0])
        clip, rows = responses.trials("test" if params.compat == "mindvideo" else "train")
        if params.average == "rows":
            _, rows = mean_by_clip(rows, clip)
        window = np.tile(rows.mean(axis=0, dtype=np.float64).astype(np.float32), len(offsets))[None]
        # (n_clips, n_tokens, context_width)
        values = np.repeat(context_of(result, window, work.compute()), len(wanted), axis=0)
    ids = tuple(responses.clips.ids[c] for c in wanted)
    return Predictions(values, ids, str(source.ref), {"n_trials": len(rows)})


def context_of(
    result: TrainResult, rows: npt.NDArray[Any], compute: Compute = CPU, *, batch_size: int = 32
) -> npt.NDArray[np.float32]:
    """Return the context (n, n_tokens, context_width) of windows.

    Args:
        result: a tuned encoder, or a joint model that holds one.
        rows: windows of shape (n, W n_grayordinates), volumes side by side, scaled as the train rows were.
        compute: device and dtype.
        batch_size: windows at a time; the result does not depend on it.

    Raises:
        DataError: rows that the network was not made for.
        UsageError: a network that has no context.
    """
    model, preparation = rebuild_encoder(result)
    prepared = prepare_windows(preparation, rows, model.config.window)
    model.to(compute.device)
    with torch.no_grad(), torch.autocast(compute.device.type, compute.dtype, compute.dtype != torch.float32):
        return embed_prepared(model, model, prepared, batch_size)
