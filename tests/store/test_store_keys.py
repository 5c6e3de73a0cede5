"""Keys, refs and manifests: one text for equal choices, and nothing lost or accepted wrongly on the way."""

from __future__ import annotations

import hashlib
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brainflix.errors import IntegrityError, UsageError
from brainflix.store.keys import artifact_key, canonical, canonical_json
from brainflix.store.manifest import FileEntry, Manifest, is_safe_path, plain_notes
from brainflix.store.refs import KINDS, PartialRef, Ref, is_name, parse_ref, whole_ref

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
TEXT = st.text(st.characters(), max_size=12)
LEAVES = st.none() | st.booleans() | st.integers() | FLOATS | TEXT
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4))
MAPPINGS = st.dictionaries(TEXT, VALUES, max_size=5)
NAMES = st.from_regex(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}", fullmatch=True)
KEYS = st.from_regex(r"[0-9a-f]{12}", fullmatch=True)
REFS = st.builds(Ref, st.sampled_from(KINDS), NAMES, KEYS)


def reversed_order(value):
    if isinstance(value, dict):
        return {key: reversed_order(value[key]) for key in reversed(list(value))}
    return [reversed_order(item) for item in value] if isinstance(value, list) else value


@given(MAPPINGS)
def test_order_and_json_round_trip_do_not_change_the_text(value):
    text = canonical_json(value)
    assert text.isascii()
    assert canonical_json(reversed_order(value)) == text
    assert canonical_json(json.loads(text)) == text
    assert canonical_json(json.loads(json.dumps(value))) == text


@given(MAPPINGS, MAPPINGS)
def test_texts_are_equal_only_for_equal_values(a, b):
    assert (canonical_json(a) == canonical_json(b)) == (_typed(a) == _typed(b))


def _typed(value):
    """Mark booleans, because Python holds True == 1."""
    if isinstance(value, dict):
        return {key: _typed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_typed(item) for item in value]
    return ("bool", value) if isinstance(value, bool) else value


@given(st.integers(-(2**53), 2**53))
def test_whole_floats_are_integers(number):
    assert canonical_json({"a": float(number)}) == canonical_json({"a": number})


@given(FLOATS.filter(lambda number: not number.is_integer()))
def test_other_floats_keep_every_digit(number):
    assert json.loads(canonical_json([number])) == [number]
    assert canonical_json([number]) != canonical_json([math.nextafter(number, math.inf)])


@pytest.mark.parametrize(
    "left, right",
    [
        (1e3, 1000),
        (0.1 + 0.2, 0.30000000000000004),
        (-0.0, 0),
        ((1, 2), [1, 2]),
        (np.int16(3), 3),
        (np.float64(0.5), 0.5),
    ],
)
def test_spellings_of_one_value(left, right):
    assert canonical_json({"a": left}) == canonical_json({"a": right})


@pytest.mark.parametrize("left, right", [(True, 1), (False, 0), ("1", 1), (None, ""), ([], {}), (0.3, 0.1 + 0.2)])
def test_different_values_stay_apart(left, right):
    assert canonical_json({"a": left}) != canonical_json({"a": right})


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, b"x", {1, 2}, object(), {1: 2}, np.zeros(2), 1j])
def test_what_has_no_canonical_form_is_refused_and_placed(bad):
    with pytest.raises(UsageError, match=r"a\.b\[1\]") as caught:
        canonical({"a": {"b": [0, bad]}})
    assert caught.value.exit_code == 2


def test_key_follows_each_part_and_nothing_else():
    base = ("bold", 1, {"a": 1, "b": 2}, {"raw": ["aa", "bb"]}, "v1")
    key = artifact_key(*base)
    assert Ref("bold", "x", key).key == key
    assert artifact_key("bold", 1, {"b": 2.0, "a": 1}, {"raw": ("aa", "bb")}, "v1") == key
    changed = [
        ("aligned", *base[1:]),
        ("bold", 2, *base[2:]),
        (*base[:2], {"a": 1, "b": 3}, *base[3:]),
        (*base[:3], {"raw": ["bb", "aa"]}, "v1"),
        (*base[:3], {"film": ["aa", "bb"]}, "v1"),
        (*base[:4], "v2"),
    ]
    assert len({artifact_key(*each) for each in changed} | {key}) == 7


def test_key_is_stable_across_versions_of_python_and_of_this_file():
    assert canonical_json({"b": [1.5, "ü"], "a": None}) == '{"a":null,"b":[1.5,"\\u00fc"]}'
    text = '{"inputs":{},"kind":"bold","parameters":{"a":0.5},"revision":"","stage_version":1}'
    assert (
        artifact_key("bold", 1, {"a": 0.5}, {}, "") == hashlib.sha256(text.encode()).hexdigest()[:12] == "1bea928cb307"
    )


