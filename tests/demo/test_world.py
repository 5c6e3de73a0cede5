"""The raw files of the demo: CC2017's layout, volumes, missing run, captions, delay."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from brainflix.datasets.cc2017.layout import find_runs, find_segments
from brainflix.datasets.clips import load_clips
from brainflix.datasets.demo.parts import DemoParams
from brainflix.demo import world
from brainflix.demo.brains import grayordinates, make_brain
from brainflix.io.surfaces import read_dtseries
from brainflix.io.video import decode_at

SMALL = DemoParams(n_train_segments=2, n_test_segments=2, clips_per_segment=8, test_repeats=10).model_dump(mode="json")


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    world.write(SMALL, None, folder)
    world.write(SMALL, 3, folder)
    return folder


def test_runs_follow_the_published_convention(raw: Path) -> None:
    runs = find_runs(raw, 3)
    assert len(runs) == 2 * 2 + 10 + 9
    assert [r.repeat for r in runs if r.segment == "test2"] == [1, 2, 3, 4, 5, 6, 7, 8, 10]
    volumes = {r.segment: len(read_dtseries(r.path).data) for r in runs}
    assert volumes == {"seg1": 13, "seg2": 13, "test1": 13, "test2": 14}


def test_files_lie_on_the_real_axis(raw: Path) -> None:
    series = read_dtseries(find_runs(raw, 3)[0].path)
    assert series.tr_s == 2.0
    assert series.cortex().sum() == sum(g.vertex is not None for g in grayordinates())
    assert 7000 < series.data.mean() < 9000


def test_films_show_the_captions_scenes(raw: Path) -> None:
    clips = load_clips(raw, 2.0)
    assert find_segments(raw) == ["seg1", "seg2", "test1", "test2"]
    assert [clips.split[i] for i in (0, 8, 16, 31)] == [0, 1, 2, 2]
    frames = decode_at(raw / "Stimuli/video_fmri_dataset/stimuli/seg1.mp4", clips.onset_s[:8] + 1.0)
    for frame, caption, scene in zip(frames, clips.caption[:8], world.segments(SMALL)["seg1"], strict=True):
        assert caption == scene.caption()
        pixel = frame[round(scene.y * 64), round(scene.x * 64)].astype(int)
        if scene.shape != "ring":
            from brainflix.demo.render import RGB

            assert np.abs(pixel - RGB[scene.colour]).max() < 40


def test_both_volume_conventions_give_the_same_film_time() -> None:
    brain = make_brain(0, 1, [g.area for g in grayordinates()])
    drive = np.random.default_rng(0).standard_normal((8, len(grayordinates())))
    short, long = world._response(brain, drive, 13), world._response(brain, drive, 14)
    assert np.allclose(short, long[1:])


def test_bytes_repeat(raw: Path, tmp_path: Path) -> None:
    world.write(SMALL, 3, tmp_path)
    world.write(SMALL, None, tmp_path)
    for path in [p for p in tmp_path.rglob("*") if p.is_file()]:
        assert path.read_bytes() == (raw / path.relative_to(tmp_path)).read_bytes(), path.name
