"""Metrics of pixels: correlation, PSNR in both averages, mean square (docs/scoring.md, PSNR and MSE)."""

from __future__ import annotations

from brainflix.evaluate import pixel_pairs, pixels
from brainflix.evaluate.metric import ClipMetric, Found, MetricWork
from brainflix.evaluate.metric_params import MetricParams
from brainflix.evaluate.metrics.views import of_frames, of_pixels
from brainflix.evaluate.scene import Scene


def pixcorr(params: MetricParams, inputs: Scene, work: MetricWork) -> Found:
    """Return Pearson's correlation over pixels and channels."""
    return {"pixcorr": ClipMetric(of_frames(pixels.pixcorr), of_pixels(pixel_pairs.pixcorr_matrix))}


def psnr(params: MetricParams, inputs: Scene, work: MetricWork) -> Found:
    """Return the peak signal-to-noise ratio, averaged over dB and over squares."""
    return {
        "psnr": ClipMetric(of_frames(pixels.psnr), of_pixels(pixel_pairs.psnr_matrix)),
        "psnr_pooled": ClipMetric(of_frames(pixels.psnr_pooled), of_pixels(pixel_pairs.psnr_pooled_matrix)),
    }


def mse(params: MetricParams, inputs: Scene, work: MetricWork) -> Found:
    """Return the mean squared difference."""
    return {"mse": ClipMetric(of_frames(pixels.mse), of_pixels(pixel_pairs.mse_matrix))}
