"""A toy data set and stages that take no time, so that the tests are of the command line and not of the science."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from brainflix.io.fetch.files import RemoteFile
from brainflix.parts.dataset import Access, Dataset
from brainflix.parts.find import Part
from brainflix.parts.params import Params
from brainflix.store.schema import write_json

RECIPE = """
recipe: toy
schema: 1
method: toy
dataset: {name: toy, subjects: [1, 2]}
preprocess: {part: toy-clean}
regress:
  a: {part: toy-fit, inputs: {rows: preprocess}}
  b: {part: toy-fit, inputs: {rows: "preprocess[all]"}}
evaluate: {part: toy-score, inputs: {predictions: [regress.a, regress.b]}}
"""
SCORES = {
    "ssim": {"value": 0.25, "chance": 0.125, "ci95": [0.2, 0.3], "p": 0.0005, "n": 24, "about": "", "unit": ""},
    "psnr": {"value": -3.5, "chance": None, "ci95": [None, None], "p": None, "n": 0, "about": "", "unit": "dB"},
}
#: The metrics that the toy protocol leads with.
PRIMARY: list[str] = []


class ToyParams(Params):
    """One dial."""

    dial: int = 1


class CleanParams(Params):
    """Two dials."""

    degree: int = 4
    weights: str = ""


def fetch(params: Mapping[str, Any], subject: int | None, folder: Path) -> None:
    """Write one small file."""
    (folder / "raw.txt").write_text(f"subject {subject}, dial {params['dial']}\n")


def files(params: Mapping[str, Any], subject: int | None) -> list[RemoteFile]:
    """Name one file whose size nobody knows and that only a person can bring, and one at an address."""
    return [RemoteFile(f"{subject}/by-hand.bin"), RemoteFile(f"{subject}/far.bin", "http://127.0.0.1:9/far.bin")]


def _dataset(name: str, access: Access, **source: str) -> Dataset:
    return Dataset(
        name=name,
        title="Toy brains",
        subjects=(1, 2),
        tr_s=2.0,
        clip_s=2.0,
        licence="CC0",
        access=access,
        source="this test",
        citation="",
        revision="toy-1",
        simulated=access == "embedded",
        stimulus_params=("dial",),
        **source,
    )


DATASET = _dataset("toy", "embedded", fetch="cheap:fetch")
REMOTE = _dataset("far", "open", fetch="cheap:fetch")
LISTED = _dataset("listed", "open", files="cheap:files")
PARTS = {
    "dataset": {
        "toy": Part("cheap:DATASET", ToyParams, "a toy"),
        "listed": Part("cheap:LISTED", ToyParams, "a toy whose files are named"),
        "far": Part("cheap:REMOTE", ToyParams, "a toy that lies far away"),
    },
    "preprocess": {"toy-clean": Part("cheap:fetch", CleanParams, "cleans nothing")},
    "regress": {"toy-fit": Part("cheap:fetch", ToyParams, "fits nothing")},
    "evaluate": {"toy-score": Part("cheap:fetch", ToyParams, "scores nothing")},
}


def stage_module(name: str, write: Any) -> ModuleType:
    """Return a stage whose artifacts `write(work, params, folder)` writes."""
    module = ModuleType(name)
    module.VERSION = 1  # type: ignore[attr-defined]
    module.run = lambda part, params, inputs, work: Written(write, work, params)  # type: ignore[attr-defined]
    return module


@dataclass
class Written:
    """What a stage of this test makes."""

    write: Any
    work: Any
    params: Any

    def save(self, folder: Path) -> None:
        self.write(self.work, self.params, folder)


def write_text(work: Any, params: Any, folder: Path) -> None:
    for item in work.progress.track(range(3), "clips"):
        (folder / f"{item}.txt").write_text(str(params.model_dump()))


def write_scores(work: Any, params: Any, folder: Path) -> None:
    write_json(folder / "scores.json", {"subject": work.subject, "primary": PRIMARY, "scores": SCORES})


def write_page(work: Any, params: Any, folder: Path) -> None:
    (folder / "index.html").write_text("<h1>toy</h1>")


STAGES = {"preprocess": write_text, "regress": write_text, "evaluate": write_scores, "report": write_page}
