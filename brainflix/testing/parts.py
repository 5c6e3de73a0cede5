"""The contract of parts as a test that anybody can run on a part; docs/plug-ins.md has an example.

`check_declared` is about what a part says of itself, `check_part` about what it does.
"""

from __future__ import annotations

import inspect
import pickle
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

from brainflix.errors import DataError
from brainflix.parts.contract import Inputs, Made, PartFunction
from brainflix.parts.part import Part
from brainflix.parts.stages import JOB_FACTS
from brainflix.parts.work import Work
from brainflix.store.manifest import plain_notes

ARGUMENTS = ("params", "inputs", "work")


def check_declared(part: Part, name: str) -> None:
    """Check what a part says of itself: its function's arguments, its parameters' class, its roles.

    Raises:
        DataError: it breaks the contract; says how.
    """
    for function in (part.load(), *part.load_fit()):
        found = tuple(inspect.signature(function).parameters)
        if found != ARGUMENTS:
            raise DataError(f"{name} takes {found}", why=f"a part takes {ARGUMENTS}")
    model = part.load_params()
    if not model.model_config.get("frozen"):
        raise DataError(f"parameters of {name} can be changed", why="a part is given them frozen, so that keys hold")
    if taken := sorted({*JOB_FACTS} & {*model.model_fields}):
        raise DataError(f"{name} has a parameter {taken[0]}", why="manifests use that name themselves")
    if part.needs is not None and (twice := sorted({*part.needs} & {*part.takes})):
        raise DataError(f"{name} both needs and may take the role {twice[0]}")


def check_part(
    part: PartFunction,
    params: BaseModel,
    inputs: Inputs,
    work: Work,
    folder: Path,
    *,
    makes: Mapping[str, str] | None = None,
) -> dict[str, Made]:
    """Do a job twice and check what comes of it; return what was made the first time, by the outputs' names.

    Both times the files must be the same to the byte, whatever was drawn from global generators in between; nothing is
    drawn from those; the inputs stay as they are; and notes have a text form.

    Args:
        part: the function.
        params: parameters of its own class.
        inputs: artifacts by role.
        work: whose job it is; its `seed` decides everything random.
        folder: empty; two copies of every output are written below it.
        makes: the outputs that the part declares, if it has further ones than the main one.

    Raises:
        DataError: the part breaks the contract; says how.
    """
    digests = {ref: _contents(path) for ref, path in _places(inputs).items()}
    states = _global_states()
    first = _saved(part, params, inputs, work, folder / "first", {"", *(makes or {})})
    if not all(_same(before(), after) for before, after in states):
        raise DataError("the part drew from a global random generator", why="everything random follows from work.seed")
    random.random(), np.random.random()
    _saved(part, params, inputs, work, folder / "second", {"", *(makes or {})})
    one, other = _contents(folder / "first"), _contents(folder / "second")
    if changed := sorted(path for path in {*one, *other} if one.get(path) != other.get(path)):
        raise DataError(f"a second run made another {changed[0]}", why="everything random follows from work.seed")
    for ref, path in _places(inputs).items():
        if _contents(path) != digests[ref]:
            raise DataError(f"the part changed its input {ref}", why="artifacts never change")
    return first


def _saved(
    part: PartFunction, params: BaseModel, inputs: Inputs, work: Work, folder: Path, names: set[str]
) -> dict[str, Made]:
    """Do the job and write its outputs, each below a folder of its own."""
    made = part(params, inputs, work)
    outputs = dict(made) if isinstance(made, Mapping) else {"": made}
    if set(outputs) != names:
        raise DataError(f"the part made the outputs {sorted(outputs)}", why=f"it declares {sorted(names)}")
    for name, output in outputs.items():
        if not isinstance(output, Made):
            raise DataError(f"a {type(output).__name__} cannot be saved", why="a part returns what has save(folder)")
        place = folder / (name or "main")
        place.mkdir(parents=True)
        notes = output.save(place)
        plain_notes(notes or {})
        if not any(place.rglob("*")):
            raise DataError(f"the output {name!r} has no files")
    return outputs


def _places(inputs: Inputs) -> dict[str, Path]:
    return {str(artifact.ref): artifact.path for artifacts in inputs.values() for artifact in artifacts}


def _contents(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every file below a folder, by its path in it."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _global_states() -> list[tuple[Callable[[], Any], Any]]:
    """Return the global random generators, each as what reads its state and the state that it is in."""
    import torch

    readers: list[Callable[[], Any]] = [
        random.getstate,
        lambda: pickle.dumps(np.random.get_state(legacy=False)),
        lambda: torch.get_rng_state().numpy().tobytes(),
    ]
    return [(read, read()) for read in readers]


def _same(before: Any, after: Any) -> bool:
    return bool(before == after)
