"""The loop against a hand-written one, its early stop, and exact resuming."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from brainflix.device import Compute
from brainflix.errors import DataError
from brainflix.models.weights import init_weights
from brainflix.train.data import RowSource, epoch_order, step_noise
from brainflix.train.loop import FitState, Hooks, LoopConfig, best_epoch, fit
from brainflix.train.schedule import lr_at

CONFIG = LoopConfig(epochs=6, warmup_epochs=2, batch_size=8, lr=0.02, clip_norm=0.5)


class Killed(Exception):
    """Stands for the process being killed."""


def network(seed: int = 0) -> nn.Module:
    model = nn.Sequential(nn.Linear(5, 7), nn.GELU(), nn.LayerNorm(7), nn.Linear(7, 1))
    init_weights(model, torch.Generator().manual_seed(seed))
    return model


def source(seed: int = 0) -> RowSource:
    draw = torch.Generator().manual_seed(9)
    x = torch.randn(30, 5, generator=draw)
    return RowSource({"x": x, "y": x.prod(dim=1, keepdim=True)}, seed, {"noise": 5})


def noisy_square(model: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
    loss = (model(batch["x"] + 0.1 * batch["noise"]) - batch["y"]).square().mean()
    return {"loss": loss, "double": 2 * loss}


def same(a: FitState, b: FitState) -> bool:
    tensors = all(a.model[name].equal(b.model[name]) for name in b.model) and a.model.keys() == b.model.keys()
    best = all(a.best[name].equal(b.best[name]) for name in b.best) and a.best.keys() == b.best.keys()
    moments = all(
        value.equal(b.optimizer["state"][index][name])
        for index, slot in a.optimizer["state"].items()
        for name, value in slot.items()
    )
    groups = a.optimizer["param_groups"] == b.optimizer["param_groups"]
    return tensors and best and moments and groups and a.history == b.history


def test_it_is_adamw_with_warm_up_clipping_and_no_decay_on_vectors() -> None:
    state = fit(network(), noisy_square, source(), CONFIG)
    model, data = network(), source().tensors
    matrices = [p for p in model.parameters() if p.ndim == 2]
    vectors = [p for p in model.parameters() if p.ndim == 1]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.05}, {"params": vectors, "weight_decay": 0.0}], betas=(0.9, 0.95)
    )
    for epoch in range(6):
        losses = []
        for step in range(4):
            rows = torch.from_numpy(epoch_order(30, 0, epoch)[step * 8 : step * 8 + 8].copy())
            noise = torch.from_numpy(step_noise(0, epoch, step, "noise", (len(rows), 5)))
            loss = (model(data["x"][rows] + 0.1 * noise) - data["y"][rows]).square().mean()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 0.5)
            for group in optimizer.param_groups:
                group["lr"] = lr_at(epoch + step / 4, 0.02, 2, 6)
            optimizer.step()
            losses += [loss.item()] * len(rows)
        assert state.history[epoch]["loss"] == pytest.approx(sum(losses) / 30, rel=1e-5)
        assert state.history[epoch]["double"] == pytest.approx(2 * sum(losses) / 30, rel=1e-5)
    for name, value in model.state_dict().items():
        assert torch.allclose(state.model[name], value, atol=1e-6)
    assert state.history[-1]["loss"] < state.history[0]["loss"]
    assert [record["epoch"] for record in state.history] == [0, 1, 2, 3, 4, 5]


def test_a_killed_run_that_resumes_ends_bit_for_bit_like_one_that_was_not() -> None:
    config = replace(CONFIG, monitor="score")

    def evaluate(model: nn.Module) -> dict[str, float]:
        with torch.no_grad():
            return {"score": float(model(source().tensors["x"]).std())}

    whole = fit(network(), noisy_square, source(), config, evaluate=evaluate)
    saved: dict[int, FitState] = {}

    def die(record: Mapping[str, float]) -> None:
        if record["epoch"] == 4:
            raise Killed

    hooks = Hooks(on_checkpoint=saved.__setitem__, checkpoint_every=2, on_epoch=die)
    with pytest.raises(Killed):
        fit(network(), noisy_square, source(), config, evaluate=evaluate, hooks=hooks)
    assert sorted(saved) == [2, 4]
    for state in saved.values():
        # Other initial weights: whatever the checkpoint does not hold would show.
        resumed = fit(network(5), noisy_square, source(), config, evaluate=evaluate, hooks=Hooks(resume=state))
        assert same(resumed, whole)
    assert not same(fit(network(), noisy_square, source(1), config, evaluate=evaluate), whole)


def test_a_checkpoint_is_a_copy_that_later_steps_leave_alone() -> None:
    saved: dict[int, FitState] = {}
    fit(network(), noisy_square, source(), CONFIG, hooks=Hooks(on_checkpoint=saved.__setitem__, checkpoint_every=3))
    short = fit(network(), noisy_square, source(), CONFIG, hooks=Hooks(resume=saved[3]))
    assert not saved[3].model["0.weight"].equal(short.model["0.weight"])
    assert saved[3].optimizer["state"][0]["step"].item() == 3 * 4


def test_global_random_state_is_neither_read_nor_written() -> None:
    model, before = network(), torch.get_rng_state()
    first = fit(model, noisy_square, source(), CONFIG)
    assert torch.get_rng_state().equal(before)
    torch.rand(3)
    assert same(fit(network(), noisy_square, source(), CONFIG), first)


def test_early_stop_keeps_the_best_epoch() -> None:
    scores = iter([0.1, 0.5, 0.4, 0.5, 0.3, 0.9])
    weights: list[Tensor] = []

    def evaluate(model: nn.Module) -> dict[str, float]:
        weights.append(model.state_dict()["0.weight"].clone())
        return {"score": next(scores)}

    state = fit(network(), noisy_square, source(), replace(CONFIG, monitor="score", patience=3), evaluate=evaluate)
    assert state.epoch == 5
    assert state.best["0.weight"].equal(weights[1])
    assert not state.model["0.weight"].equal(weights[1])
    again = fit(
        network(),
        noisy_square,
        source(),
        replace(CONFIG, monitor="score", patience=3),
        evaluate=evaluate,
        hooks=Hooks(resume=state),
    )
    assert again.epoch == 5  # a run that had stopped does not start again


def test_best_epoch_is_the_first_of_the_highest() -> None:
    assert best_epoch(({"s": 1.0}, {"s": 3.0}, {"s": 3.0}), "s") == 1
    assert best_epoch((), "s") == -1


def test_a_small_network_gives_the_same_bits_on_any_number_of_threads() -> None:
    before = torch.get_num_threads()
    used: list[int] = []

    def watched(model: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        used.append(torch.get_num_threads())
        return noisy_square(model, batch)

    try:
        torch.set_num_threads(2)
        fit(network(), watched, source(), CONFIG)
        assert set(used) == {1}
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_progress_counts_every_step() -> None:
    seen: list[tuple[int, int]] = []
    fit(network(), noisy_square, source(), CONFIG, hooks=Hooks(on_step=lambda done, of: seen.append((done, of))))
    assert seen == [(i + 1, 24) for i in range(24)]


def test_a_loss_that_is_not_finite_stops_the_run() -> None:
    def broken(model: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {"loss": noisy_square(model, batch)["loss"] * math.nan}

    with pytest.raises(DataError, match="not finite"):
        fit(network(), broken, source(), CONFIG)


def test_precision_may_change_between_runs_of_one_process() -> None:
    exact = fit(network(), noisy_square, source(), CONFIG)
    half = fit(network(), noisy_square, source(), CONFIG, compute=Compute(torch.device("cpu"), torch.bfloat16, "test"))
    assert half.model["0.weight"].dtype == torch.float32
    assert half.history[-1]["loss"] == pytest.approx(exact.history[-1]["loss"], rel=0.1)
    assert half.history != exact.history
    assert same(fit(network(), noisy_square, source(), CONFIG), exact)


SCRIPT = """
import sys
import torch
from safetensors.torch import save_file
from tests.train.test_loop import CONFIG, network, noisy_square, source
from brainflix.train.loop import Hooks, fit
saved = []
state = fit(network(), noisy_square, source(), CONFIG, hooks=Hooks(on_epoch=lambda r: saved.append(r["loss"])))
if saved:
    save_file({**state.model, "losses": torch.tensor(saved)}, sys.argv[1])
if torch.distributed.is_initialized():
    assert torch.distributed.get_world_size() == 2
    torch.distributed.destroy_process_group()
"""


def test_two_processes_under_accelerate_launch_train_the_same_network(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    script, out = tmp_path / "job.py", tmp_path / "out.safetensors"
    script.write_text(SCRIPT)
    root = Path(__file__).parents[2]
    command = [
        sys.executable,
        "-m",
        "accelerate.commands.launch",
        "--cpu",
        "--num_processes",
        "2",
        "--num_machines",
        "1",
    ]
    command += ["--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0", str(script), str(out)]
    environment = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    two, one = load_file(out), fit(network(), noisy_square, source(), CONFIG)
    assert two.pop("losses").tolist() == pytest.approx([record["loss"] for record in one.history], rel=1e-4)
    assert all(torch.allclose(value, one.model[name], atol=1e-4) for name, value in two.items())
