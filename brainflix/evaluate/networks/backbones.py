"""Networks of torchvision as a metric wants them: pinned weights, found or fetched, checked, loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from brainflix.device import seeded_init
from brainflix.errors import DataError, IntegrityError, MissingError
from brainflix.evaluate.networks.checkpoints import SWAV_GET, Located
from brainflix.evaluate.networks.packages import import_package
from brainflix.io.fetch.digest import digest_of
from brainflix.io.legacy.torch_checkpoints import load_checkpoint
from brainflix.io.weights_hub import is_offline
from brainflix.models.weights import unwrapped


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


BACKBONES = {
    "alexnet": Backbone("alexnet", "AlexNet_Weights", "IMAGENET1K_V1"),
    "inception": Backbone("inception_v3", "Inception_V3_Weights", "IMAGENET1K_V1"),
    "effnet": Backbone("efficientnet_b1", "EfficientNet_B1_Weights", "IMAGENET1K_V2"),
    "raft": Backbone("optical_flow.raft_large", "Raft_Large_Weights", "C_T_SKHT_V2"),
}
SWAV_FILE = "swav_800ep_pretrain.pth.tar"


def locate_backbone(key: str) -> Located:
    """Find the weights of a network of torchvision, or fetch them where the network may be used.

    Raises:
        MissingError: torchvision or the weights cannot be had; says how to get them.
        IntegrityError: the weights are not those that their name announces.
    """
    backbone = BACKBONES[key]
    enumeration = getattr(_models(backbone.builder), backbone.weights)
    entry = enumeration[backbone.entry]
    file = Path(torch.hub.get_dir()) / "checkpoints" / Path(entry.url).name
    digest = _announced_digest(file.name)
    if not file.is_file():
        get = f"download {entry.url} to {file}"
        if is_offline():
            raise MissingError(f"weights {file.name} are not here", why="no connection is allowed", next=get)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(entry.url, str(file), hash_prefix=digest, progress=False)
        except OSError as error:
            raise MissingError(f"weights {file.name} could not be fetched", why=str(error), next=get) from error
        except RuntimeError as error:  # what torch.hub raises where the digest is another
            raise IntegrityError(f"weights {file.name} came damaged", why=str(error), next=get) from error
    elif digest and not digest_of(file).startswith(f"sha256:{digest}"):
        raise IntegrityError(f"weights {file} are damaged", why=f"their SHA-256 is not {digest}...", next=f"rm {file}")
    return Located(key, f"torchvision {backbone.weights}.{backbone.entry}", file.parent, file.name)


def _models(builder: str) -> Any:
    package = builder.rpartition(".")[0]
    return import_package("torchvision.models" + (f".{package}" if package else ""))


def _announced_digest(file_name: str) -> str | None:
    """Return the first digits of the SHA-256 that names of weights end with, as torch.hub has them; None without."""
    found = torch.hub.HASH_REGEX.search(file_name)
    return found[1] if found else None


def load_backbone(key: str) -> torch.nn.Module:
    """Return a network of BACKBONES with the weights that `locate_backbone` found."""
    backbone = BACKBONES[key]
    module = _models(backbone.builder)
    weights = getattr(module, backbone.weights)[backbone.entry]
    with seeded_init(0):
        model: torch.nn.Module = getattr(module, backbone.builder.rpartition(".")[2])(weights=weights, progress=False)
    return model


def load_swav(folder: Path) -> torch.nn.Module:
    """Load SwAV's trunk into a ResNet-50; its projection head and prototypes are no part of the features.

    Raises:
        MissingError: the folder has no such file.
        IntegrityError: the file is damaged, or would act when read.
        DataError: it holds something else.
    """
    file = folder / SWAV_FILE
    if not file.is_file():
        raise MissingError(f"{folder} holds no {SWAV_FILE}")
    state = load_checkpoint(file)
    if not isinstance(state, dict):
        raise DataError(f"{file} holds no tensors by name", next=SWAV_GET)
    state, _ = unwrapped({str(name): value for name, value in state.items()}, file.name)
    trunk = {name: value for name, value in state.items() if not name.startswith(("projection_head", "prototypes"))}
    with seeded_init(0):
        model: torch.nn.Module = _models("resnet50").resnet50(weights=None)
    model.fc = torch.nn.Identity()
    try:
        model.load_state_dict(trunk)
    except RuntimeError as error:  # names or shapes differ
        why = " ".join(str(error).split())[:200]
        raise DataError(f"{file} holds no trunk of a ResNet-50", why=why, next=SWAV_GET) from error
    return model
