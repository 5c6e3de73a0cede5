from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cheap
import pytest

from brainflix.cli.app import invoke
from brainflix.parts import find as registry
from brainflix.store.store import Store


@dataclass(frozen=True)
class Said:
    """What a command left: exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


Run = Callable[..., Said]


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the recipe toy.yaml, and with stages that take no time."""
    for category, parts in cheap.PARTS.items():
        for name, part in parts.items():
            monkeypatch.setitem(registry.own_parts()[category], name, part)
    for stage, write in cheap.STAGES.items():
        name = f"brainflix.{stage}.stage"
        monkeypatch.setitem(sys.modules, name, cheap.stage_module(name, write))
    for name in ("STORE", "OFFLINE", "TOKEN", "DEVICE"):
        monkeypatch.delenv(f"BRAINFLIX_{name}", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "toy.yaml").write_text(cheap.RECIPE)
    yield tmp_path


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The store that the environment names, in the folder where commands run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BRAINFLIX_STORE", str(tmp_path / "store"))
    return Store(tmp_path / "store")


@pytest.fixture
def no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a network, downloaded weights or anything cached, whatever the tester's has."""
    monkeypatch.setenv("BRAINFLIX_OFFLINE", "1")
    monkeypatch.setenv("BRAINFLIX_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    for package in ("torchvision", "lpips"):
        monkeypatch.setitem(sys.modules, package, None)


@pytest.fixture
def brainflix(capfd: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Run `brainflix …` in this process, and put the environment back that it may change."""
    before = dict(os.environ)

    def run(*arguments: str) -> Said:
        capfd.readouterr()
        code = invoke(arguments)
        out, err = capfd.readouterr()
        return Said(code, out, err)

    yield run
    os.environ.clear()
    os.environ.update(before)
