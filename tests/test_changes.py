"""`--set a.b=c` on a recipe as it is written: what it reaches, what it makes, what it refuses."""

from __future__ import annotations

import pytest

from brainflix.changes import HEAD, apply_change
from brainflix.errors import UsageError
from brainflix.recipe import Recipe

RAW = {
    "recipe": "r",
    "dataset": {"name": "demo", "subjects": [1]},
    "preprocess": {"part": "cc2017"},
    "regress": {"z": {"part": "ridge"}, "text": {"part": "ridge"}},
}


def test_the_head_is_what_a_recipe_has_beside_its_sections() -> None:
    assert {field.alias or name for name, field in Recipe.model_fields.items()} - {"steps"} == {*HEAD}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("regress.zz.alphas=[1]", ["no step regress.zz", "did you mean 'z'"]),
        ("regress.txet.inputs.rows=align", ["no step regress.txet", "did you mean 'text'"]),
        ("regress.alphas=[1]", ["no step regress.alphas", "known: text, z"]),
        ("steps.preprocess.top_n=5", ["no section 'steps'"]),
        ("schema_version=1", ["no section 'schema_version'", "did you mean 'schema'"]),
    ],
)
def test_changes_of_what_is_not_there_are_refused(change: str, words: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        apply_change(RAW, change)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_a_change_that_brings_a_part_makes_a_step() -> None:
    assert apply_change(RAW, "regress.new.part=mlp")["regress"]["new"] == {"part": "mlp"}
    assert apply_change(RAW, "regress.new={part: mlp, hidden: 3}")["regress"]["new"] == {"part": "mlp", "hidden": 3}
    assert apply_change({**RAW, "regress": {}}, "regress.part=mlp")["regress"] == {"part": "mlp"}
    assert apply_change(RAW, "preprocess.top_n=5")["preprocess"] == {"part": "cc2017", "top_n": 5}
    assert apply_change(RAW, "compat=glfa")["compat"] == "glfa"
