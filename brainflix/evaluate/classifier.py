"""Class scores of videos from a video classifier (VideoMAE in the field), whole clips in batches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForVideoClassification, VideoMAEImageProcessorPil

from brainflix.device import Compute
from brainflix.errors import DataError


class VideoClassifier:
    """A loaded classifier; `logits` may be called many times."""

    def __init__(self, folder: Path, compute: Compute, batch_size: int = 40) -> None:
        """Load model and processor from `folder` in float32: rounding would make ties."""
        self.model = (
            AutoModelForVideoClassification.from_pretrained(folder, dtype=torch.float32).to(compute.device).eval()
        )
        self.processor = VideoMAEImageProcessorPil.from_pretrained(folder)
        self.compute, self.batch_size = compute, batch_size

    @torch.inference_mode()
    def logits(self, videos: np.ndarray) -> np.ndarray:
        """Classify uint8 videos (n_clips, n_frames, H, W, 3): float32 logits of shape (n_clips, n_classes).

        Raises:
            DataError: another number of frames than the checkpoint was built for.
        """
        wanted = int(self.model.config.num_frames)
        if videos.shape[1] != wanted:
            raise DataError(f"the classifier takes {wanted} frames, the clips have {videos.shape[1]}")
        parts = [self._batch(videos[i : i + self.batch_size]) for i in range(0, len(videos), self.batch_size)]
        return np.concatenate(parts)

    def _batch(self, videos: np.ndarray) -> np.ndarray:
        pixels = self.processor([list(video) for video in videos], return_tensors="pt")["pixel_values"]
        logits: np.ndarray = self.model(pixels.to(self.compute.device)).logits.float().cpu().numpy()
        return logits
