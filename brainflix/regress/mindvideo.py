"""MinD-Video's contexts of test clips and for guidance, as a part (docs/methods/mindvideo.md, Context, Guidance)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from brainflix.parts.contract import Job, Tools
from brainflix.regress.params import MindVideoContextParams
from brainflix.regress.problem import mean_by_clip
from brainflix.store.artifact import Artifact
from brainflix.store.responses import Responses
from brainflix.store.schema import Predictions
from brainflix.store.windows import windowed
from brainflix.train.contexts import context_of
from brainflix.train.encoders import encoder_only, window_of
from brainflix.train.files import load_result


def context(job: Job, inputs: Mapping[str, list[Artifact]], tools: Tools) -> Predictions:
    """Encode every test presentation and average over a clip's repeats, or encode the mean row for every test clip.

    No target is the truth of a context, so the predictions name the encoder in the target's place.
    """
    params = MindVideoContextParams.model_validate(job.params)
    source = inputs["encoder"][0]
    result = encoder_only(load_result(source.path))
    offsets = window_of(result, source.manifest.parameters)
    responses = Responses.load(inputs["test"][0])
    if params.of == "clips":
        clip, rows = windowed(responses, offsets).trials("test")
        wanted, values = mean_by_clip(context_of(result, rows, tools.compute()), clip)
    else:
        wanted = np.unique(responses.trials("test")[0])
        _, rows = responses.trials("test" if params.compat == "mindvideo" else "train")
        window = np.tile(rows.mean(axis=0, dtype=np.float64).astype(np.float32), len(offsets))[None]
        values = np.repeat(context_of(result, window, tools.compute()), len(wanted), axis=0)
    ids = tuple(responses.clips.ids[c] for c in wanted)
    return Predictions(values, ids, str(source.ref), {"n_trials": len(rows)})
