"""Class scores of videos from a video classifier (VideoMAE in the field), whole clips in batches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoConfig, AutoModelForVideoClassification, VideoMAEImageProcessorPil

from brainflix.device import Compute
from brainflix.errors import DataError
from brainflix.evaluate.networks.loading import load_setup, load_whole


class VideoClassifier:
    """A loaded classifier; `logits` may be called many times."""

    def __init__(self, folder: Path, compute: Compute, batch_size: int = 40) -> None:
        """Load processor and, in float32, the model from `folder`."""
        self.folder, self.compute, self.batch_size = folder, compute, batch_size
        self.config = load_setup(AutoConfig, folder, "configuration of a network")
        self.processor = load_setup(VideoMAEImageProcessorPil, folder, "processor of pixels")
        self._n_frames = 0
        self._model: Any = None

    @torch.inference_mode()
    def logits(self, videos: np.ndarray) -> np.ndarray:
        """Classify uint8 videos (n_clips, n_frames, H, W, 3): float32 logits of shape (n_clips, n_classes).

        A VideoMAE takes any number of frames (Tong et al. 2022): its positions are a fixed sinusoid outside the state
        dict, of which shorter clips use the first; a last frame that fills no tubelet is dropped. Scores of different
        numbers of frames do not compare.

        Raises:
            DataError: a number of frames that the checkpoint cannot take.
        """
        n_frames = self._usable(videos.shape[1])
        if n_frames != self._n_frames:
            self._n_frames, self._model = n_frames, self._load(n_frames)
        videos = videos[:, :n_frames]
        parts = [self._batch(videos[i : i + self.batch_size]) for i in range(0, len(videos), self.batch_size)]
        return np.concatenate(parts)

    def _usable(self, n_frames: int) -> int:
        wanted = int(self.config.num_frames)
        if n_frames == wanted:
            return wanted
        if self.config.model_type != "videomae":
            what = f"the classifier takes {wanted} frames, the clips have {n_frames}"
            raise DataError(what, why=f"{self.config.model_type} has learned positions")
        tubelet = int(self.config.tubelet_size)
        if n_frames < tubelet:
            raise DataError(f"the classifier takes {tubelet} frames at least, the clips have {n_frames}")
        return n_frames - n_frames % tubelet

    def _load(self, n_frames: int) -> Any:
        other = {} if n_frames == int(self.config.num_frames) else {"num_frames": n_frames}
        return load_whole(AutoModelForVideoClassification, self.folder, self.compute, **other)

    def _batch(self, videos: np.ndarray) -> np.ndarray:
        pixels = self.processor([list(video) for video in videos], return_tensors="pt")["pixel_values"]
        logits: np.ndarray = self._model(pixels.to(self.compute.device)).logits.float().cpu().numpy()
        return logits
