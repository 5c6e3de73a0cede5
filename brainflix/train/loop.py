"""One resumable training loop under Hugging Face Accelerate.

Batches, noise and learning rate are pure functions of (seed, epoch, step), and a checkpoint holds everything else, so a
run that was killed and resumed ends with the weights of a run that was not: bit for bit on one process on a CPU, and
elsewhere as exactly as the device's own kernels repeat themselves.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from brainflix.device import CPU, Compute
from brainflix.errors import DataError, ResourceError
from brainflix.models.weights import load_strict
from brainflix.train.data import RowSource
from brainflix.train.schedule import decay_groups, lr_at

if TYPE_CHECKING:
    from accelerate import Accelerator  # type: ignore[import-untyped,unused-ignore]

    from brainflix.train.parts import LoopParams

LossFn = Callable[[nn.Module, Mapping[str, Tensor]], Mapping[str, Tensor]]
EvaluateFn = Callable[[nn.Module], Mapping[str, float]]
_SMALL = 1_000_000  # parameters
_PRECISION = {torch.float32: "no", torch.bfloat16: "bf16", torch.float16: "fp16"}


@dataclass(frozen=True)
class LoopConfig:
    """Optimisation of one phase.

    Attributes:
        monitor: name of the score, higher is better, that picks the best epoch; "" keeps the last one.
        patience: epochs without a better score before stopping; 0 never stops early.
    """

    epochs: int
    warmup_epochs: float
    batch_size: int
    lr: float
    weight_decay: float = 0.05
    betas: tuple[float, float] = (0.9, 0.95)
    clip_norm: float = 0.8
    monitor: str = ""
    patience: int = 0


def loop_config(params: LoopParams, monitor: str = "", patience: int = 0) -> LoopConfig:
    """Return the optimisation part of a phase's parameters."""
    shared = {f.name for f in fields(LoopConfig)} - {"monitor", "patience"}
    return LoopConfig(monitor=monitor, patience=patience, **{name: getattr(params, name) for name in shared})


@dataclass(frozen=True)
class FitState:
    """Everything needed to go on after `epoch` finished epochs.

    Attributes:
        model: state dict of the network.
        optimizer: state dict of the optimizer.
        history: one record per finished epoch.
        best: state dict of the best epoch so far; empty without a monitor.
        scaler: state dict of the float16 loss scaler; empty in other dtypes.
    """

    epoch: int
    model: dict[str, Tensor]
    optimizer: dict[str, Any]
    history: tuple[dict[str, float], ...]
    best: dict[str, Tensor] = field(default_factory=dict)
    scaler: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Hooks:
    """What a caller may attach to the loop; none of it changes the numbers.

    Attributes:
        on_checkpoint: called as (finished epochs, state) on the main process.
        checkpoint_every: epochs between checkpoints; 0 for none.
        on_step: called as (steps done, steps in all) on the main process.
        on_epoch: called with each epoch's record on the main process.
        resume: state to go on from.
        recompute: recompute activations in the backward pass, to save memory.
    """

    on_checkpoint: Callable[[int, FitState], None] | None = None
    checkpoint_every: int = 20
    on_step: Callable[[int, int], None] | None = None
    on_epoch: Callable[[Mapping[str, float]], None] | None = None
    resume: FitState | None = None
    recompute: bool = False


def best_epoch(history: tuple[dict[str, float], ...], monitor: str) -> int:
    """Return the first epoch of the highest score, -1 for no history."""
    scores = [record[monitor] for record in history]
    return scores.index(max(scores)) if scores else -1


