"""Checkpoints in the store: whole, bound to their job, and enough to resume after a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from brainflix.store.refs import Ref
from brainflix.store.store import Store
from brainflix.train.checkpoints import checkpoint_hook, checkpoint_ref, latest_checkpoint, save_checkpoint
from brainflix.train.loop import FitState, Hooks
from brainflix.train.masked import train_masked
from brainflix.trained.files import TrainResult
from tests.train.worlds import MASKED, make_world

JOB = Ref("model", "demo-sub-1.mbm", "0123456789ab")
OTHER_JOB = Ref("model", "demo-sub-1.mbm", "ba9876543210")


def some_state(epoch: int, best: bool = True) -> FitState:
    optimizer = {
        "state": {0: {"step": torch.tensor(4.0 * epoch), "exp_avg": torch.full((2, 3), epoch / 7)}},
        "param_groups": [{"lr": 0.1 / 3, "betas": (0.9, 0.95), "foreach": None, "amsgrad": False, "params": [0]}],
    }
    history = tuple({"epoch": float(i), "loss": 1 / (3 + i)} for i in range(epoch))
    weights = {"w": torch.randn(2, 3, generator=torch.Generator().manual_seed(epoch)), "positions": torch.arange(4)}
    return FitState(epoch, weights, optimizer, history, {"w": torch.ones(2, 3)} if best else {}, {"scale": 65536.0})


def publish(store: Store, job: Ref, epoch: int) -> Ref:
    checkpoint_hook(store, job, {"width": 8})(epoch, some_state(epoch))
    return checkpoint_ref(job, epoch)


@pytest.mark.parametrize("best", [True, False])
def test_a_checkpoint_comes_back_as_it_was(tmp_path: Path, best: bool) -> None:
    store, state = Store(tmp_path), some_state(3, best)
    checkpoint_hook(store, JOB, {"width": 8})(3, state)
    found = latest_checkpoint(store, JOB)
    assert found is not None and found.config == {"width": 8}
    back = found.state
    assert (back.epoch, back.history, back.scaler) == (3, state.history, state.scaler)
    assert back.model.keys() == state.model.keys() and all(back.model[k].equal(state.model[k]) for k in state.model)
    assert back.best.keys() == state.best.keys() and all(back.best[k].equal(state.best[k]) for k in state.best)
    slot, own = back.optimizer["state"][0], state.optimizer["state"][0]
    assert slot["step"].equal(own["step"]) and slot["exp_avg"].equal(own["exp_avg"])
    assert back.optimizer["param_groups"] == state.optimizer["param_groups"]
    assert isinstance(back.optimizer["param_groups"][0]["betas"], tuple)


def test_it_holds_no_pickle_and_says_whose_it_is(tmp_path: Path) -> None:
    store = Store(tmp_path)
    ref = publish(store, JOB, 2)
    assert (ref.kind, ref.name) == ("model", "demo-sub-1.mbm.ckpt")
    files = {path.name for path in store.path(ref).iterdir()}
    expected = {"model.safetensors", "optimizer.safetensors", "best.safetensors", "config.json", "state.json"}
    assert files == expected | {"manifest.json"}
    assert store.open(ref).manifest.parameters == {"job_key": JOB.key, "epoch": 2}


def test_a_checkpoint_of_another_job_is_never_picked(tmp_path: Path) -> None:
    store = Store(tmp_path)
    publish(store, OTHER_JOB, 9)
    assert latest_checkpoint(store, JOB) is None
    publish(store, JOB, 2)
    found = latest_checkpoint(store, JOB)
    assert found is not None and found.state.epoch == 2
    assert checkpoint_ref(JOB, 2) != checkpoint_ref(OTHER_JOB, 2)


def test_long_names_are_cut_without_mixing_jobs(tmp_path: Path) -> None:
    store = Store(tmp_path)
    first, second = Ref("model", "n" * 63 + "a", "0" * 12), Ref("model", "n" * 63 + "b", "1" * 12)
    publish(store, first, 1)
    assert latest_checkpoint(store, second) is None
    assert latest_checkpoint(store, first) is not None


def test_the_furthest_epoch_wins_whatever_was_written_last(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for epoch in (2, 10, 4):
        publish(store, JOB, epoch)
    found = latest_checkpoint(store, JOB)
    assert found is not None and found.state.epoch == 10


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove"])
def test_a_damaged_checkpoint_is_passed_over(tmp_path: Path, damage: str) -> None:
    store = Store(tmp_path)
    publish(store, JOB, 1)
    weights = store.path(publish(store, JOB, 2)) / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.chmod(0o644)
    if damage == "remove":
        weights.unlink()
    else:
        weights.write_bytes(bytes(content if damage == "flip" else content[:-5]))
    found = latest_checkpoint(store, JOB)
    assert found is not None and found.state.epoch == 1


def test_publishing_twice_keeps_the_first(tmp_path: Path) -> None:
    store = Store(tmp_path)
    ref = publish(store, JOB, 1)
    again = save_checkpoint(store, JOB, 1, {"w": torch.zeros(1)}, {}, {})
    found = latest_checkpoint(store, JOB)
    assert again == ref and found is not None and found.state.model["w"].shape == (2, 3)


SCRIPT = """
import os, signal, sys
from brainflix.store.store import Store
from brainflix.train.checkpoints import checkpoint_hook
from brainflix.train.loop import Hooks
from brainflix.train.masked import train_masked
from tests.train.test_checkpoints import JOB
from tests.train.worlds import MASKED, make_world

def die(record):
    if record["epoch"] == 4:
        os.kill(os.getpid(), signal.SIGKILL)

hook = checkpoint_hook(Store(sys.argv[1]), JOB, {})
train_masked(make_world().rows, MASKED, seed=3, hooks=Hooks(on_checkpoint=hook, checkpoint_every=2, on_epoch=die))
"""


def test_after_kill_9_training_resumes_to_the_same_bits(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]
    found = latest_checkpoint(Store(tmp_path), JOB)
    assert found is not None and found.state.epoch == 4

    def train(hooks: Hooks) -> TrainResult:
        return train_masked(make_world().rows, MASKED, seed=3, hooks=hooks)

    resumed, whole = train(Hooks(resume=found.state)), train(Hooks())
    assert resumed.history == whole.history
    assert all(value.equal(whole.state[name]) for name, value in resumed.state.items())
