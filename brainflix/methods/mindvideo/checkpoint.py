"""MinD-Video's released folder of one subject as a jointly trained model (docs/methods/mindvideo.md, Checkpoints)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from brainflix.errors import DataError, MissingError, UsageError
from brainflix.io.unet_files import CONFIG, PICKLED, SAFE, read_denoiser
from brainflix.methods.mindvideo.encoder import ARCHITECTURE, JOINT, POOLS, PREFIX
from brainflix.methods.mindvideo.networks import MindVideoEncoder, MindVideoEncoderConfig
from brainflix.methods.mindvideo.parts import MindVideoEncoderImportParams
from brainflix.methods.mindvideo.train.video import unet_settings
from brainflix.models.imports import State, _check_kind, _fitting, _size, _told, _trunk_sizes
from brainflix.models.inflated_unet import TEMPORAL, inflate
from brainflix.models.weights import unwrapped
from brainflix.parts.contract import Inputs
from brainflix.parts.work import Work
from brainflix.train.imports import Imported, _given, _plain, preparation_of, read_settings, read_weights, taken_off
from brainflix.trained.files import TrainResult

_DENOISER = "unet"
# What is drawn where the released denoiser has no temporal layers.
_SEED = 0


def import_mindvideo(params: MindVideoEncoderImportParams, inputs: Inputs, work: Work) -> Imported:
    """Read a folder `pretrains/subN`: `fmri_encoder` and `unet`; its `vae` and `scheduler` stay where they are.

    A generator takes those two by the folder's name, as its `weights`. A denoiser without any temporal layer gets fresh
    ones; otherwise every weight has to be there.

    Raises:
        MissingError: a file is absent.
        IntegrityError: one is damaged, or could act.
        DataError: a missing, extra or misshapen weight, by name, or two networks that do not belong together.
        UsageError: options that do not fit the weights.
    """
    inside = params.model_copy(update={"path": params.path / "fmri_encoder"})
    encoder = import_mindvideo_encoder(inside, inputs, work)
    folder = params.path / _DENOISER
    config, state = read_denoiser(folder)
    state, prefix = unwrapped(state, f"the denoiser in {folder.name}")
    unet = inflate(config, {name: tensor.float() for name, tensor in state.items()}, _SEED)
    own = encoder.result.config
    if unet.config.cross_attention_dim != own["network"]["context_width"]:
        raise DataError(
            f"the encoder's context has {own['network']['context_width']} channels",
            why=f"the denoiser reads {unet.config.cross_attention_dim}",
        )
    weights = {f"{PREFIX}{name}": tensor for name, tensor in encoder.result.state.items()}
    weights |= {f"{_DENOISER}.{name}": tensor.detach() for name, tensor in unet.state_dict().items()}
    document = {
        "architecture": JOINT,
        "encoder": own["network"],
        "unet": unet_settings(unet),
        "pool": own["pool"],
        "preparation": own["preparation"],
    }
    files = [*encoder.files, next(folder / name for name in (SAFE, PICKLED) if (folder / name).is_file())]
    fresh = not any(TEMPORAL in name for name in state)
    return Imported(
        TrainResult(weights, document, ()),
        encoder.window_tr,
        (*files, folder / CONFIG),
        {**encoder.settings, "temporal layers of the denoiser": "fresh" if fresh else "released"},
        (*encoder.said, *taken_off(prefix, " of the denoiser")),
    )


_ENCODER_FILES = ("model.pth", "diffusion_pytorch_model.bin", "diffusion_pytorch_model.safetensors")


def import_mindvideo_encoder(params: MindVideoEncoderImportParams, inputs: Inputs, work: Work) -> Imported:
    """Read MinD-Video's encoder: a folder `fmri_encoder`, or its file of weights with `config.json` beside it.

    How its context was pooled while it was tuned is not known; the config says "mean". Errors as `import_mbm`.
    """
    file = encoder_file(params.path)
    beside = file.with_name("config.json")
    state, settings, said = read_weights(file)
    settings |= read_settings(beside) if beside.is_file() else {}
    config, weights = encoder_weights(state, settings | _given(params, "heads"))
    preparation = preparation_of(config.n_grayordinates, config.patch_size, params)
    window = params.window_tr or tuple(range(config.window))
    if len(window) != config.window:
        raise UsageError(f"window_tr has {len(window)} rows, the encoder reads {config.window}")
    document = {
        "architecture": ARCHITECTURE,
        "network": dataclasses.asdict(config),
        "pool": POOLS[0],
        "preparation": preparation.as_dict(),
    }
    files = (file, beside) if beside.is_file() else (file,)
    return Imported(TrainResult(weights, document, ()), window, files, _plain(settings), said)


def encoder_file(path: Path) -> Path:
    """Return the file of weights that a path means: itself, or the one in the folder.

    Raises:
        MissingError: there is none.
    """
    if not path.is_dir():
        return path
    for name in _ENCODER_FILES:
        if (path / name).is_file():
            return path / name
    raise MissingError(f"{path} holds no weights of an encoder", why=f"looked for {', '.join(_ENCODER_FILES)}")


ENCODER_WORDS = {
    "patch_size": "patch_size",
    "embed_dim": "width",
    "depth": "depth",
    "num_heads": "heads",
    "mlp_ratio": "mlp_ratio",
    "window_size": "window",
    "out_channel": "n_tokens",
    "out_dim": "context_width",
    "use_norm": "final_norm",
    "use_temp_attn": "temporal",
    "logit_scale_init_value": "logit_scale_init",
}


def encoder_weights(state: State, settings: Mapping[str, Any]) -> tuple[MindVideoEncoderConfig, dict[str, Tensor]]:
    """Return the size of MinD-Video's encoder and its weights in float32; arguments and errors as `mbm_weights`."""
    _check_kind(state, "mindvideo-encoder")
    if settings.get("in_chans", 1) != 1:
        raise DataError(f"the encoder reads {settings['in_chans']} channels", why="a row of brain data has one")
    found = _trunk_sizes(state, settings)
    patches = found["n_grayordinates"] // found["patch_size"]
    tokens = _size(state, [("proj_head.channel_mapper.weight", 1)])
    found |= {
        "window": max(1, tokens // patches),
        "n_tokens": _size(state, [("proj_head.channel_mapper.weight", 0)]),
        "context_width": _size(state, [(f"proj_head.{name}.weight", 0) for name in ("projection", "fc")]),
        "final_norm": any(name.startswith("proj_head.layer_norm.") for name in state),
        "temporal": any(".attn_temp." in name for name in state),
    }
    config = MindVideoEncoderConfig(**found | _told(settings, ENCODER_WORDS, MindVideoEncoderConfig, len(state)))
    return config, _fitting(lambda: MindVideoEncoder(config), state)
