"""Clips through a video classifier, as they are or resampled to the 16 frames that VideoMAE was trained with."""

from __future__ import annotations

import numpy as np

from brainflix.device import Compute
from brainflix.evaluate.clock import nearest_start
from brainflix.evaluate.networks.checkpoints import Located
from brainflix.evaluate.networks.features import Features, Frames, Network, Run
from brainflix.evaluate.networks.images import versions
from brainflix.evaluate.networks.video_classifier import VideoClassifier

TRAINED_FRAMES = 16


def resample(clips: Frames, n_frames: int) -> Frames:
    """Return clips (n_clips, any, height, width, 3) with `n_frames` frames, each the nearest in time.

    New frames start at equal steps over the clip's duration; ties go to the earlier frame (docs/scoring.md, Clock).
    """
    given = clips.shape[1]
    nearest = nearest_start(np.arange(n_frames) * (given / n_frames), np.arange(given))
    return clips[:, nearest]


def video_logits(checkpoint: Located, compute: Compute, n_frames: int | None = None) -> Network:
    """Return the network that gives class scores of whole clips, (n_clips, n_classes).

    Args:
        checkpoint: of a video classifier.
        compute: where it runs.
        n_frames: frames that clips are resampled to; None takes them as they are.
    """
    kind = "class scores of clips" + ("" if n_frames is None else f" at {n_frames} frames")

    def load() -> Run:
        classifier = VideoClassifier(checkpoint.folder, compute)

        def run(clips: Frames) -> Features:
            return classifier.logits(clips if n_frames is None else resample(clips, n_frames))

        return run

    return Network(f"{kind}, {versions()}", checkpoint.pin, load)
