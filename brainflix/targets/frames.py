"""The clips' frames at a fixed clock and size: what other extractors read, and the ground truth of scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from brainflix.contract import Job, Tools
from brainflix.datasets.base import Dataset
from brainflix.io.frames import resize
from brainflix.io.video import decode_at
from brainflix.store.artifact import Artifact
from brainflix.store.schema import Clips, Videos
from brainflix.targets.params import FramesParams


def extract(
    job: Job, inputs: dict[str, list[Artifact]], out: Path, tools: Tools, dataset: Dataset
) -> dict[str, object]:
    """Decode each segment once and keep `n_frames` evenly spaced frames of every clip."""
    params = FramesParams.model_validate(job.params)
    raw = inputs["stimuli"][0].path
    clips = dataset.load_clips(raw)
    within = np.arange(params.n_frames) * dataset.clip_s / params.n_frames
    parts = [
        _segment(dataset.film_path(raw, segment), segment, clips, within, params.size_px)
        for segment in tools.progress.track(list(dict.fromkeys(clips.segment)), "segments")
    ]
    clips.save(out)
    Videos(np.concatenate(parts), clips.ids, params.n_frames / dataset.clip_s).save(out)
    return {"n_clips": len(clips), "n_frames": params.n_frames}


def _segment(film: Path, segment: str, clips: Clips, within_s: np.ndarray, size_px: int) -> np.ndarray:
    """Return the frames of one segment's clips, (n_clips, n_frames, size, size, 3)."""
    onsets = clips.onset_s[[i for i, name in enumerate(clips.segment) if name == segment]]
    frames = decode_at(film, (onsets[:, None] + within_s).ravel())
    return resize(frames, size_px, size_px).reshape(len(onsets), len(within_s), size_px, size_px, 3)
