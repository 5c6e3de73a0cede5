"""Captions in the store: one text per clip, saved and loaded alike, refused where they do not fit."""

from __future__ import annotations

import json

import pytest
from store_worlds import REF, publish_text

from brainflix.errors import DataError, IntegrityError, MissingError
from brainflix.store.captions import MAX_CHARACTERS, Captions
from brainflix.store.store import Store

SAID = Captions(
    ("a red disc", "", "ein Ball über dem Meer"), ("c", "a", "b"), "targets/x@0123456789ab", {"distinct": 1}
)


@pytest.fixture
def artifact(tmp_path):
    store = Store(tmp_path / "store")
    with store.publish(REF, stage="s", stage_version=1, parameters={}, inputs={}, fsync=False) as staging:
        SAID.save(staging.path)
    return store.open(REF)


def test_round_trip_without_arrays(artifact):
    assert vars(Captions.load(artifact)) == vars(SAID)
    assert Captions.are_in(artifact) and artifact.names() == ()
    assert "über" in artifact.file(Captions.FILE).read_text(encoding="utf-8")


def test_another_artifact_holds_none(tmp_path):
    store = Store(tmp_path / "store")
    publish_text(store)
    assert not Captions.are_in(store.open(REF))
    with pytest.raises(MissingError, match=r"captions\.json"):
        Captions.load(store.open(REF))


def test_changed_text_is_noticed(artifact):
    path = artifact.file(Captions.FILE)
    body = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**body, "captions": ["x", "y", "z"]}))
    with pytest.raises(IntegrityError):
        Captions.load(artifact)


@pytest.mark.parametrize(
    ("captions", "ids", "why"),
    [
        (("a",), ("a", "b"), "1 entries for 2 clips"),
        (("a", "b"), ("a", "a"), "more than once"),
        (("a",), ("../a",), "not an id"),
        (("a\nb",), ("a",), "control characters"),
        (("a\x1b[31m",), ("a",), "control characters"),
        (("a" * (MAX_CHARACTERS + 1),), ("a",), "too long"),
        ((7,), ("a",), "no text"),
    ],
)
def test_what_is_no_caption_is_refused(captions, ids, why):
    with pytest.raises(DataError, match=why):
        Captions(captions, ids, "")


def test_the_longest_caption_passes():
    assert len(Captions(("a" * MAX_CHARACTERS,), ("a",), "").captions[0]) == MAX_CHARACTERS
