"""The part `masked-brain-modelling`: with the role `start` it goes on from that network."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from brainflix.device import CPU
from brainflix.errors import DataError
from brainflix.parts.work import Work
from brainflix.store.refs import Ref
from brainflix.store.store import Store
from brainflix.train import phases
from brainflix.train.masked import train_masked
from brainflix.train.parts import MaskedParams
from brainflix.trained.files import TrainResult
from tests.train.worlds import MASKED, make_world


def run_phase(store: Path, inputs: dict[str, list[SimpleNamespace]], **changes: object) -> TrainResult:
    """Run the part for no epoch, so that the network is the one that it began with."""
    params = MaskedParams.model_validate(MASKED.model_dump() | {"epochs": 0, "warmup_epochs": 0} | changes)
    work = Work(Store(store), lambda: CPU, ref=Ref("model", "x", "0" * 12), seed=8)
    return phases.masked_phase(params, inputs, work)  # type: ignore[arg-type]


def test_start_is_where_training_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = make_world().rows
    monkeypatch.setattr(phases, "pooled_rows", lambda artifacts, split, params: (rows, None))
    first = train_masked(rows, MASKED.model_copy(update={"epochs": 1, "warmup_epochs": 0}), seed=3)
    first.save(tmp_path)
    given = {"rows": [], "start": [SimpleNamespace(path=tmp_path)]}
    fresh, tuned = run_phase(tmp_path / "store", {"rows": []}), run_phase(tmp_path / "store", given)
    assert all(tuned.state[name].equal(first.state[name]) for name in first.state)
    assert not all(fresh.state[name].equal(first.state[name]) for name in first.state)
    with pytest.raises(DataError, match="do not fit"):
        run_phase(tmp_path / "store", given, depth=3)
