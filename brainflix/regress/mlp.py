"""Fit a small network from responses to targets, stopped on rows that it does not see."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from brainflix.errors import DataError, UsageError
from brainflix.linear.standardise import Standardiser
from brainflix.models.regressors import Kind, Regressor, RegressorConfig, build_regressor
from brainflix.progress import Track, untracked

Loss = Literal["mse", "l1", "smoothl1"]
LOSSES = {"mse": functional.mse_loss, "l1": functional.l1_loss, "smoothl1": functional.smooth_l1_loss}


@dataclass(frozen=True)
class MLPOptions:
    """Network and recipe of the optimiser (AdamW).

    Attributes:
        hidden, kind, dropout, output_dropout: as in `RegressorConfig`.
        loss: on standardised targets.
        lr, weight_decay, batch_size: of AdamW.
        epochs: at most so many.
        patience: epochs without a better held-out loss before stopping.
        val_fraction: share of the rows that is held out for stopping, taken from the end.
    """

    hidden: int = 2048
    kind: Kind = "mlp"
    dropout: float = 0.3
    output_dropout: float = 0.0
    loss: Loss = "mse"
    lr: float = 1e-3
    weight_decay: float = 1e-4
    batch_size: int = 128
    epochs: int = 100
    patience: int = 10
    val_fraction: float = 0.1

    def __post_init__(self) -> None:
        """Refuse what cannot be trained with."""
        if self.loss not in LOSSES:
            raise UsageError(f"unknown loss {self.loss!r}", next=f"use one of {', '.join(LOSSES)}")
        if self.batch_size < 2 or self.epochs < 1 or self.patience < 1 or not 0 < self.val_fraction < 1:
            raise UsageError("batches need 2 rows, epochs and patience 1, and val_fraction must lie between 0 and 1")


@dataclass(frozen=True, eq=False)
class MLPFit:
    """A trained regressor with the statistics that it was trained under.

    Attributes:
        model: network in evaluation mode with the weights of the best epoch, on the CPU between predictions.
        x_scale, y_scale: statistics of the rows that were trained on.
        train_loss, val_loss: per epoch, on standardised targets; the loss of the mean predictor is about 1 for "mse".
        best_epoch: epoch (from 0) of the weights.
        n_train: rows that were trained on; the rest stopped the training.
    """

    model: Regressor
    x_scale: Standardiser
    y_scale: Standardiser
    train_loss: tuple[float, ...]
    val_loss: tuple[float, ...]
    best_epoch: int
    n_train: int

    def predict(
        self, x: NDArray[Any], *, batch_size: int = 1024, device: str | torch.device = "cpu"
    ) -> NDArray[np.float32]:
        """Predict targets of rows (m, p) in their original scale, array of shape (m, t)."""
        rows = _tensor(self.x_scale.transform(x))
        out = _forward(self.model.to(device), rows, batch_size, device).numpy()
        self.model.to("cpu")
        return np.asarray(self.y_scale.inverse(out), np.float32)


def held_out_rows(n: int, fraction: float, groups: NDArray[Any] | None = None) -> NDArray[np.bool_]:
    """Return the rows that stop the training, mask of shape (n,): the last ones, in whole groups.

    Args:
        n: number of rows.
        fraction: share to hold out; at least that many rows, and never all groups.
        groups: array of shape (n,), the segment or clip of each row, so that no group is on both sides; groups count
            in order of appearance.

    Raises:
        DataError: if there are not two groups.
    """
    labels = np.arange(n) if groups is None else np.asarray(groups)
    _, first, inverse, count = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
    if first.size < 2 or labels.shape != (n,):
        raise DataError(f"holding out rows needs two groups or more for {n} rows")
    order = np.argsort(first)
    after = np.cumsum(count[order][::-1])[::-1] - count[order]  # rows in later groups
    chosen = np.zeros(first.size, np.bool_)
    chosen[order[1:]] = after[1:] < fraction * n
    return np.asarray(chosen[inverse], np.bool_)


def fit_mlp(
    x: NDArray[Any],
    y: NDArray[Any],
    options: MLPOptions,
    *,
    seed: int,
    of: NDArray[Any] | None = None,
    groups: NDArray[Any] | None = None,
    device: str | torch.device = "cpu",
    track: Track = untracked,
) -> MLPFit:
    """Train a regressor with AdamW on standardised rows and targets, and keep the epoch with the best held-out loss.

    Args:
        x: array of shape (n, p), training rows.
        y: array of shape (n_targets, t), flattened targets.
        options: network and optimiser.
        seed: of the weights, the order of rows and the dropout masks.
        of: target of each row, array of shape (n,) into `y`, where rows share targets; None for the row's own.
        groups: segment or clip of each row, array of shape (n,); see `held_out_rows`.
        device: where it runs; rows and targets wait on the CPU, and only batches go there.
        track: counts epochs.

    Raises:
        DataError: if shapes do not match, values are not finite or too few rows remain.
    """
    of = np.arange(len(y)) if of is None else np.asarray(of)
    if x.ndim != 2 or y.ndim != 2 or of.shape != (len(x),) or of.max(initial=0) >= len(y):
        raise DataError(f"X and Y need the shapes (n, p) and (n, t), not {x.shape} and {y.shape}")
    stop = held_out_rows(len(x), options.val_fraction, groups)
    if (~stop).sum() < 2:
        raise DataError("fewer than two rows remain to train on")
    x_scale, y_scale = Standardiser.fit(x[~stop]), Standardiser.fit(y[np.unique(of[~stop])])
    pairs = _Pairs(_tensor(x_scale.transform(x)), _tensor(y_scale.transform(y)), torch.from_numpy(of), device)
    config = RegressorConfig(
        x.shape[1], options.hidden, y.shape[1], options.kind, options.dropout, options.output_dropout
    )
    generator = torch.Generator().manual_seed(seed)
    model = build_regressor(config, generator).to(device)
    trace = _train(model, pairs.at(~stop), pairs.at(stop), options, generator, track)
    return MLPFit(model.eval().to("cpu"), x_scale, y_scale, *trace, n_train=int((~stop).sum()))


@dataclass(frozen=True)
class _Pairs:
    """Rows (n, p) and the targets (n_targets, t) that `of` (n,) gives to them, on the CPU until a batch is taken."""

    rows: Tensor
    targets: Tensor
    of: Tensor
    device: str | torch.device

    def at(self, mask: NDArray[np.bool_]) -> _Pairs:
        """Return the pairs of the rows under a mask (n,)."""
        kept = torch.from_numpy(mask)
        return _Pairs(self.rows[kept], self.targets, self.of[kept], self.device)

    def batch(self, rows: Tensor | slice) -> tuple[Tensor, Tensor]:
        """Return rows (B, p) and their targets (B, t) on the device."""
        return self.rows[rows].to(self.device), self.targets[self.of[rows]].to(self.device)


def _train(
    model: Regressor, train: _Pairs, stop: _Pairs, options: MLPOptions, generator: torch.Generator, track: Track
) -> tuple[tuple[float, ...], tuple[float, ...], int]:
    optimiser = torch.optim.AdamW(model.parameters(), lr=options.lr, weight_decay=options.weight_decay)
    # Masks are drawn where they are used; their seed comes from the one generator.
    masks = torch.Generator(device=train.device)
    masks.manual_seed(int(torch.randint(2**62, (), generator=generator)))
    train_loss: list[float] = []
    val_loss: list[float] = []
    best, best_state = 0, copy.deepcopy(model.state_dict())
    for epoch in track(range(options.epochs), "epochs"):
        train_loss.append(_train_epoch(model, train, options, optimiser, generator, masks))
        val_loss.append(_held_out_loss(model, stop, options))
        if epoch == 0 or val_loss[-1] < val_loss[best]:
            best, best_state = epoch, copy.deepcopy(model.state_dict())
        elif epoch - best >= options.patience:
            break
    model.load_state_dict(best_state)
    return tuple(train_loss), tuple(val_loss), best


def _train_epoch(
    model: Regressor,
    train: _Pairs,
    options: MLPOptions,
    optimiser: torch.optim.Optimizer,
    generator: torch.Generator,
    masks: torch.Generator,
) -> float:
    """Visit every row once and return the mean loss."""
    criterion, total = LOSSES[options.loss], torch.zeros((), device=train.device)
    model.train()
    for chosen in _batches(len(train.rows), options.batch_size, generator):
        rows, targets = train.batch(chosen)
        loss = criterion(model(rows, masks), targets)
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimiser.step()
        total += loss.detach() * len(rows)
    return float(total) / len(train.rows)


@torch.no_grad()
def _held_out_loss(model: Regressor, stop: _Pairs, options: MLPOptions) -> float:
    criterion, total = LOSSES[options.loss], 0.0
    model.eval()
    for start in range(0, len(stop.rows), options.batch_size):
        rows, targets = stop.batch(slice(start, start + options.batch_size))
        total += float(criterion(model(rows), targets)) * len(rows)
    return total / len(stop.rows)


def _batches(n: int, size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Rows in random order; a last batch of one row joins its neighbour, for batch norm has no spread of one row."""
    order = torch.randperm(n, generator=generator)
    starts = list(range(0, n, size))
    if len(starts) > 1 and n - starts[-1] < 2:
        starts.pop()
    yield from (order[a:b] for a, b in zip(starts, [*starts[1:], n], strict=True))


@torch.no_grad()
def _forward(model: Regressor, rows: Tensor, batch_size: int, device: str | torch.device) -> Tensor:
    model.eval()
    starts = range(0, len(rows), batch_size)
    return torch.cat([model(rows[start : start + batch_size].to(device)).cpu() for start in starts])


def _tensor(x: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(x, np.float32))
