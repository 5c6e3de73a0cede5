"""Phase one: masked brain modelling on z-scored rows (Brain Netflix stage 1)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from brainflix.device import CPU, Compute
from brainflix.models.mbm import MBMConfig, build_mbm
from brainflix.models.patches import unpatchify
from brainflix.models.weights import load_strict
from brainflix.train.data import RowSource, drop_vertices, fit_preparation, midpoint_augment
from brainflix.train.loop import Hooks, fit, loop_config
from brainflix.trained.files import TrainResult
from brainflix.trained.preparation import Preparation
from brainflix.trained.retrieval import row_correlation

if TYPE_CHECKING:
    from brainflix.train.parts import MaskedParams

ARCHITECTURE = "mbm"


def network_config(params: MaskedParams, n_grayordinates: int) -> MBMConfig:
    """Return the network's size for rows of that many columns."""
    names = {f.name for f in dataclasses.fields(MBMConfig)} - {"n_grayordinates"}
    return MBMConfig(n_grayordinates=n_grayordinates, **{name: getattr(params, name) for name in names})


def masked_loss(model: nn.Module, batch: Mapping[str, Tensor], vertex_dropout: float = 0.0) -> dict[str, Tensor]:
    """Return the loss on hidden patches, and the mean Pearson r of the full reconstruction with the rows (B, L P)."""
    rows = batch["rows"]
    out = model(drop_vertices(rows, batch.get("drop_noise"), vertex_dropout), batch["mask_noise"], rows)
    with torch.no_grad():
        correlation = row_correlation(unpatchify(out.prediction), rows).mean()
    return {"loss": out.loss, "correlation": correlation}


def train_masked(
    rows: npt.NDArray[np.floating],
    params: MaskedParams,
    *,
    seed: int = 0,
    compute: Compute = CPU,
    start: TrainResult | None = None,
    hooks: Hooks | None = None,
) -> TrainResult:
    """Train a masked autoencoder on train rows.

    Args:
        rows: train rows of shape (n_rows, n_grayordinates), z-scored per session upstream, repeats already averaged.
        params: network and optimisation.
        seed: seed of weights, order, masks and augmentation.
        compute: device and dtype.
        start: network to go on from (fine-tuning); its size must be that of `params`.
        hooks: checkpoints, progress, resuming.

    Returns:
        TrainResult whose history holds epoch, loss, correlation and lr of each epoch.

    Raises:
        DataError: unusable rows, a start of another size, or a loss that is not finite.
    """
    hooks = hooks or Hooks()
    preparation = fit_preparation(rows, params.patch_size, params.compat == "brainnetflix")
    prepared = midpoint_augment(preparation.apply(rows), params.augment_factor, np.random.default_rng([seed, 1]))
    size = network_config(params, preparation.apply(rows[:1]).shape[1])
    model = build_mbm(size, torch.Generator().manual_seed(seed))
    if start is not None:
        load_strict(model, start.state)
    model.recompute = hooks.recompute
    noise = {"mask_noise": size.n_patches} | ({"drop_noise": prepared.shape[1]} if params.vertex_dropout else {})
    source = RowSource({"rows": torch.from_numpy(prepared)}, seed, noise)
    state = fit(
        model,
        lambda network, batch: masked_loss(network, batch, params.vertex_dropout),
        source,
        loop_config(params),
        compute=compute,
        hooks=hooks,
    )
    return TrainResult(state.model, masked_config(size, preparation), state.history)


def masked_config(size: MBMConfig, preparation: Preparation) -> dict[str, Any]:
    """Return the config.json of a masked autoencoder."""
    return {
        "architecture": ARCHITECTURE,
        "network": dataclasses.asdict(size),
        "preparation": preparation.as_dict(),
    }