def fit(
    model: nn.Module,
    loss_fn: LossFn,
    source: RowSource,
    config: LoopConfig,
    *,
    compute: Compute = CPU,
    evaluate: EvaluateFn | None = None,
    hooks: Hooks | None = None,
) -> FitState:
    """Train a network; return the last state, whose `best` is the best epoch where a score is monitored.

    Args:
        model: network on the CPU; it is trained in place.
        loss_fn: (network, batch) -> named scalars that are means over the batch, "loss" among them.
        source: rows and noise.
        config: optimisation.
        compute: device and dtype; under `accelerate launch` each process takes its own device of that kind.
        evaluate: network -> named scores, after each epoch.
        hooks: checkpoints, progress, resuming.

    Raises:
        DataError: the loss is not finite.
        ResourceError: Accelerate cannot use the device.
    """
    run = _Run(model, source, config, compute, hooks or Hooks())
    n_steps = source.n_steps(config.batch_size)
    with few_threads(model, compute):
        while run.epoch < config.epochs and not run.stopped():
            record = {"epoch": float(run.epoch), **run.train_epoch(loss_fn, n_steps)}
            if evaluate is not None:
                record |= run.score(evaluate)
            run.finish_epoch(record)
    return run.snapshot()


class _Run:
    """The moving parts of one training: network, optimizer, history."""

    def __init__(self, model: nn.Module, source: RowSource, config: LoopConfig, compute: Compute, hooks: Hooks) -> None:
        self.source, self.config, self.hooks = source, config, hooks
        self.accelerator = make_accelerator(compute)
        optimizer = torch.optim.AdamW(
            decay_groups(model.named_parameters(), config.weight_decay), lr=config.lr, betas=config.betas
        )
        resume = hooks.resume
        self.epoch = resume.epoch if resume else 0
        self.history = resume.history if resume else ()
        self.best = dict(resume.best) if resume else {}
        if resume:
            load_strict(model, resume.model)
        self.bare = model
        self.model, self.optimizer = self.accelerator.prepare(model, optimizer)
        if resume:
            # After `prepare`, so that the moments land on the device that the weights were moved to.
            # A copy, because torch would go on counting steps inside the caller's tensors.
            self.optimizer.load_state_dict(to_cpu(resume.optimizer))
            if self.accelerator.scaler is not None and resume.scaler:
                self.accelerator.scaler.load_state_dict(resume.scaler)

    def stopped(self) -> bool:
        """Tell whether the score has not improved for `patience` epochs."""
        if not self.config.monitor or not self.config.patience:
            return False
        return self.epoch - 1 - best_epoch(self.history, self.config.monitor) >= self.config.patience

    def train_epoch(self, loss_fn: LossFn, n_steps: int) -> dict[str, float]:
        """Visit every row once; return the means of the named scalars and the last learning rate."""
        self.model.train()
        totals: dict[str, Tensor] = {}
        lr = 0.0
        for step in range(n_steps):
            lr = self._set_lr(self.epoch + step / n_steps)
            batch, share = self._batch(step)
            values = loss_fn(self.model, batch)
            # DDP averages gradients over processes; this weight turns that into the mean over the rows of the batch.
            self.accelerator.backward(values["loss"] * (share * self.accelerator.num_processes))
            if self.config.clip_norm:
                self.accelerator.clip_grad_norm_(self.model.parameters(), self.config.clip_norm)
            self.optimizer.step()
            self.optimizer.zero_grad()
            n_rows = share * min(self.config.batch_size, self.source.n_rows - step * self.config.batch_size)
            for name, value in values.items():
                totals[name] = totals.get(name, 0) + value.detach().float() * n_rows
            if self.hooks.on_step and self.accelerator.is_main_process:
                self.hooks.on_step(self.epoch * n_steps + step + 1, self.config.epochs * n_steps)
        return {**self._means(totals), "lr": lr}

    def score(self, evaluate: EvaluateFn) -> dict[str, float]:
        """Evaluate without gradients; every process gets the same numbers, so that all stop together."""
        self.model.eval()
        with torch.no_grad():
            scores = evaluate(self.bare)
        values = torch.tensor(list(scores.values()), dtype=torch.float32, device=self.accelerator.device)
        return dict(zip(scores, self.accelerator.reduce(values, "mean").tolist(), strict=True))

    def finish_epoch(self, record: dict[str, float]) -> None:
        """Append the record, keep the best weights, hand out a checkpoint where one is due."""
        if not math.isfinite(record["loss"]):
            raise DataError(
                f"the loss of epoch {self.epoch} is not finite", next="lower the learning rate or use float32"
            )
        self.history = (*self.history, record)
        monitor = self.config.monitor
        if monitor and best_epoch(self.history, monitor) == self.epoch:
            self.best = to_cpu(self.bare.state_dict())
        self.epoch += 1
        if not self.accelerator.is_main_process:
            return
        if self.hooks.on_epoch:
            self.hooks.on_epoch(record)
        due = self.hooks.checkpoint_every and self.epoch % self.hooks.checkpoint_every == 0
        if self.hooks.on_checkpoint and due:
            self.hooks.on_checkpoint(self.epoch, self.snapshot())

    def snapshot(self) -> FitState:
        """Copy the whole state to the CPU."""
        scaler = self.accelerator.scaler
        return FitState(
            epoch=self.epoch,
            model=to_cpu(self.bare.state_dict()),
            optimizer=to_cpu(self.optimizer.state_dict()),
            history=self.history,
            best=self.best,
            scaler=dict(scaler.state_dict()) if scaler is not None else {},
        )

    def _set_lr(self, epoch: float) -> float:
        lr = lr_at(epoch, self.config.lr, self.config.warmup_epochs, self.config.epochs)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        return lr

    def _batch(self, step: int) -> tuple[dict[str, Tensor], float]:
        accelerator = self.accelerator
        batch, share = self.source.batch(
            self.config.batch_size, self.epoch, step, accelerator.process_index, accelerator.num_processes
        )
        return {name: tensor.to(accelerator.device) for name, tensor in batch.items()}, share

    def _means(self, totals: Mapping[str, Tensor]) -> dict[str, float]:
        stacked = self.accelerator.reduce(torch.stack(list(totals.values())), "sum") / self.source.n_rows
        return dict(zip(totals, stacked.tolist(), strict=True))


