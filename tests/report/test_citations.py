"""What a recipe rests on, as BibTeX."""

from __future__ import annotations

import re

from brainflix.parts.find import own_parts
from brainflix.recipe.files import list_recipes, load_recipe
from brainflix.report.citations import citations, known


def test_every_key_that_a_part_names_is_known_and_every_known_one_is_named() -> None:
    named = {key for table in own_parts().values() for part in table.values() for key in part.cites}
    assert named == set(known())


def test_an_entry_is_whole_and_what_is_not_is_a_comment() -> None:
    for key, text in known().items():
        kind = re.match(r"@(\w+)\{" + key + ",", text)
        assert kind is not None and text.count("{") == text.count("}") and text.endswith("}")
        if kind[1] != "comment":
            assert all(f"{field}=" in text.replace(" ", "") for field in ("title", "author", "year"))


def test_data_sets_come_first_each_paper_once_with_all_that_use_it() -> None:
    found = {each.key: each for each in citations(load_recipe("mindvideo-cc2017"))}
    assert next(iter(found)) == "wen2018neural"
    data = found["wen2018neural"]
    assert data.is_entry and data.bibtex.startswith("@article{wen2018neural") and data.due_to == ("dataset cc2017",)
    paper = found["chen2023mindvideo"]
    assert not paper.is_entry and "NeurIPS 2023, arXiv 2305.11675" in paper.bibtex
    assert {"train mindvideo-contrastive", "regress mindvideo-context", "reconstruct mindvideo"} <= set(paper.due_to)
    assert paper.to_dict()["due_to"] == list(paper.due_to)
    assert "wang2004ssim" in found and "lahner2024modeling" not in found


def test_recipes_that_are_read_from_bring_their_data() -> None:
    found = citations(load_recipe("brain-netflix-bmd"))
    assert [each.key for each in found][:3] == ["lahner2024modeling", "zhou2023large", "wen2018neural"]
    assert next(each.due_to for each in found if each.key == "li2022blip")[0] == "targets blip-tokens"


def test_metrics_count_only_where_a_step_scores_by_them() -> None:
    few = citations(load_recipe("demo", ["evaluate.metrics=[pixcorr]"]))
    assert not {"wang2004ssim", "farneback2003", "tong2022videomae"} & {each.key for each in few}
    assert "wang2004ssim" in {each.key for each in citations(load_recipe("demo"))}


def test_every_recipe_that_ships_has_its_papers() -> None:
    for name in list_recipes():
        recipe = load_recipe(name)
        found = citations(recipe)
        assert len({each.key for each in found}) == len(found)
        assert recipe.dataset.name == "demo" or found[0].is_entry
