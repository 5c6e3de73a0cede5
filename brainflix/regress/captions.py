"""The part that puts visual tokens into words, predicted ones or, for an oracle, the targets themselves."""

from __future__ import annotations

from typing import Any

import numpy as np

from brainflix.errors import UsageError
from brainflix.parts.contract import Inputs
from brainflix.parts.work import Work
from brainflix.pretrained.captions import caption_tokens, describe
from brainflix.pretrained.params import BlipCaptionParams
from brainflix.store.artifact import Artifact
from brainflix.store.captions import Captions
from brainflix.store.schema import Predictions, Targets


def blip_captions(params: BlipCaptionParams, inputs: Inputs, work: Work) -> Captions:
    """Caption every clip of the role `tokens`: predicted clips, or all clips of targets.

    Raises:
        UsageError: the role has several artifacts.
        DataError: the values are not visual tokens of the captioner's width.
    """
    values, clip_ids, truth = read_tokens(inputs["tokens"])
    captions = caption_tokens(values, params, work)
    return Captions(captions, clip_ids, truth, describe(captions))


def read_tokens(artifacts: list[Artifact]) -> tuple[np.ndarray[Any, Any], tuple[str, ...], str]:
    """Return the values (n_clips, ...) of targets or predictions, their clips' ids and the targets' ref.

    Raises:
        UsageError: several artifacts.
    """
    if len(artifacts) > 1:
        raise UsageError(
            f"captions are decoded from one artifact, not {len(artifacts)}",
            why=", ".join(str(each.ref) for each in artifacts),
            next="run the step for each subject, or name one subject in the input",
        )
    artifact = artifacts[0]
    if artifact.ref.kind == "targets":
        targets = Targets.load(artifact)
        return targets.values, targets.clips.ids, str(artifact.ref)
    predictions = Predictions.load(artifact)
    return predictions.values, predictions.clip_ids, predictions.truth
