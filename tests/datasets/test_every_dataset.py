"""What holds of every data set: a recipe that plans, names that are safe, a table of clips that no split tears."""

from __future__ import annotations

import numpy as np
import pytest

from brainflix.engine.plan import make_plan
from brainflix.parts.dataset import Dataset
from brainflix.parts.find import parts
from brainflix.recipe.files import list_recipes, load_recipe, presets_of
from brainflix.store.store import Store

DATASETS = {name: part.load() for name, part in parts("dataset").items() if part.package == "brainflix"}
FETCHED = [dataset for dataset in DATASETS.values() if not dataset.fetch]


@pytest.mark.parametrize("path", list_recipes().values(), ids=list_recipes())
def test_every_recipe_that_ships_plans_to_its_end(path, tmp_path):
    # Apart from files that a person must bring, which block most of them here.
    planned = make_plan(load_recipe(str(path)), Store(tmp_path), by_hand_blocks=False)
    assert {item.status for item in planned} == {"to run"}


@pytest.mark.parametrize("dataset", FETCHED, ids=lambda each: each.name)
def test_every_data_set_has_a_recipe_of_its_name(dataset: Dataset):
    path = str(list_recipes()[dataset.name])
    # A recipe may run on the sample that comes with brainflix, and on all of it by a preset.
    chosen = [load_recipe(path, preset=preset).dataset for preset in (None, *presets_of(path))]
    assert (dataset.name, dataset.subjects) in [(each.name, each.subjects) for each in chosen]


@pytest.mark.parametrize("dataset", FETCHED, ids=lambda each: each.name)
def test_files_are_named_once_and_by_subject(dataset: Dataset):
    params = parts("dataset")[dataset.name].load_params()().model_dump(mode="json")
    named = [file.path for who in (None, *dataset.subjects) for file in dataset.named_files(params, who)]
    assert len(set(named)) == len(named) > len(dataset.subjects)
    assert dataset.terms_url.startswith("http")
    for who in (None, dataset.subjects[0]):
        access = dataset.access_of(who)
        if access == "embedded":
            # What is known of the film comes with brainflix.
            assert who is None and not dataset.named_files(params, None)
            continue
        assert access in ("open", "terms", "keys", "manual")
        coming = bool(dataset.listing or dataset.package_of(who, "")) or any(
            f.url for f in dataset.named_files(params, who)
        )
        # What can be fetched is never called a person's, and what only a person can bring has steps.
        assert coming == (access != "manual") and (dataset.steps or coming)


@pytest.mark.parametrize("name", ["bmd", "had", "hcp7t", "algonauts2021", "cc2017-neuroclips", "mindvideo"])
def test_tables_of_clips_that_need_no_files(name, tmp_path):
    clips = DATASETS[name].load_clips(tmp_path)
    assert len(clips) > 700 and len(set(clips.ids)) == len(clips)
    for group in np.unique(clips.dup_group):
        assert len(np.unique(clips.split[clips.dup_group == group])) == 1