@given(REFS)
def test_ref_round_trip(ref):
    assert whole_ref(str(ref)) == ref
    assert parse_ref(f"{ref.kind}/{ref.name}") == PartialRef(ref.kind, ref.name)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "bold",
        "bold/",
        "/x",
        "bold/x@",
        "bold/x@xyz",
        "bold/x@abc",
        "bald/x",
        "bold/../x",
        "bold/..",
        "bold/a b",
        "bold/.hidden",
        "bold/x@0123456789abc",
        "bold/x@0123456789AB",
        "bold/" + "x" * 65,
        "bold/x\n/y",
        "bold/é",
    ],
)
def test_bad_refs_are_usage_errors(text):
    with pytest.raises(UsageError):
        parse_ref(text)


def test_a_near_kind_is_suggested():
    with pytest.raises(UsageError, match="did you mean 'bold'"):
        parse_ref("bald/x")


@given(st.text(max_size=70))
def test_names_are_single_safe_steps(text):
    if is_name(text):
        assert is_safe_path(text) and "/" not in text and text.isascii() and not text.startswith(".")


def a_manifest(**changes) -> Manifest:
    fields = dict(
        kind="bold", name="x", key="0123456789ab", stage="preprocess", stage_version=1, parameters={}, inputs={}
    )
    return Manifest(**{**fields, **changes})


FILES = st.lists(
    st.builds(
        FileEntry, st.lists(NAMES, min_size=1, max_size=3).map("/".join), st.integers(0, 2**50), st.just("ab" * 32)
    ),
    max_size=4,
).map(tuple)
MANIFESTS = st.builds(
    Manifest,
    kind=st.sampled_from(KINDS),
    name=NAMES,
    key=KEYS,
    stage=TEXT,
    stage_version=st.integers(),
    parameters=MAPPINGS,
    inputs=st.dictionaries(TEXT, st.lists(REFS.map(str), max_size=3).map(tuple), max_size=3),
    dataset_revision=TEXT,
    recipe=TEXT,
    seed=st.integers(),
    versions=st.dictionaries(TEXT, TEXT),
    device=st.dictionaries(TEXT, TEXT),
    wall_s=st.floats(0, 1e9),
    created=TEXT,
    notes=MAPPINGS,
    files=FILES,
)


@settings(max_examples=60)
@given(MANIFESTS)
def test_manifest_round_trip(manifest):
    text = manifest.to_json()
    again = Manifest.from_json(text)
    assert again == manifest
    assert again.to_json() == text


@settings(max_examples=60)
@given(
    st.binary(max_size=60)
    | st.text(max_size=60)
    | VALUES.map(json.dumps)
    | MAPPINGS.map(lambda body: json.dumps({"schema": 1, **body}))
)
def test_any_other_text_is_an_integrity_error(text):
    with pytest.raises(IntegrityError):
        Manifest.from_json(text)


def resigned(manifest: Manifest, **changes) -> str:
    """Write a manifest whose fields are wrong but whose digest fits."""
    from brainflix.store.manifest import _digest, _plain_body

    body = {**_plain_body(manifest), **changes}
    return json.dumps({**body, "digest": _digest(body)})


ENTRY = {"path": "a", "size": 1, "sha256": "0" * 64}


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "bald"},
        {"key": "short"},
        {"stage_version": "1"},
        {"stage_version": True},
        {"parameters": []},
        {"extra": 1},
        {"schema": 2},
        {"inputs": {"raw": [1]}},
        {"files": {}},
        {"files": [{**ENTRY, "path": "../../etc/passwd"}]},
        {"files": [{**ENTRY, "path": "/etc/passwd"}]},
        {"files": [{**ENTRY, "path": "a\\b"}]},
        {"files": [{**ENTRY, "size": -1}]},
        {"files": [{**ENTRY, "path": "C:/x"}]},
        {"files": [{**ENTRY, "sha256": "00"}]},
        {"files": [{"path": "a"}]},
    ],
)
def test_forged_manifests_are_integrity_errors(changes):
    with pytest.raises(IntegrityError) as caught:
        Manifest.from_json(resigned(a_manifest(), **changes))
    assert caught.value.exit_code == 4


def test_an_edit_of_any_field_is_found():
    body = json.loads(a_manifest(notes={"k": 1}, files=(FileEntry("a", 1, "0" * 64),)).to_json())
    for name, value in body.items():
        edited = {**body, name: {"x": "y"} if isinstance(value, dict) else [] if isinstance(value, list) else "changed"}
        with pytest.raises(IntegrityError):
            Manifest.from_json(json.dumps(edited))


def test_notes_take_anything():
    notes = {"nan": math.nan, "array": np.float32(0.5), 3: {1}, "deep": [(1, math.inf)], "true": np.bool_(True)}
    assert plain_notes(notes) == {"nan": "nan", "array": 0.5, "3": "{1}", "deep": [[1, "inf"]], "true": "True"}
    assert Manifest.from_json(a_manifest(notes=plain_notes(notes)).to_json()).notes == plain_notes(notes)
