"""Recipes: what is read, what is refused, what a change does."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from brainflix.errors import IntegrityError, Renamed, UsageError
from brainflix.recipe.changes import apply_change
from brainflix.recipe.files import find_recipe, list_recipes, load_recipe
from brainflix.recipe.schema import Source, parse_recipe

BASE = {"recipe": "r", "dataset": {"name": "demo", "subjects": [1]}, "preprocess": {"part": "cc2017", "alpha": 0.01}}


def test_one_step_sections_and_named_steps_are_the_same_thing() -> None:
    recipe = parse_recipe({**BASE, "align": {"a": {"part": "none"}, "b": {"part": "ridge"}}})
    assert recipe.steps["preprocess"][""].params == {"alpha": 0.01}
    assert list(recipe.steps["align"]) == ["a", "b"]
    assert recipe.steps["align"]["a"].inputs["group"] == (Source(stage="preprocess", subjects="all"),)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("align", Source(stage="align")),
        ("train.mbm", Source(stage="train", step="mbm")),
        ("align.group[others]", Source(stage="align", step="group", subjects="others")),
        ("align[1, 2]", Source(stage="align", subjects=(1, 2))),
    ],
)
def test_sources(text: str, expected: Source) -> None:
    assert Source.parse(text) == expected


@pytest.mark.parametrize("text", ["", "nothing.x", "align[", "align.a.b", "align[x1]"])
def test_bad_sources_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Source.parse(text)


def test_unknown_fields_get_a_suggestion() -> None:
    with pytest.raises(UsageError, match="did you mean 'preprocess'"):
        parse_recipe({**BASE, "preproces": {}})


@pytest.mark.parametrize(
    "text",
    ["a: &x [1]\nb: *x", "- just\n- a list", "recipe: [", "\xff"],
)
def test_dangerous_or_broken_yaml_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(UsageError):
        load_recipe(str(path))


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.system", "!!python/name:os.system", "!Mine"])
def test_a_yaml_tag_is_refused_and_does_nothing(tmp_path: Path, tag: str) -> None:
    path, mark = tmp_path / "bad.yaml", tmp_path / "mark"
    path.write_text(f"recipe: {tag} ['touch {mark}']\n")
    with pytest.raises(IntegrityError, match="YAML tag") as caught:
        load_recipe(str(path))
    assert caught.value.exit_code == 4 and not mark.exists()


def test_a_huge_recipe_is_refused(tmp_path: Path) -> None:
    (tmp_path / "big.yaml").write_text("#" * 300_000)
    with pytest.raises(UsageError, match="larger"):
        load_recipe(str(tmp_path / "big.yaml"))


def test_changes_reach_any_depth_and_keep_the_rest() -> None:
    changed = apply_change(apply_change(BASE, "dataset.snr=0.5"), "preprocess.alpha=1e-3")
    assert changed["dataset"] == {"name": "demo", "subjects": [1], "snr": 0.5}
    # YAML 1.1 reads 1e-3 as text; pydantic turns it into a number where one is wanted.
    assert float(changed["preprocess"]["alpha"]) == 1e-3
    assert BASE["preprocess"] == {"part": "cc2017", "alpha": 0.01}


@pytest.mark.parametrize("change", ["alpha", "=3", "preproces.alpha=1", "recipe.x=1"])
def test_bad_changes_are_refused(change: str) -> None:
    with pytest.raises(UsageError):
        apply_change(BASE, change)


def test_recipes_are_found_by_name_and_typos_are_answered() -> None:
    assert "demo" in list_recipes()
    assert find_recipe("demo").name == "demo.yaml"
    with pytest.raises(UsageError, match="did you mean 'demo'"):
        find_recipe("dmeo")
    for path in ("./dmeo", "dmeo.yaml"):
        with pytest.raises(UsageError, match="did you mean 'demo'"):
            find_recipe(path)


def test_of_an_unknown_path_the_nearest_file_beside_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "my-study.yaml").write_text("recipe: r\n")
    with pytest.raises(UsageError, match=r"did you mean '.*/my-study\.yaml'") as caught:
        find_recipe(str(tmp_path / "my-sutdy.yaml"))
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("name", ["a" * 5000, "a\0b", "nowhere/" * 1000, "", ".", "/", "recipes"])
def test_what_is_no_path_at_all_is_an_unknown_recipe(name: str) -> None:
    with pytest.raises(UsageError, match="no recipe") as caught:
        load_recipe(name)
    assert len(str(caught.value)) < 1000


@given(st.floats(1e-6, 0.5), st.integers(0, 8), st.lists(st.integers(1, 3), min_size=1, max_size=3, unique=True))
def test_yaml_round_trip(alpha: float, degree: int, subjects: list[int]) -> None:
    raw = {
        "recipe": "r",
        "dataset": {"name": "demo", "subjects": subjects},
        "preprocess": {"part": "cc2017", "alpha": alpha, "detrend_degree": degree},
    }
    assert parse_recipe(yaml.safe_load(yaml.safe_dump(raw))) == parse_recipe(raw)


@pytest.mark.parametrize("inputs", [None, "", "align", 5, ["align"], True])
def test_inputs_that_are_no_mapping_are_refused_with_their_step(inputs: object) -> None:
    with pytest.raises(UsageError, match=r"^recipe: regress\.z\.inputs is a mapping of roles"):
        parse_recipe({**BASE, "regress": {"z": {"part": "ridge", "inputs": inputs}}})


@pytest.mark.parametrize("source", [None, "", 5, [5], [None], {"a": 1}, [["align"]], "nowhere", ["align[none]"]])
def test_a_source_that_is_none_is_refused_with_its_step_and_role(source: object) -> None:
    with pytest.raises(UsageError, match=r"^recipe: regress\.z\.inputs\.rows"):
        parse_recipe({**BASE, "regress": {"z": {"part": "ridge", "inputs": {"rows": source}}}})


def test_an_empty_list_is_a_role_that_is_not_given() -> None:
    recipe = parse_recipe({**BASE, "evaluate": {"part": "strict", "inputs": {"videos": "reconstruct", "oracle": []}}})
    assert list(recipe.steps["evaluate"][""].inputs) == ["videos"]


def test_a_section_called_steps_is_refused() -> None:
    with pytest.raises(UsageError, match="no section steps"):
        parse_recipe({**BASE, "steps": {"preprocess": {"top_n": 5}}})


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "align", "ridge", "part", "others"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["part", "inputs", "subjects", "rows", "params", "z", 3]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.sampled_from(["recipe", "dataset", "regress", "steps", "compat", "seed"]), ANYTHING)
def test_whatever_stands_in_a_place_a_recipe_or_a_usage_error_comes_out(place: str, value: object) -> None:
    try:
        parse_recipe({**BASE, place: value})
    except UsageError as error:
        assert error.exit_code == 2


def test_old_names_are_read_with_a_line_that_says_the_new() -> None:
    for old in ("cc2017-mindvideo", "recipes/cc2017-mindvideo.yaml"):
        with pytest.warns(Renamed, match="is now called cc2017--as-mindvideo"):
            assert load_recipe(old).recipe == "cc2017--as-mindvideo"
    with pytest.warns(Renamed, match="is now called brain-netflix-cc2017"):
        assert load_recipe("recipes/brain-netflix-cc2017.yaml").recipe == "brain-netflix-cc2017"
    with pytest.warns(Renamed, match="the targets part captions is now called token-states"):
        recipe = parse_recipe({**BASE, "targets": {"text": {"part": "captions", "weights": "demo/zeroscope"}}})
    assert recipe.steps["targets"]["text"].part == "token-states"


def test_further_outputs_of_a_step_are_named_behind_a_colon() -> None:
    assert Source.parse("reconstruct.keyframe:captions[all]") == Source(
        stage="reconstruct", step="keyframe:captions", subjects="all"
    )
    assert Source.parse("reconstruct:captions").step == ":captions"
