"""A regressor that was fitted on several subjects at once, as an artifact that each of them reads."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch

from brainflix.linear.standardise import Standardiser
from brainflix.models.regressors import RegressorConfig, build_regressor
from brainflix.models.weights import load_strict
from brainflix.parts.contract import Notes
from brainflix.regress.mlp import MLPFit
from brainflix.store.artifact import Artifact
from brainflix.trained.files import CONFIG, HISTORY, WEIGHTS, read_tensors, write_json, write_tensors

ARCHITECTURE = "regressor"
_SCALES = ("x_scale", "y_scale")


@dataclass(frozen=True, eq=False)
class FittedMLP:
    """A fitted regressor.

    Attributes:
        fit: the network with the statistics that it was fitted under.
        spread: standard deviations of the targets that it was fitted on, (n_dims,), for predictions that are rescaled.
    """

    fit: MLPFit
    spread: np.ndarray

    def save(self, folder: Path) -> Notes:
        """Write weights, config and the losses of each epoch."""
        scales = [(f"{name}.{each}", getattr(self.fit, name), each) for name in _SCALES for each in ("mean", "std")]
        arrays = {"spread": self.spread, **{name: getattr(scale, each) for name, scale, each in scales}}
        tensors = {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}
        write_tensors(folder / WEIGHTS, {**_prefixed(self.fit.model.state_dict()), **tensors})
        config = {
            "architecture": ARCHITECTURE,
            "network": asdict(self.fit.model.config),
            "best_epoch": self.fit.best_epoch,
            "n_train": self.fit.n_train,
        }
        write_json(folder / CONFIG, config)
        losses = zip(self.fit.train_loss, self.fit.val_loss, strict=True)
        write_json(folder / HISTORY, [{"train_loss": train, "val_loss": val} for train, val in losses])
        return {"epochs": len(self.fit.train_loss)}

    @classmethod
    def load(cls, artifact: Artifact) -> Self:
        """Read what `save` wrote.

        Raises:
            MissingError, IntegrityError: the artifact holds no such network, or it is damaged.
            DataError: its weights do not fit its config.
        """
        tensors, config = read_tensors(artifact.file(WEIGHTS)), artifact.json(CONFIG)
        model = build_regressor(RegressorConfig(**config["network"]), torch.Generator().manual_seed(0))
        state = {name.removeprefix(_MODEL): each for name, each in tensors.items() if name.startswith(_MODEL)}
        load_strict(model, state)
        x_scale, y_scale = (
            Standardiser(tensors[f"{name}.mean"].numpy(), tensors[f"{name}.std"].numpy()) for name in _SCALES
        )
        history = artifact.json(HISTORY)
        train, val = (tuple(float(record[name]) for record in history) for name in ("train_loss", "val_loss"))
        fit = MLPFit(model.eval(), x_scale, y_scale, train, val, int(config["best_epoch"]), int(config["n_train"]))
        return cls(fit, tensors["spread"].numpy())


_MODEL = "model."


def _prefixed(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {f"{_MODEL}{name}": each for name, each in state.items()}
