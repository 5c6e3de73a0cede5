"""Networks of torchvision and lpips, imported when a metric asks for them (metrics spec 2.8, 2.10, 2.12).

Not run by us with the real packages: no build of torchvision for this project's CPU wheels was at hand. What calls
them is tested with a small stand-in of the same names and shapes; names of layers and weights are from the spec.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from brainflix.device import Compute
from brainflix.errors import DataError, MissingError
from brainflix.evaluate.models.checkpoints import Located
from brainflix.evaluate.models.features import Features, Frames, Network, Run, by_frame
from brainflix.evaluate.models.packages import import_package
from brainflix.io.weights import is_offline

IMAGENET_MEAN, IMAGENET_SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
FRAMES_PER_BATCH, STEPS_PER_BATCH = 32, 8


@dataclass(frozen=True)
class Backbone:
    """A network of torchvision.

    Attributes:
        builder: function of torchvision.models that makes it, with its package below that where it is not there.
        weights: name of the enumeration of weights.
        entry: the pinned entry; defaults of torchvision change with its version.
    """

    builder: str
    weights: str
    entry: str


@dataclass(frozen=True)
class Layer:
    """Where features come from: the backbone's key, its layer, and the short side that frames are resized to."""

    backbone: str
    name: str
    side_px: int


BACKBONES = {
    "alexnet": Backbone("alexnet", "AlexNet_Weights", "IMAGENET1K_V1"),
    "inception": Backbone("inception_v3", "Inception_V3_Weights", "IMAGENET1K_V1"),
    "effnet": Backbone("efficientnet_b1", "EfficientNet_B1_Weights", "IMAGENET1K_V2"),
    "raft": Backbone("optical_flow.raft_large", "Raft_Large_Weights", "C_T_SKHT_V2"),
}
# features.4 and features.11 are the rectified outputs of the second and fifth convolution.
LAYERS = {
    "alex2": Layer("alexnet", "features.4", 256),
    "alex5": Layer("alexnet", "features.11", 256),
    "inception": Layer("inception", "avgpool", 342),
    "effnet": Layer("effnet", "avgpool", 255),
    "swav": Layer("swav", "avgpool", 224),
}
SWAV_FILE = "swav_800ep_pretrain.pth.tar"


def locate_backbone(key: str) -> Located:
    """Find the weights of a network of torchvision, or fetch them where the network may be used.

    Raises:
        MissingError: torchvision or the weights cannot be had; says how to get them.
    """
    backbone = BACKBONES[key]
    enumeration = getattr(_models(backbone.builder), backbone.weights)
    entry = enumeration[backbone.entry]
    file = Path(torch.hub.get_dir()) / "checkpoints" / Path(entry.url).name
    if not file.is_file():
        get = f"download {entry.url} to {file}"
        if is_offline():
            raise MissingError(f"weights {file.name} are not here", why="no connection is allowed", next=get)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(entry.url, str(file), progress=False)
        except OSError as error:
            raise MissingError(f"weights {file.name} could not be fetched", why=str(error), next=get) from error
    return Located(key, f"torchvision {backbone.weights}.{backbone.entry}", file.parent, file.name)


def layer_features(metric: str, checkpoint: Located, compute: Compute) -> Network:
    """Return the network that gives the features of LAYERS[metric], (n_clips, n_frames, n_dims)."""
    layer = LAYERS[metric]

    def load() -> Run:
        model = _load_swav(checkpoint.folder) if layer.backbone == "swav" else _load(layer.backbone)
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
        model = _load("raft").to(compute.device).eval()

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
    model = import_package("lpips").LPIPS(net="alex", version="0.1", verbose=False).to(compute.device).eval()

    @torch.inference_mode()
    def run(truth: Frames, prediction: Frames) -> NDArray[np.float64]:
        a, b = (_signed(frames).to(compute.device) for frames in (truth, prediction))
        return np.asarray(model(a, b).flatten().double().cpu().numpy())

    return run


def _models(builder: str) -> Any:
    package = builder.rpartition(".")[0]
    return import_package("torchvision.models" + (f".{package}" if package else ""))


def _load(key: str) -> torch.nn.Module:
    backbone = BACKBONES[key]
    module = _models(backbone.builder)
    weights = getattr(module, backbone.weights)[backbone.entry]
    model: torch.nn.Module = getattr(module, backbone.builder.rpartition(".")[2])(weights=weights, progress=False)
    return model


def _load_swav(folder: Path) -> torch.nn.Module:
    """Load SwAV's trunk into a ResNet-50; its projection head and prototypes are no part of the features."""
    file = folder / SWAV_FILE
    if not file.is_file():
        raise MissingError(f"{folder} holds no {SWAV_FILE}")
    state = torch.load(file, map_location="cpu", weights_only=True)
    state = {name.removeprefix("module."): value for name, value in state.items()}
    trunk = {name: value for name, value in state.items() if not name.startswith(("projection_head", "prototypes"))}
    model: torch.nn.Module = _models("resnet50").resnet50(weights=None)
    model.fc = torch.nn.Identity()
    model.load_state_dict(trunk)
    return model


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
