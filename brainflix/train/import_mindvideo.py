"""MinD-Video's released folder of one subject as a jointly trained model (docs/methods/mindvideo.md, Checkpoints)."""

from __future__ import annotations

from pathlib import Path

from brainflix.errors import DataError
from brainflix.io.unet_files import CONFIG, PICKLED, SAFE, read_denoiser
from brainflix.models.inflated_unet import TEMPORAL, inflate
from brainflix.parts.params import Params
from brainflix.train.encoders import JOINT, PREFIX
from brainflix.train.imports import Imported, import_mindvideo_encoder
from brainflix.train.loop import TrainResult
from brainflix.train.mindvideo_video import unet_settings

_DENOISER = "unet"
# What is drawn where the released denoiser has no temporal layers.
_SEED = 0


def import_mindvideo(path: Path, params: Params) -> Imported:
    """Read a folder `pretrains/subN`: `fmri_encoder` and `unet`; its `vae` and `scheduler` stay where they are.

    A generator takes those two by the folder's name, as its `weights`. A denoiser without any temporal layer gets fresh
    ones; otherwise every weight has to be there.

    Raises:
        MissingError: a file is absent.
        IntegrityError: one is damaged, or could act.
        DataError: a missing, extra or misshapen weight, by name, or two networks that do not belong together.
        UsageError: options that do not fit the weights.
    """
    encoder = import_mindvideo_encoder(path / "fmri_encoder", params)
    folder = path / _DENOISER
    config, state = read_denoiser(folder)
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
    )
