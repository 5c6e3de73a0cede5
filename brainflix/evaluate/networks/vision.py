"""Networks of torchvision and lpips, imported when a metric asks for them (docs/scoring.md, Metrics).

No public weights were at hand. What calls the packages is tested with a small stand-in of the same names and shapes,
and, where they are installed, with their own networks and random weights. Layers: docs/scoring.md, Deep identification.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from brainflix.device import Compute, seeded_init
from brainflix.errors import DataError
from brainflix.evaluate.networks.backbones import load_backbone, load_swav
from brainflix.evaluate.networks.checkpoints import Located
from brainflix.evaluate.networks.features import Features, Frames, Network, Run, by_frame
from brainflix.evaluate.networks.packages import import_package

IMAGENET_MEAN, IMAGENET_SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
FRAMES_PER_BATCH, STEPS_PER_BATCH = 32, 8


@dataclass(frozen=True)
class Layer:
    """Where features come from: the backbone's key, its layer, and the short side that frames are resized to."""

    backbone: str
    name: str
    side_px: int


# features.4 and features.11 are the rectified outputs of the second and fifth convolution.
LAYERS = {
    "alex2": Layer("alexnet", "features.4", 256),
    "alex5": Layer("alexnet", "features.11", 256),
    "inception": Layer("inception", "avgpool", 342),
    "effnet": Layer("effnet", "avgpool", 255),
    "swav": Layer("swav", "avgpool", 224),
}


def layer_features(metric: str, checkpoint: Located, compute: Compute) -> Network:
    """Return the network that gives the features of LAYERS[metric], (n_clips, n_frames, n_dims)."""
    layer = LAYERS[metric]

    def load() -> Run:
        model = load_swav(checkpoint.folder) if layer.backbone == "swav" else load_backbone(layer.backbone)
        model = model.to(compute.device).eval()
        return _run_on_frames(model, layer, compute)

    kind = f"{layer.name} of {layer.backbone}, torchvision {import_package('torchvision').__version__}"
    return Network(kind, checkpoint.pin, load)


def raft_flow(checkpoint: Located, compute: Compute) -> Network:
    """Return the network that gives optical flow, (n_clips, n_frames - 1, height, width, 2), pixels per step.

    RAFT takes pixels in [-1, 1] and sides that are multiples of 8, as every protocol's are; the last of its refinements
    counts. Equal frames have no flow by definition, as in `flow.farneback`.
    """

    def load() -> Run:
        model = load_backbone("raft").to(compute.device).eval()

        @torch.inference_mode()
        def run(clips: Frames) -> Features:
            return np.stack([_flow_of_clip(model, clip, compute) for clip in clips])

        return run

    return Network(f"RAFT flow, torchvision {import_package('torchvision').__version__}", checkpoint.pin, load)


def perceptual_distance(compute: Compute) -> Callable[[Frames, Frames], NDArray[np.float64]]:
    """Return LPIPS (alex, heads v0.1) of frames (n_frames, height, width, 3) against others: array of (n_frames,).

    Its backbone's weights must have been found by `locate_backbone("alexnet")`.

    Raises:
        MissingError: lpips is not installed.
    """
    lpips = import_package("lpips")
    # Its constructor draws weights before it loads others over them; the caller's generator must not notice.
    with seeded_init(0):
        model = lpips.LPIPS(net="alex", version="0.1", verbose=False).to(compute.device).eval()

    @torch.inference_mode()
    def run(truth: Frames, prediction: Frames) -> NDArray[np.float64]:
        a, b = (_signed(frames).to(compute.device) for frames in (truth, prediction))
        return np.asarray(model(a, b).flatten().double().cpu().numpy())

    return run


def _run_on_frames(model: torch.nn.Module, layer: Layer, compute: Compute) -> Run:
    """Return what gives a layer's output for every frame, resized without antialias and not cropped, as published."""
    caught: list[torch.Tensor] = []
    # A copy: rectifiers that follow may work in place.
    model.get_submodule(layer.name).register_forward_hook(lambda _, __, output: caught.append(output.clone()))
    mean, sd = (torch.tensor(values).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_SD))

    @torch.inference_mode()
    def run(frames: Frames) -> Features:
        pixels = _short_side((_signed(frames) + 1) / 2, layer.side_px)
        model(((pixels - mean) / sd).to(compute.device))
        return np.asarray(caught.pop().flatten(1).float().cpu().numpy())

    return by_frame(run, FRAMES_PER_BATCH)


def _signed(frames: Frames) -> torch.Tensor:
    """Return frames (n, height, width, 3) as a tensor (n, 3, height, width) in [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float() / 127.5 - 1.0


def _short_side(pixels: torch.Tensor, side_px: int) -> torch.Tensor:
    height, width = pixels.shape[2:]
    size = (side_px, side_px * width // height) if height <= width else (side_px * height // width, side_px)
    return pixels if size == (height, width) else functional.interpolate(pixels, size, mode="bilinear")


def _flow_of_clip(model: torch.nn.Module, clip: Frames, compute: Compute) -> NDArray[np.float32]:
    n_frames, height, width, _ = clip.shape
    if height % 8 or width % 8:
        raise DataError(f"RAFT takes sides that are multiples of 8, not {width}x{height}")
    flow = np.zeros((n_frames - 1, height, width, 2), np.float32)
    moving = [step for step in range(n_frames - 1) if not np.array_equal(clip[step], clip[step + 1])]
    for start in range(0, len(moving), STEPS_PER_BATCH):
        steps = np.array(moving[start : start + STEPS_PER_BATCH])
        a, b = (_signed(clip[frames]).to(compute.device) for frames in (steps, steps + 1))
        flow[steps] = model(a, b)[-1].permute(0, 2, 3, 1).float().cpu().numpy()
    return flow
