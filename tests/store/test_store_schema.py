"""What stages hand to each other: saved and loaded alike, and refused with the artifact's name when it does not fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from store_worlds import REF, contents

from brainflix.errors import DataError, IntegrityError, MissingError, UsageError
from brainflix.store.arrays import write_array
from brainflix.store.schema import Clips, Predictions, Responses, Targets, Videos
from brainflix.store.store import Artifact, Store


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path / "store")


def saved(store: Store, record) -> Artifact:
    """Publish a record and open it."""
    with store.publish(REF, stage="s", stage_version=1, parameters={}, inputs={}, fsync=False) as staging:
        record.save(staging.path)
    return store.open(REF)


def clips(n: int = 6) -> Clips:
    return Clips(
        ids=tuple(f"seg1_{i:03d}" for i in range(n)),
        segment=("seg1",) * n,
        onset_s=np.arange(n) * 2 + 0.1,
        split=np.array([0, 0, 1, 2, 0, 2][:n]),
        caption=tuple(f"ein Ball rollt… {i}" for i in range(n)),
    )


def responses(**changes) -> Responses:
    """Seven trials of six clips in runs of 3, 3 and 1 trials; clip 0 has three repeats, clip 3 two, clip 5 none."""
    rng = np.random.default_rng(0)
    fields = {
        "response": rng.normal(size=(7, 4)),
        "clip": [0, 3, 1, 0, 3, 2, 0],
        "repeat": [0, 0, 0, 1, 1, 0, 2],
        "run": [0, 0, 0, 1, 1, 1, 2],
        "run_names": ("run-1", "run-2", "run-3"),
        "clips": clips(),
        "area": ("V1", "V2", "", "V1"),
        "structure": ("CortexLeft",) * 3 + ("CortexRight",),
        "index": [5, 9, 1, 5],
        "stats": {"t": np.array([1.0, np.nan, 3.0, 4.0])},
        "masks": {"selected": np.array([True, False, True, True])},
    }
    return Responses(**{**fields, **changes})


def assert_same(left, right) -> None:
    assert type(left) is type(right)
    for name, value in vars(left).items():
        other = getattr(right, name)
        if isinstance(value, np.ndarray):
            assert value.dtype == other.dtype
            np.testing.assert_array_equal(value, other)
        elif isinstance(value, Clips):
            assert_same(value, other)
        elif isinstance(value, dict):
            assert value.keys() == other.keys()
            for key in value:
                np.testing.assert_array_equal(value[key], other[key])
        else:
            assert value == other


VALUES = np.random.default_rng(2).normal(size=(6, 3, 4)).astype(np.float32)
RECORDS = {
    "clips": clips(),
    "no clips": clips(0),
    "responses": responses(),
    "no responses": responses(response=np.zeros((0, 4)), clip=[], repeat=[], run=[]),
    "targets": Targets(VALUES, clips(), {"space": "clip", "dims": [3, 4]}),
    "predictions": Predictions(VALUES[:2], ("a", "b"), "targets/demo@0123456789ab", {"alpha": 0.5}),
    "videos": Videos(np.random.default_rng(3).integers(0, 256, (2, 3, 4, 5, 3), np.uint8), ("a", "b"), 8.0),
}


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_round_trip(store, record):
    assert_same(type(record).load(saved(store, record)), record)


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_equal_records_give_equal_bytes(tmp_path, record):
    left, right = (saved(Store(tmp_path / name), record).path for name in "ab")
    assert contents(left) == contents(right)


def test_float16_targets_halve_the_file_and_load_as_float32(store):
    artifact = saved(store, Targets(VALUES, clips(), dtype="float16"))
    assert artifact.array("values").dtype == np.float16
    loaded = Targets.load(artifact)
    assert loaded.values.dtype == np.float32
    np.testing.assert_array_equal(loaded.values, VALUES.astype(np.float16))
    with pytest.raises(DataError, match="65504"):
        Targets(VALUES * 1e6, clips(), dtype="float16").save(artifact.path)
    with pytest.raises(UsageError):
        Targets(VALUES, clips(), dtype="int8").save(artifact.path)


def test_layouts(store):
    assert saved(store, responses()).array("response").shards == (3, 4)  # the most common length of a run
    targets = Targets(np.zeros((6, 3, 4), np.float32), clips())
    with store.publish(replace(REF, name="t"), stage="s", stage_version=1, parameters={}, inputs={}) as staging:
        targets.save(staging.path)
    array = store.open("bold/t").array("values")
    assert array.shards is None and array.chunks[0] == 6


@pytest.mark.parametrize("split", ["train", "val", "test", ("train", "test")])
def test_rows_average_repeats_as_a_plain_loop_does(split):
    record = responses()
    clip, means = record.rows(split)
    names = (split,) if isinstance(split, str) else split
    wanted = [c for c in range(6) if ("train", "val", "test")[record.clips.split[c]] in names]
    expected = {c: [record.response[t] for t in range(7) if record.clip[t] == c] for c in wanted}
    assert clip.tolist() == [c for c in wanted if expected[c]]
    np.testing.assert_allclose(means, [np.mean(expected[c], axis=0) for c in clip.tolist()], rtol=1e-6)
    assert means.dtype == np.float32
    trial_clip, trials = record.trials(split)
    assert trial_clip.tolist() == [c for c in record.clip.tolist() if c in wanted]
    np.testing.assert_array_equal(trials, record.response[np.isin(record.clip, wanted)])


def test_rows_of_a_split_without_trials():
    record = responses(clip=[0, 1, 1, 0, 4, 4, 0])
    clip, means = record.rows("test")
    assert clip.shape == (0,) and means.shape == (0, 4)


def test_clips_find_and_take():
    known = clips()
    assert len(known) == 6
    np.testing.assert_array_equal(known.of("test"), [3, 5])
    np.testing.assert_array_equal(known.of(["val", "test"]), [2, 3, 5])
    np.testing.assert_array_equal(known.places(["seg1_004", "seg1_000"]), [4, 0])
    taken = known.take([4, 0])
    assert taken.ids == ("seg1_004", "seg1_000") and taken.onset_s.tolist() == [8.1, 0.1]
    with pytest.raises(UsageError, match="did you mean 'train'"):
        known.of("trian")
    with pytest.raises(DataError, match="nobody"):
        known.places(["nobody"])


BAD_IDS = ["", "..", ".hidden", "a/b", "a b", "é", "x" * 65, "a\n", 3]


@pytest.mark.parametrize("bad", BAD_IDS)
def test_unsafe_ids_are_refused_everywhere(bad):
    with pytest.raises(DataError):
        replace(clips(1), ids=(bad,))
    with pytest.raises(DataError):
        Predictions(VALUES[:1], (bad,), "t")
    with pytest.raises(DataError):
        Videos(np.zeros((1, 1, 2, 2, 3), np.uint8), (bad,), 8)
    with pytest.raises(DataError):
        responses(run_names=("run-1", "run-2", bad))


NAN = np.where(np.arange(28).reshape(7, 4) == 17, np.nan, 0.0)


def test_a_volume_without_a_clip_is_no_row_of_a_split():
    kept = responses(clip=[0, 3, 1, 0, 3, 2, -1])
    assert -1 not in np.concatenate([kept.rows(split)[0] for split in ("train", "val", "test")])
    assert sum(len(kept.trials(split)[0]) for split in ("train", "val", "test")) == 6


def test_the_same_film_in_two_splits_is_refused():
    one = clips()
    assert one.dup_group.tolist() == list(range(len(one)))
    train, test = (int(one.of(split)[0]) for split in ("train", "test"))
    groups = np.arange(len(one))
    groups[test] = groups[train]
    with pytest.raises(DataError, match="same film"):
        replace(one, dup_group=groups)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"response": NAN}, "first in row 4"),
        ({"response": np.full((7, 4), np.inf)}, "not finite"),
        ({"response": np.zeros(7)}, "n_trials, n_grayordinates"),
        ({"clip": [0] * 6}, "6 entries for 7 trials"),
        ({"clip": [0, 3, 1, 0, 3, 2, 6]}, "outside the 6 clips"),
        ({"clip": [0, 3, 1, 0, 3, 2, -2]}, "outside"),
        ({"clip": np.zeros(7)}, "integers"),
        ({"repeat": [0, 0, 0, 1, 1, 0, 70000]}, "int16"),
        ({"run": [3] * 7}, "outside the 3 runs"),
        ({"area": ("V1",)}, "1 entries for 4 grayordinates"),
        ({"index": [1, 2]}, "2 entries"),
        ({"run_names": ("a", "a", "b")}, "more than once"),
        ({"stats": {"t": np.zeros(3)}}, "3 entries"),
        ({"masks": {"m": np.zeros(5, bool)}}, "5 entries"),
        ({"stats": {"t": 3.0}}, "single"),
    ],
)
def test_responses_that_do_not_hold_together(changes, message):
    with pytest.raises(DataError, match=message):
        responses(**changes)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: replace(clips(), split=np.full(6, 3)), "unknown split"),
        (lambda: replace(clips(), onset_s=np.full(6, np.nan)), "finite"),
        (lambda: replace(clips(), caption=("x",)), "caption has 1"),
        (lambda: replace(clips(2), ids=("a", "a")), "more than once"),
        (lambda: Targets(VALUES[:5], clips()), "5 entries for 6 clips"),
        (lambda: Targets(VALUES * np.nan, clips()), "finite"),
        (lambda: Predictions(VALUES, ("a",), "t"), "6 entries for 1 clips"),
        (lambda: Predictions(VALUES + np.inf, tuple("abcdef"), "t"), "finite"),
        (lambda: Videos(np.zeros((1, 2, 3, 3), np.uint8), ("a",), 8), "uint8"),
        (lambda: Videos(np.zeros((1, 1, 2, 2, 3)), ("a",), 8), "uint8"),
        (lambda: Videos(np.zeros((1, 1, 2, 2, 3), np.uint8), ("a",), 0), "frame rate"),
        (lambda: Videos(np.zeros((2, 1, 2, 2, 3), np.uint8), ("a",), 8), "2 entries"),
    ],
)
def test_records_that_do_not_hold_together(make, message):
    with pytest.raises(DataError, match=message):
        make()


def test_large_finite_numbers_are_finite():
    """A float32 sum of these would overflow."""
    assert responses(response=np.full((7, 4), 3e38)).response.max() > 1e38


def test_loading_names_the_artifact(store):
    with store.publish(REF, stage="s", stage_version=1, parameters={}, inputs={}, fsync=False) as staging:
        targets = Targets(VALUES, clips())
        targets.clips.save(staging.path)
        write_array(staging.path, "values", VALUES * np.nan, dims="abc")
        (staging.path / "targets.json").write_text('{"attrs": {}}')
        (staging.path / "videos.json").write_text('{"clip_ids": []}')
        write_array(staging.path, "frames", np.zeros((1, 1, 2, 2, 3), np.uint8), dims="abcde")
    artifact = store.open(REF)
    with pytest.raises(DataError, match=f"{REF}: values holds numbers that are not finite"):
        Targets.load(artifact)
    with pytest.raises(DataError, match=f"{REF} does not hold Videos"):
        Videos.load(artifact)
    with pytest.raises(MissingError, match=r"space\.json"):
        Responses.load(artifact)


def test_loading_damaged_arrays_is_an_integrity_error(store):
    artifact = saved(store, responses())
    chunk = artifact.file("data.zarr/response/c/1/0")
    chunk.write_bytes(bytes(len(chunk.read_bytes())))
    with pytest.raises(IntegrityError, match="brainflix store verify"):
        Responses.load(store.open(REF))


def test_attributes_that_are_not_json_are_refused(store, tmp_path):
    with pytest.raises(DataError, match=r"targets\.json"):
        Targets(VALUES, clips(), {"a": float("nan")}).save(tmp_path)
