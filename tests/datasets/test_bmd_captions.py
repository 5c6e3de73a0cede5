"""BOLD Moments' captions: the first description of each film, all films or none."""

from __future__ import annotations

import json

import pytest

from brainflix.datasets.bmd import layout
from brainflix.errors import Ignored, IntegrityError


def write(folder, films, **changes) -> None:
    path = folder / layout.CAPTIONS
    path.parent.mkdir(parents=True)
    table = {f"{n:04d}": {"text_descriptions": [f" film {n}", "other words"], "memorability_score": 0.8} for n in films}
    path.write_text(json.dumps({**table, **changes}))


def test_every_film_gets_its_first_description(tmp_path):
    write(tmp_path, range(1, 1103))
    clips = layout.load_clips(tmp_path, 3.0)
    assert clips.caption == tuple(f"film {int(each.removeprefix('vid'))}" for each in clips.ids)


def test_without_the_file_there_are_none(tmp_path):
    assert not any(layout.load_clips(tmp_path, 3.0).caption)


@pytest.mark.parametrize("films, changes", [(range(1, 1102), {}), (range(1, 1103), {"0007": {"scenes": []}})])
def test_a_film_without_a_description_leaves_all_without_and_is_named(tmp_path, films, changes):
    write(tmp_path, films, **changes)
    with pytest.warns(Ignored, match="0007" if changes else "1102"):
        assert not any(layout.load_clips(tmp_path, 3.0).caption)


def test_what_is_no_json_is_refused(tmp_path):
    write(tmp_path, [])
    (tmp_path / layout.CAPTIONS).write_text("<html>")
    with pytest.raises(IntegrityError, match=r"annotations\.json"):
        layout.load_clips(tmp_path, 3.0)
