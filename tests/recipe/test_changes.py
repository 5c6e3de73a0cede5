"""`--set a.b=c` on a recipe as it is written: what it reaches, what it makes, what it refuses."""

from __future__ import annotations

import pytest

from brainflix.errors import UsageError
from brainflix.recipe.changes import HEAD, apply_change, apply_preset
from brainflix.recipe.schema import Recipe

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


SMALL = {
    "dataset": {"name": "demo", "subjects": [2]},
    "regress.text": None,
    "regress.z.n_folds": 2,
    "align": {"part": "none"},
}
PRESETS = {"tiny": SMALL}


def test_a_preset_is_its_changes_in_order_under_a_name_of_its_own() -> None:
    small = apply_preset({**RAW, "presets": PRESETS}, "tiny")
    assert small == {
        "recipe": "r-tiny",
        "dataset": {"name": "demo", "subjects": [2]},
        "preprocess": {"part": "cc2017"},
        "regress": {"z": {"part": "ridge", "n_folds": 2}},
        "align": {"part": "none"},
    }
    assert apply_preset({**RAW, "presets": PRESETS}, None) == RAW


@pytest.mark.parametrize(
    ("presets", "words"),
    [
        (PRESETS, ["no preset 'tinny'", "did you mean 'tiny'"]),
        ({}, ["no preset 'tinny'", "it has none"]),
        ({"tinny": {"regress.txet.part.x": 1}}, ["no step regress.txet"]),
        ({"tinny": {"steps.z": 1}}, ["no section 'steps'"]),
        ({"tinny": [1]}, ["presets is a mapping"]),
    ],
)
def test_a_preset_that_does_not_fit_is_refused(presets: object, words: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        apply_preset({**RAW, "presets": presets}, "tinny")
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_null_takes_a_step_away_and_a_parameter_to_none() -> None:
    assert apply_change(RAW, "regress.text=null")["regress"] == {"z": {"part": "ridge"}}
    assert "preprocess" not in apply_change(RAW, "preprocess=null")
    assert apply_change(RAW, "preprocess.top_n=null")["preprocess"] == {"part": "cc2017", "top_n": None}
    assert apply_change(RAW, "regress.z.alphas=null")["regress"]["z"] == {"part": "ridge", "alphas": None}
