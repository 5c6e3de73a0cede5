"""What settings promise holds in every stage: threads, device, progress, and nothing of it in the results."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from brainflix.align import methods
from brainflix.align.group_maps import GroupMaps
from brainflix.device import Compute
from brainflix.engine.run import make_tools, run_job
from brainflix.errors import DataError
from brainflix.parts.work import Tools
from brainflix.progress import Silent
from brainflix.regress import regressors as parts
from brainflix.regress.mlp import held_out_rows
from brainflix.regress.parts import RegressParams
from brainflix.settings import Settings
from brainflix.store.responses import Responses
from brainflix.store.store import Store
from brainflix.train import phases
from brainflix.trained.files import load_result
from tests.parts_world import BOLD, TARGET, call, fill, fit_job, job

RIDGE = job("regress", "ridge", "predictions", {}, {"rows": tuple(BOLD), "test": (BOLD[0],), "target": (TARGET,)})
ALIGN = fit_job(job("align", "ridge", "aligned", {}, {"bold": (BOLD[0],), "group": tuple(BOLD)}), "group")
MASKED = {"preset": "tiny", "epochs": 4, "width": 8, "depth": 1, "decoder_width": 8, "patch_size": 8}
MBM = job("train", "masked-brain-modelling", "model", MASKED, {"rows": tuple(BOLD)})
CONTRASTIVE = job(
    "train",
    "clip-contrastive",
    "model",
    {"preset": "tiny", "epochs": 9, "patience": 1, "lr": 0.5, "batch_size": 30},
    {"rows": tuple(BOLD), "start": (MBM.ref,), "embeddings": (TARGET,)},
)


class Heard(Silent):
    """Remembers what was counted, and whether the count was ended."""

    def __init__(self) -> None:
        self.counts: list[tuple[str, int, int]] = []
        self.ended = 0

    def track(self, items: Sequence[Any], what: str) -> Iterator[Any]:
        try:
            for done, item in enumerate(items, start=1):
                yield item
                self.counts.append((what, done, len(items)))
        finally:
            self.ended += 1


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path)
    fill(store)
    return store


@pytest.fixture
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("work", [RIDGE, ALIGN])
def test_linear_algebra_gets_the_threads_and_the_device(
    store: Store, threads: None, monkeypatch: pytest.MonkeyPatch, work: Any
) -> None:
    asked: list[str] = []
    module = parts if work is RIDGE else methods
    name = "fit_ridge" if work is RIDGE else "fit_ridge_map"
    real = getattr(module, name)

    def spy(*args: Any, **options: Any) -> Any:
        asked.append(f"{options['device']} with {torch.get_num_threads()} threads")
        return real(*args, **options)

    monkeypatch.setattr(module, name, spy)
    # The same device under another name, so that it cannot be mistaken for a default.
    run_job(work, store, make_tools(store, Settings(device="cpu:0", workers=3), Silent()))
    assert set(asked) == {"cpu:0 with 3 threads"}
    assert store.manifest(work.ref).device["name"] == "cpu:0"


def test_the_maps_of_a_group_are_fitted_once_and_read_by_every_subject(store: Store) -> None:
    tools = make_tools(store, Settings(device="cpu"), Silent())
    run_job(ALIGN, store, tools)
    maps = GroupMaps.load(store.open(ALIGN.ref))
    assert maps.subjects == tuple(map(str, BOLD)) and maps.n_shared_clips == 60
    for number, ref in enumerate(BOLD):
        own = job("align", "ridge", "aligned", {}, {"bold": (ref,), "fit": (ALIGN.ref,)})
        own = replace(own, ref=replace(own.ref, key=f"{number}" * 12))
        run_job(own, store, tools)
        found = Responses.load(store.open(own.ref)).response
        was = Responses.load(store.open(ref)).take_columns(maps.columns).response
        np.testing.assert_array_equal(found, maps.maps[number].apply(was).astype(np.float32))
    stranger = replace(own, inputs={"bold": (own.ref,), "fit": (ALIGN.ref,)}, ref=replace(own.ref, key="5" * 12))
    with pytest.raises(DataError, match="is not in its own group"):
        run_job(stranger, store, tools)


def test_predictions_are_made_on_the_device_too(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    real = parts.fit_ridge

    def spy(*args: Any, **options: Any) -> Any:
        fit = real(*args, **options)
        predict = fit.predict
        object.__setattr__(fit, "predict", lambda x, device="?": asked.append(str(device)) or predict(x, device=device))
        return fit

    monkeypatch.setattr(parts, "fit_ridge", spy)
    inputs = {role: [store.open(ref) for ref in refs] for role, refs in RIDGE.inputs.items()}
    call(parts.ridge, RIDGE, inputs, Tools(store, lambda: Compute(torch.device("cpu:0"), torch.float32, "")))
    assert asked == ["cpu:0"]


def test_rows_to_fit_on_are_in_the_order_of_the_film(store: Store) -> None:
    inputs = {role: [store.open(ref) for ref in refs] for role, refs in RIDGE.inputs.items()}
    problem = parts.gather(inputs, RegressParams(), make_tools(store, Settings(device="cpu"), Silent()))
    assert list(dict.fromkeys(problem.groups)) == [f"seg{n}" for n in range(1, 12)]
    assert set(problem.groups[held_out_rows(len(problem.x), 0.1, problem.groups)]) == {"seg10", "seg11"}
    # Words and rows stay together: each clip's rows of both subjects lie beside its target.
    target = store.open(TARGET).load("values")
    np.testing.assert_array_equal(problem.y[problem.of], np.repeat(target[:66], 2, axis=0))
    assert len(problem.y) == 66


def test_training_counts_its_epochs_also_after_a_kill(store: Store) -> None:
    heard = Heard()
    tools = replace(make_tools(store, Settings(device="cpu", checkpoint_epochs=2), Silent()), progress=heard)
    run_job(MBM, store, tools)
    assert heard.counts == [("epochs", done, 4) for done in (1, 2, 3, 4)] and heard.ended == 1
    heard.counts.clear()
    # The last checkpoint is that of epoch 4, so nothing is left to train.
    inputs = {"rows": [store.open(ref) for ref in BOLD]}
    longer = replace(MBM, params=MBM.params.model_copy(update={"epochs": 5}))
    call(phases.masked_phase, longer, inputs, tools)
    assert heard.counts == [("epochs", done, 5) for done in (1, 2, 3, 4, 5)]
    heard.counts.clear()
    run_job(CONTRASTIVE, store, tools)
    n_epochs = len(load_result(store.open(CONTRASTIVE.ref).path).history)
    assert heard.counts[-1] == ("epochs", n_epochs, 9) and n_epochs < 9
    assert heard.ended == 3


@pytest.mark.parametrize("recompute", [True, False])
def test_recomputing_reaches_the_network(store: Store, monkeypatch: pytest.MonkeyPatch, recompute: bool) -> None:
    seen: list[bool] = []
    real = phases.train_masked

    def spy(*args: Any, **options: Any) -> Any:
        seen.append(options["hooks"].recompute)
        return real(*args, **options)

    monkeypatch.setattr(phases, "train_masked", spy)
    run_job(MBM, store, make_tools(store, Settings(recompute=recompute, device="cpu"), Silent()))
    assert seen == [recompute]


def test_a_library_call_tells_the_hub_and_the_token_gets_into_no_file(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HF_HUB_OFFLINE", "HF_TOKEN"):
        monkeypatch.setenv(name, "")
    tools = make_tools(store, Settings(offline=True, token="hf_secret", device="cpu"), Silent())
    assert (os.environ["HF_HUB_OFFLINE"], os.environ["HF_TOKEN"]) == ("1", "hf_secret")
    run_job(RIDGE, store, tools)
    assert "hf_secret" not in repr(tools)
    assert "hf_secret" not in (store.path(RIDGE.ref) / "manifest.json").read_text()


def test_asking_for_the_device_does_not_import_the_model_libraries() -> None:
    code = (
        "import sys\nfrom brainflix.progress import Silent\nfrom brainflix.engine.run import make_tools\n"
        "from brainflix.settings import Settings\n"
        "from brainflix.store.store import Store\n"
        "tools = make_tools(Store('unused'), Settings(), Silent())\n"
        "assert 'torch' not in sys.modules\n"
        "tools.compute()\n"
        "assert not {'diffusers', 'transformers'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
