"""Checkpoints with a settings object: its class is neither looked for nor called, and what could act is refused."""

from __future__ import annotations

import argparse
import collections
import functools
import os
import pickle
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from brainflix.errors import IntegrityError, MissingError
from brainflix.io.legacy import load_checkpoint, load_pt

STATE = collections.OrderedDict(a=torch.arange(6.0).reshape(2, 3), b=torch.ones(2, dtype=torch.float16))


class Acts:
    """A value whose pickle calls something."""

    def __init__(self, call: Any, *arguments: Any) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self) -> Any:
        return self.call, self.arguments


def gone(name: str, attribute: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let a module hold something while it is pickled; it cannot be imported when the file is read."""
    module = types.ModuleType(name)
    monkeypatch.setitem(sys.modules, name, module)
    attribute.__module__, attribute.__qualname__ = name, attribute.__name__
    setattr(module, attribute.__name__, attribute)
    return attribute


def save(value: Any, path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    torch.save(value, path)
    monkeypatch.undo()
    return path


def settings(monkeypatch: pytest.MonkeyPatch, **attributes: Any) -> Any:
    kind = gone("config_of_old", type("Config_MBM_fMRI", (), {}), monkeypatch)
    made = kind()
    vars(made).update(attributes)
    return made


def test_a_settings_object_becomes_a_namespace_without_its_class(tmp_path, monkeypatch):
    trusted = set(torch.serialization.get_safe_globals())
    inner = settings(monkeypatch, path="/mnt/x")
    config = settings(monkeypatch, num_heads=16, mlp_ratio=1.0, focus_range=None, rates=(1, 2), inner=None)
    config.inner, inner.__class__ = inner, type(config)
    saved = {"model": STATE, "optimizer": {"state": {0: {"step": torch.tensor(3.0)}}}, "epoch": 499, "config": config}
    found = load_checkpoint(save(saved, tmp_path / "x.pth", monkeypatch))
    assert "config_of_old" not in sys.modules
    assert type(found["config"]) is types.SimpleNamespace
    plain = vars(found["config"])
    assert vars(plain.pop("inner")) == {"path": "/mnt/x"}
    assert plain == {"num_heads": 16, "mlp_ratio": 1.0, "focus_range": None, "rates": [1, 2]}
    assert found["epoch"] == 499 and found["optimizer"]["state"][0]["step"] == 3
    assert all(found["model"][name].equal(tensor) for name, tensor in STATE.items())
    with pytest.raises(IntegrityError):
        load_pt(tmp_path / "x.pth")
    # PyTorch's list of what it trusts is as it was.
    assert set(torch.serialization.get_safe_globals()) == trusted


def test_namespaces_of_the_standard_library_count_as_settings(tmp_path, monkeypatch):
    saved = {"model": dict(STATE), "config": argparse.Namespace(lr=2.5e-4)}
    assert vars(load_checkpoint(save(saved, tmp_path / "x.pth", monkeypatch))["config"]) == {"lr": 2.5e-4}


def attacks(mark: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    def harm(text: str) -> None:
        mark.write_text(text)

    unknown = gone("unknown_tool", harm, monkeypatch)
    initialised = gone("unknown_kind", type("Opened", (), {"__init__": lambda self, text: harm(text)}), monkeypatch)
    return {
        "os.system": Acts(os.system, f"touch {mark}"),
        "eval": Acts(eval, f"open({str(mark)!r}, 'w')"),
        "subprocess": Acts(subprocess.check_output, ["touch", str(mark)]),
        "partial": functools.partial(print),
        "a path": Path(mark),
        "an unknown function": Acts(unknown, "x"),
        "an unknown class with arguments": Acts(initialised, "x"),
        "a function as a value": unknown,
        "numpy": Acts(np.memmap, str(mark), "u1", "w+", 0, (9,)),
        "torch": Acts(torch.load, str(mark)),
        "in the settings": settings(monkeypatch, root=Acts(os.system, f"touch {mark}")),
        "in a nest": [{"x": (1, Acts(unknown, "x"))}],
    }


NAMES = (
    *("os.system", "eval", "subprocess", "partial", "a path", "an unknown function", "an unknown class with arguments"),
    *("a function as a value", "numpy", "torch", "in the settings", "in a nest"),
)


@pytest.mark.parametrize("attack", NAMES)
def test_what_could_act_is_refused_and_does_nothing(tmp_path, monkeypatch, attack):
    mark = tmp_path / "mark"
    value = attacks(mark, monkeypatch)[attack]
    path = save({"model": dict(STATE), "config": value}, tmp_path / "x.pth", monkeypatch)
    with pytest.raises(IntegrityError) as caught:
        load_checkpoint(path)
    assert caught.value.exit_code == 4 and not mark.exists() and "\n" not in str(caught.value)


def test_the_refusal_names_the_call(tmp_path, monkeypatch):
    for attack, name in (("os.system", f"{os.system.__module__}.system"), ("an unknown function", "unknown_tool.harm")):
        value = attacks(tmp_path / "mark", monkeypatch)[attack]
        save({"config": value}, tmp_path / "x.pth", monkeypatch)
        with pytest.raises(IntegrityError, match=f"holds a call to {name}") as caught:
            load_checkpoint(tmp_path / "x.pth")
        assert caught.value.why == "nothing was run"


def test_files_from_before_zip_archives(tmp_path, monkeypatch):
    torch.save(dict(STATE), tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    assert load_checkpoint(tmp_path / "old.pth")["a"].equal(STATE["a"])
    evil = {"a": Acts(os.system, f"touch {tmp_path / 'mark'}")}
    torch.save(evil, tmp_path / "evil.pth", _use_new_zipfile_serialization=False)
    (tmp_path / "bare.pth").write_bytes(pickle.dumps(evil))
    for name in ("evil.pth", "bare.pth"):
        with pytest.raises(IntegrityError):
            load_checkpoint(tmp_path / name)
    assert not (tmp_path / "mark").exists()


def test_damaged_and_absent_files_are_one_sentence(tmp_path, monkeypatch):
    whole = save({"model": {"a": torch.ones(5000)}}, tmp_path / "x.pth", monkeypatch).read_bytes()
    with pytest.raises(MissingError, match="no file at"):
        load_checkpoint(tmp_path / "absent.pth")
    for keep in (0, 3, 500, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.pth").write_bytes(whole[:keep])
        with pytest.raises(IntegrityError, match="not a readable checkpoint") as caught:
            load_checkpoint(tmp_path / "cut.pth")
        assert "\n" not in str(caught.value)
