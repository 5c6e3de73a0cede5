"""Every part keeps the contract: what it says of itself, and, for those of a small world, what it does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel

from brainflix.device import pick_compute
from brainflix.errors import DataError
from brainflix.parts.contract import Noted
from brainflix.parts.find import find, own_parts
from brainflix.parts.part import Part
from brainflix.parts.work import Tools
from brainflix.store.schema import Predictions
from brainflix.store.store import Store
from brainflix.testing.parts import check_declared, check_part
from tests.parts_world import BOLD, TARGET, fill, job

FUNCTIONS = [(c, name) for c, parts in own_parts().items() if c != "dataset" for name in parts]
ROLES = {"rows": tuple(BOLD), "test": (BOLD[0],), "target": (TARGET,)}
MASKED = {"preset": "tiny", "epochs": 2, "width": 8, "depth": 1, "decoder_width": 8, "patch_size": 8}
DONE: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "ridge": ("regress", {}, ROLES),
    "masked-brain-modelling": ("train", MASKED, {"rows": tuple(BOLD)}),
}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    fill(store)
    return store


@pytest.mark.parametrize(("category", "name"), FUNCTIONS, ids=[" ".join(each) for each in FUNCTIONS])
def test_every_part_says_what_the_contract_asks(category: str, name: str) -> None:
    check_declared(find(category, name), name)


def checked(store: Store, part: Any, params: BaseModel | None, folder: Path, name: str = "ridge") -> Any:
    stage, given, roles = DONE[name]
    work = job(stage, name, "predictions", given, roles)
    inputs = {role: [store.open(ref) for ref in refs] for role, refs in roles.items()}
    tools = Tools(store, lambda: pick_compute("cpu", "float32"))
    return check_part(part, params or work.params, inputs, work.work(tools), folder)


@pytest.mark.parametrize("name", DONE)
def test_parts_do_what_the_contract_asks(store: Store, tmp_path: Path, name: str) -> None:
    made = checked(store, find(DONE[name][0], name).load(), None, tmp_path / "out", name)
    assert set(made) == {""}


def fine(params: Any, inputs: Any, work: Any) -> Noted:
    """Predict noise that follows from the seed."""
    values = np.random.default_rng(work.seed).normal(size=(2, 3))
    return Noted(Predictions(values, ("a", "b"), "targets/x@0123456789ab"), {"why": "a test"})


def test_a_part_of_another_package_passes(store: Store, tmp_path: Path) -> None:
    check_declared(Part(f"{__name__}:fine", None, "from elsewhere", package="delphi", version="1"), "fine")
    assert checked(store, fine, None, tmp_path / "out")[""].notes == {"why": "a test"}


def drawing(params: Any, inputs: Any, work: Any) -> Predictions:
    return Predictions(np.random.normal(size=(2, 3)), ("a", "b"), "targets/x@0123456789ab")


def counting(params: Any, inputs: Any, work: Any) -> Predictions:
    counting.calls = getattr(counting, "calls", 0) + 1  # type: ignore[attr-defined]
    return Predictions(np.full((2, 3), counting.calls), ("a", "b"), "targets/x@0123456789ab")  # type: ignore[attr-defined]


def meddling(params: Any, inputs: Any, work: Any) -> Noted:
    (inputs["target"][0].path / "more.txt").write_text("more")
    return fine(params, inputs, work)


def several(params: Any, inputs: Any, work: Any) -> dict[str, Noted]:
    return {"": fine(params, inputs, work), "more": fine(params, inputs, work)}


def nothing(params: Any, inputs: Any, work: Any) -> None:
    return None


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (drawing, "drew from a global random generator"),
        (counting, "a second run made another main/data.zarr"),
        (meddling, "changed its input targets/toy-clip"),
        (several, "it declares"),
        (nothing, "a NoneType cannot be saved"),
    ],
)
def test_a_part_that_breaks_the_contract_is_told_how(store: Store, tmp_path: Path, part: Any, words: str) -> None:
    with pytest.raises(DataError) as caught:
        checked(store, part, None, tmp_path / "out")
    assert words in str(caught.value)


def old(job: Any, inputs: Any, tools: Any) -> None:
    """Stand for a part of another signature."""


class Loose(BaseModel):
    dial: int = 1


def test_another_signature_and_parameters_that_change_are_refused() -> None:
    with pytest.raises(DataError, match="takes \\('job', 'inputs', 'tools'\\)"):
        check_declared(Part(f"{__name__}:old", None, "old"), "old")
    with pytest.raises(DataError, match="can be changed"):
        check_declared(Part(f"{__name__}:fine", Loose, "loose"), "loose")
