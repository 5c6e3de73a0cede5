"""The clips' frames at a fixed clock and size: what other extractors read, and the ground truth of scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from brainflix.contract import Job, Tools
from brainflix.datasets.base import Dataset
from brainflix.io.frames import resize
from brainflix.io.video import decode_at
from brainflix.lazy import load
from brainflix.store.artifact import Artifact
from brainflix.store.schema import Clips, Videos
from brainflix.targets.params import FramesParams


def extract(
    job: Job, inputs: dict[str, list[Artifact]], out: Path, tools: Tools, dataset: Dataset
) -> dict[str, object]:
    """Decode each segment once and keep `n_frames` evenly spaced frames of every clip, or choose from given frames."""
    params = FramesParams.model_validate(job.params)
    raw = inputs["stimuli"][0].path
    clips = dataset.load_clips(raw)
    within = np.arange(params.n_frames) * dataset.clip_s / params.n_frames
    if dataset.frames:
        parts = [_chosen(block, within, dataset, params.size_px) for block in load(dataset.frames)(raw)]
    else:
        parts = [
            _segment(dataset.film_path(raw, segment), segment, clips, within, params.size_px)
            for segment in tools.progress.track(list(dict.fromkeys(clips.segment)), "segments")
        ]
    clips.save(out)
    Videos(np.concatenate(parts), clips.ids, params.n_frames / dataset.clip_s).save(out)
    return {"n_clips": len(clips), "n_frames": params.n_frames}


def _chosen(block: np.ndarray, within_s: np.ndarray, dataset: Dataset, size_px: int) -> np.ndarray:
    """Return the frames at these times of clips that are given as frames, (n_clips, n_frames, size, size, 3)."""
    at = np.minimum(np.floor(within_s * dataset.frames_hz + 0.5).astype(int), block.shape[1] - 1)
    flat = block[:, at].reshape(-1, *block.shape[2:])
    return resize(flat, size_px, size_px).reshape(len(block), len(at), size_px, size_px, 3)


def _segment(film: Path, segment: str, clips: Clips, within_s: np.ndarray, size_px: int) -> np.ndarray:
    """Return the frames of one segment's clips, (n_clips, n_frames, size, size, 3)."""
    onsets = clips.onset_s[[i for i, name in enumerate(clips.segment) if name == segment]]
    frames = decode_at(film, (onsets[:, None] + within_s).ravel())
    return resize(frames, size_px, size_px).reshape(len(onsets), len(within_s), size_px, size_px, 3)
