"""The door of preprocess: the named part runs, and what cannot work is refused while planning."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from brainflix.datasets.cc2017 import rows as parts
from brainflix.datasets.cc2017.parts import Cc2017Params
from brainflix.engine.plan import make_plan
from brainflix.errors import DataError, UsageError
from brainflix.parts import find as registry
from brainflix.parts.params import Params
from brainflix.parts.work import Tools, Work
from brainflix.recipe.files import load_recipe
from brainflix.store.artifact import Artifact
from brainflix.store.publish import Staging
from brainflix.store.schema import Clips, Responses
from brainflix.store.store import Store
from tests.parts_world import call, do, job

TINY = Path(__file__).parents[1] / "recipes" / "tiny.yaml"
CLIPS = Clips(ids=("a", "b"), segment=("s", "s"), onset_s=np.arange(2.0), split=np.zeros(2), caption=("", ""))
RESPONSES = Responses(
    response=np.ones((2, 3)),
    clip=np.arange(2),
    repeat=np.zeros(2, int),
    run=np.zeros(2, int),
    run_names=("s_1",),
    clips=CLIPS,
    area=("V1", "V1", "V2"),
    structure=("left",) * 3,
    index=np.arange(3),
    masks={"selected": np.array([True, True, False])},
)


class FakeParams(Params):
    n_betas: int = 1


def tools(folder: Path) -> Tools:
    return Tools(Store(folder / "store"), lambda: pytest.fail("no device"))


def run(folder: Path, monkeypatch: pytest.MonkeyPatch, responses: Responses) -> tuple[list[Any], Staging]:
    seen: list[Any] = []

    def fake(params: FakeParams, inputs: dict[str, list[Artifact]], work: Work) -> Responses:
        seen.append((work.subject, params))
        return responses

    place = f"{__name__}:fake"
    monkeypatch.setitem(registry.own_parts()["preprocess"], "fake", registry.Part(place, FakeParams, "fake"))
    monkeypatch.setattr("brainflix.parts.part.load", {place: fake, f"{__name__}:FakeParams": FakeParams}.get)
    made = job("preprocess", "fake", "bold", {"n_betas": 4}, {})
    out = Staging(made.ref, folder)
    do(made, {}, out, tools(folder))
    return seen, out


def test_the_part_that_the_recipe_names_is_the_one_that_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen, out = run(tmp_path, monkeypatch, RESPONSES)
    assert seen == [(1, FakeParams(n_betas=4))]
    assert out.notes == {"n_selected": 2, "n_grayordinates": 3, "n_runs": 1}
    assert (tmp_path / "data.zarr" / "response").is_dir()


def test_a_part_that_selects_nothing_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="'fake' gave no mask 'selected'"):
        run(tmp_path, monkeypatch, replace(RESPONSES, masks={}))


def test_a_step_of_no_subject_is_a_sentence(tmp_path: Path) -> None:
    of_none = replace(job("preprocess", "cc2017", "bold", {}, {}), subject=None)
    with pytest.raises(UsageError, match="one subject"):
        call(parts.cc2017, of_none, {}, tools(tmp_path))


@pytest.mark.parametrize("rule", ["top", "top-clipped"])
def test_rules_by_rank_without_a_number_fail_while_planning(rule: str, tmp_path: Path) -> None:
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY.read_text().replace(", select: top, top_n: 64", f", select: {rule}"))
    recipe = load_recipe(str(path))
    with pytest.raises(UsageError, match=rf"preprocess\.top_n: .*select: {rule} needs top_n"):
        make_plan(recipe, Store(tmp_path / "store"))
    assert Cc2017Params(select=rule, top_n=5).top_n == 5
    assert Cc2017Params().top_n is None
