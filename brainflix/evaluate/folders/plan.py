"""How a table of `score` is made: what every one of its numbers shares."""

from __future__ import annotations

from dataclasses import dataclass

from brainflix.evaluate.flow import Grey
from brainflix.evaluate.video_metrics import METRICS


@dataclass(frozen=True)
class Plan:
    """How to score.

    Attributes:
        protocol: name that stands on every number.
        metrics: names of METRICS.
        ssim: the flavour that `ssim_excess` is made of.
        grey: how optical flow takes luminance.
        block: clips of one stimulus block, 1 for independent clips.
        n_draws: permutations of the test at most.
        seed: of permutations, sampled places and bootstrap.
        workers: threads.
    """

    protocol: str
    metrics: tuple[str, ...]
    ssim: str = "ssim_rgb_u7"
    grey: Grey = "rgb"
    block: int = 1
    n_draws: int = 10_000
    seed: int = 0
    workers: int = 1

    @property
    def of_clips(self) -> tuple[str, ...]:
        """The metrics that are scored clip by clip, among them what the excess is made of."""
        names = tuple(name for name in self.metrics if METRICS[name].own is not None)
        return names if "ssim_excess" not in self.metrics or self.ssim in names else (*names, self.ssim)

    @property
    def moves(self) -> bool:
        """Whether a metric is made of optical flow."""
        return any(METRICS[name].motion for name in self.of_clips)