@contextmanager
def few_threads(model: nn.Module, compute: Compute) -> Iterator[None]:
    """Run a small network on one CPU thread: its sums then do not depend on the number of cores.

    It is faster too wherever the cores are shared, for its threads would mostly wait for each other (measured: 10 times
    on two busy cores).
    """
    before = torch.get_num_threads()
    small = sum(p.numel() for p in model.parameters()) < _SMALL
    if small and compute.device.type == "cpu":
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def make_accelerator(compute: Compute) -> Accelerator:
    """Make an Accelerator for a device and dtype that were decided elsewhere.

    Raises:
        ResourceError: Accelerate cannot use them.
    """
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState, PartialState  # type: ignore[import-untyped,unused-ignore]

    if not torch.distributed.is_initialized():
        # Accelerate keeps the first device and dtype of a process for ever; a second phase may be on others.
        AcceleratorState._reset_state()
        PartialState._reset_state()
        if compute.device.index is not None:
            torch.accelerator.set_device_index(compute.device.index)
    try:
        accelerator = Accelerator(cpu=compute.device.type == "cpu", mixed_precision=_PRECISION[compute.dtype])
    except (ValueError, RuntimeError, KeyError) as error:
        raise ResourceError(f"cannot train in {compute.dtype} on {compute.device}", why=str(error)) from error
    if accelerator.device.type != compute.device.type:
        raise ResourceError(f"Accelerate chose {accelerator.device}, not {compute.device}", next="see accelerate env")
    return accelerator


def to_cpu(state: Any) -> Any:
    """Copy a nest of dicts and lists, its tensors detached on the CPU."""
    if isinstance(state, Tensor):
        return state.detach().to("cpu", copy=True)
    if isinstance(state, Mapping):
        return {key: to_cpu(value) for key, value in state.items()}
    if isinstance(state, list | tuple):
        return type(state)(to_cpu(value) for value in state)
    return state
