"""The masked autoencoder, alone and with its contrastive head, as networks of artifacts."""

from __future__ import annotations

import torch

from brainflix.models.contrastive import ContrastiveConfig, ContrastiveModel
from brainflix.models.mbm import MaskedBrainModel, MBMConfig
from brainflix.models.weights import load_strict
from brainflix.trained.files import TrainResult
from brainflix.trained.network import Network
from brainflix.trained.preparation import Preparation


def masked(result: TrainResult) -> Network:
    """Return a masked autoencoder, which has features and no embedding.

    Raises:
        DataError: the weights do not fit the config.
    """
    with torch.device("meta"):
        model = MaskedBrainModel(MBMConfig(**result.config["network"]))
    load_strict(model, result.state)
    model.eval()
    preparation = Preparation(**result.config["preparation"])
    return Network(model, preparation.apply, lambda pool: lambda x: model.features(x, pool))


def contrastive(result: TrainResult) -> Network:
    """Return a masked autoencoder with a head that embeds rows beside images.

    Raises:
        DataError: the weights do not fit the config.
    """
    sizes = dict(result.config["network"])
    with torch.device("meta"):
        model = ContrastiveModel(ContrastiveConfig(**{**sizes, "mbm": MBMConfig(**sizes["mbm"])}))
    load_strict(model, result.state)
    model.eval()
    preparation = Preparation(**result.config["preparation"])
    return Network(model, preparation.apply, lambda pool: lambda x: model.encoder.features(x, pool), model.embed)
