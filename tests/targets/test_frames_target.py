"""The frames extractor: from films or from given frames, in the clips' order, in the files that `Videos` writes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from target_worlds import clips_of, files_of, job_of, tools_of

from brainflix.datasets.demo.about import DATASET
from brainflix.errors import DataError
from brainflix.io.frames import evenly
from brainflix.io.video import decode_at, encode
from brainflix.parts.work import Work
from brainflix.store import arrays
from brainflix.store.refs import Ref
from brainflix.store.schema import Clips, Videos
from brainflix.store.store import Artifact, Store
from brainflix.targets.frames import extract
from tests.parts_world import call, chosen_params

# Segments are mixed, which no data set does, but a table may.
CLIPS = replace(clips_of(5), segment=("b", "a", "b", "a", "b"), onset_s=np.array([0.0, 2.0, 2.0, 0.0, 4.0]))
GIVEN = np.random.default_rng(1).integers(0, 256, (5, 6, 32, 32, 3), dtype=np.uint8)


def load_clips(raw: Path, clip_s: float) -> Clips:
    return CLIPS


def film_path(raw: Path, segment: str) -> Path:
    return raw / f"{segment}.mp4"


def given(raw: Path) -> list[np.ndarray]:
    return [GIVEN[:3], GIVEN[3:]]


def given_too_few(raw: Path) -> list[np.ndarray]:
    return [GIVEN[:3]]


def given_too_many(raw: Path) -> list[np.ndarray]:
    return [GIVEN, GIVEN[:1]]


HERE = f"{__name__}:"
FILMS = replace(DATASET, clips=f"{HERE}load_clips", film=f"{HERE}film_path")


@pytest.fixture
def raw(tmp_path: Path) -> Artifact:
    store = Store(tmp_path / "store")
    ref = Ref("raw", "film-stimuli", "0123456789ab")
    rng = np.random.default_rng(0)
    with store.publish(ref, stage="download", stage_version=1, parameters={}, inputs={}, fsync=False) as out:
        for name, n in (("a", 60), ("b", 90)):
            encode(rng.integers(0, 256, (n, 48, 48, 3), dtype=np.uint8), 15.0, out.path / f"{name}.mp4")
    return store.open(ref)


def make(out: Path, raw: Artifact, dataset=FILMS, **params) -> dict[str, bytes]:
    """Return the files that the part makes of a data set that nobody has registered."""
    out.mkdir()
    job = job_of("frames", chosen_params("targets", "frames", {"n_frames": 5, "size_px": 48, **params}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Work, "dataset", dataset)
        call(extract, job, {"stimuli": [raw]}, tools_of(Store(out.parent / "store"))).save(out)
    return files_of(out)


def saved(out: Path, frames: np.ndarray) -> dict[str, bytes]:
    out.mkdir()
    CLIPS.save(out)
    Videos(frames, CLIPS.ids, 2.5).save(out)
    return files_of(out)


@pytest.mark.parametrize("shard_clips", [1, 2, 3, 99])
@pytest.mark.parametrize("sampling", ["onset", "ends"])
def test_films_are_cut_into_the_files_that_videos_writes(tmp_path, raw, monkeypatch, sampling, shard_clips):
    monkeypatch.setattr(arrays, "SHARD_BYTES", shard_clips * 5 * 48 * 48 * 3)
    within = np.arange(5) * 0.4 if sampling == "onset" else evenly(30, 5) / 15.0
    expected = [
        decode_at(film_path(raw.path, segment), onset + within)
        for segment, onset in zip(CLIPS.segment, CLIPS.onset_s, strict=True)
    ]
    assert make(tmp_path / "made", raw, sampling=sampling) == saved(tmp_path / "whole", np.stack(expected))


@pytest.mark.parametrize(("sampling", "at"), [("onset", [0, 1, 2, 4, 5]), ("ends", [0, 1, 2, 3, 5])])
def test_given_frames_are_chosen_by_the_same_rules(tmp_path, raw, sampling, at):
    dataset = replace(FILMS, frames=f"{HERE}given", frames_hz=3.0)
    made = make(tmp_path / "made", raw, dataset, sampling=sampling, size_px=32)
    assert made == saved(tmp_path / "whole", GIVEN[:, at])


@pytest.mark.parametrize("how", ["given_too_few", "given_too_many"])
def test_frames_of_another_number_of_clips_are_refused(tmp_path, raw, how):
    with pytest.raises(DataError, match="table has 5 clips"):
        make(tmp_path / "made", raw, replace(FILMS, frames=f"{HERE}{how}", frames_hz=3.0), size_px=32)
