"""A file of weights as the folder that transformers reads, made once, beside the Hub's own cache."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from brainflix.errors import DataError
from brainflix.evaluate.networks.judges import ARCHITECTURES
from brainflix.io.fetch.digest import digest_of
from brainflix.models.weights import load_strict, unwrapped

State = Mapping[str, Tensor]
# Another way to convert is another folder.
_VERSION = "1"
# From here on the sigmoid is 1 in float32.
_OPEN_GATE = 40.0


def converted(architecture: str, path: Path) -> tuple[Path, str]:
    """Return the folder of a file's network as transformers reads it, made if it is not there, and the file's digest.

    Raises:
        DataError: the file's weights are not those of the architecture; names the first that differs.
        IntegrityError: the file is damaged or malicious.
    """
    from huggingface_hub import constants

    digest = digest_of(path).partition(":")[2]
    home = Path(constants.HF_HOME) / "brainflix-converted"
    folder = home / f"{architecture}-{digest[:12]}-{_VERSION}"
    if not (folder / "config.json").is_file():
        model, processor = _READERS[architecture](_read(path))
        home.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(dir=home, prefix=".part-"))
        try:
            model.save_pretrained(staging)
            processor.save_pretrained(staging)
            os.replace(staging, folder)
        except OSError:
            # Another process may have been first.
            if not (folder / "config.json").is_file():
                raise
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    return folder, f"sha256:{digest}"


def _read(path: Path) -> dict[str, Tensor]:
    """Return a file's tensors without the prefixes that wrappers put before their names."""
    from brainflix.io.legacy.torch_checkpoints import load_checkpoint

    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        state: Any = load_file(path)
    else:
        state = load_checkpoint(path)
    for inner in ("state_dict", "model"):
        state = state[inner] if isinstance(state, Mapping) and isinstance(state.get(inner), Mapping) else state
    if not isinstance(state, Mapping) or not all(isinstance(each, Tensor) for each in state.values()):
        raise DataError(f"{path.name} holds no table of weights")
    return unwrapped(state, path.name)[0]


def _lite0(state: State) -> tuple[Any, Any]:
    """Return EfficientNet-Lite0 (Tan and Le 2019, and its Lite form): ReLU6 and no squeeze-and-excitation.

    transformers' network has squeeze-and-excitation in every block; its gate is held open, so that it has no effect.
    """
    from transformers import EfficientNetConfig, EfficientNetForImageClassification, EfficientNetImageProcessor

    config = EfficientNetConfig(
        width_coefficient=1.0,
        depth_coefficient=1.0,
        image_size=224,
        hidden_dim=1280,
        hidden_act="relu6",
        batch_norm_eps=1e-3,
        num_labels=1000,
    )
    model = EfficientNetForImageClassification(config).eval()
    renamed = {_lite0_name(name): value for name, value in state.items()}
    for name, value in model.state_dict().items():
        if ".squeeze_excite." in name:
            renamed[name] = torch.full_like(value, _OPEN_GATE if name.endswith("expand.bias") else 0.0)
    load_strict(model, renamed)
    processor = EfficientNetImageProcessor(
        size={"height": 224, "width": 224},
        do_center_crop=False,
        rescale_factor=1 / 255,
        rescale_offset=False,
        image_mean=[127 / 255] * 3,
        image_std=[128 / 255] * 3,
        include_top=False,
    )
    return model, processor


_STEM = {"_conv_stem": "embeddings.convolution", "_bn0": "embeddings.batchnorm"}
_TOP = {"_conv_head": "encoder.top_conv", "_bn1": "encoder.top_bn"}
_BLOCK = {
    "_expand_conv": "expansion.expand_conv",
    "_bn0": "expansion.expand_bn",
    "_depthwise_conv": "depthwise_conv.depthwise_conv",
    "_bn1": "depthwise_conv.depthwise_norm",
    "_project_conv": "projection.project_conv",
    "_bn2": "projection.project_bn",
}


def _lite0_name(name: str) -> str:
    """Return what transformers calls a weight; a name that is not known stays, and is refused by the strict loading."""
    piece, _, end = name.rpartition(".")
    if piece == "_fc":
        return f"classifier.{end}"
    if piece.startswith("_blocks."):
        _, number, layer = piece.split(".", 2)
        return f"efficientnet.encoder.blocks.{number}.{_BLOCK.get(layer, layer)}.{end}"
    known = _STEM | _TOP
    return f"efficientnet.{known[piece]}.{end}" if piece in known else name


def _vit(state: State) -> tuple[Any, Any]:
    """Return ViT-B/16 of 224 px with transformers' own names of weights."""
    from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessor

    classes = state["classifier.bias"].numel() if "classifier.bias" in state else 1000
    model = ViTForImageClassification(ViTConfig(num_labels=classes)).eval()
    load_strict(model, dict(state))
    return model, ViTImageProcessor()


_READERS: Mapping[str, Callable[[State], tuple[Any, Any]]] = dict(zip(ARCHITECTURES, (_lite0, _vit), strict=True))
