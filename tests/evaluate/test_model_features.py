"""Features of clips are computed once for each content, and no damaged or foreign entry of the cache is believed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from brainflix.errors import DataError
from brainflix.evaluate.networks import features
from brainflix.evaluate.networks.features import Extraction, Network, by_frame, extract
from brainflix.evaluate.videos import VideoSet

CLIPS = np.random.default_rng(0).integers(0, 256, (5, 2, 4, 4, 3), dtype=np.uint8)


class Counting:
    """A network that says each frame's mean, and how many clips it was shown in each call."""

    def __init__(self, kind: str = "mean", pin: str = "abc") -> None:
        self.shown: list[int] = []
        self.loads = 0
        self.network = Network(kind, pin, self.load)

    def load(self) -> features.Run:
        self.loads += 1
        return self.run

    def run(self, clips: np.ndarray) -> np.ndarray:
        self.shown.append(len(clips))
        return clips.mean(axis=(2, 3)).astype(np.float32)


def show(counting: Counting, clips: np.ndarray, cache: Path | None, clips_per_batch: int = 2) -> np.ndarray:
    return extract(counting.network, VideoSet(len(clips), lambda row: clips[row]), Extraction(cache, clips_per_batch))


def expected(clips: np.ndarray) -> np.ndarray:
    return clips.mean(axis=(2, 3)).astype(np.float32)


def entries(cache: Path) -> list[Path]:
    return sorted(path for path in cache.rglob("*") if path.is_file())


def test_a_second_run_neither_loads_nor_calls_the_network(tmp_path: Path) -> None:
    first, second = Counting(), Counting()
    assert np.array_equal(show(first, CLIPS, tmp_path), expected(CLIPS))
    assert first.shown == [2, 2, 1] and first.loads == 1
    assert np.array_equal(show(second, CLIPS[::-1], tmp_path), expected(CLIPS[::-1]))
    assert second.shown == [] and second.loads == 0
    assert len(entries(tmp_path)) == 5 and all(path.suffix == ".npz" for path in entries(tmp_path))


def test_one_changed_pixel_is_another_clip(tmp_path: Path) -> None:
    changed = CLIPS.copy()
    changed[3, 1, 0, 0, 0] ^= 1
    show(Counting(), CLIPS, tmp_path)
    again = Counting()
    assert np.array_equal(show(again, changed, tmp_path), expected(changed))
    assert again.shown == [1]


@pytest.mark.parametrize("other", [{"kind": "sd"}, {"pin": "abd"}])
def test_another_checkpoint_or_output_shares_no_entry(tmp_path: Path, other: dict[str, str]) -> None:
    show(Counting(), CLIPS, tmp_path)
    again = Counting(**other)
    show(again, CLIPS, tmp_path)
    assert sum(again.shown) == 5


def test_the_same_bytes_in_another_shape_share_no_entry(tmp_path: Path) -> None:
    flat = CLIPS.reshape(5, 2, 2, 8, 3)
    show(Counting(), CLIPS, tmp_path)
    again = Counting()
    show(again, flat, tmp_path)
    assert sum(again.shown) == 5


def test_equal_clips_are_computed_once_without_any_cache() -> None:
    counting, clips = Counting(), CLIPS[[0, 1, 0, 0, 1]]
    assert np.array_equal(show(counting, clips, None), expected(clips))
    assert counting.shown == [2]


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-30])


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    at = content.index(np.load(path)["value"].tobytes())
    content[at + 1] ^= 1
    path.write_bytes(bytes(content))


def _pickle(path: Path) -> None:
    np.savez(path, value=np.array([{"a": 1}], dtype=object))


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _doubles(path: Path) -> None:
    np.savez(path, value=np.zeros(3))


@pytest.mark.parametrize("damage", [_cut, _flip, _pickle, _empty, _doubles])
def test_a_damaged_entry_is_computed_again_and_mended(tmp_path: Path, damage: object) -> None:
    show(Counting(), CLIPS[:1], tmp_path)
    (entry,) = entries(tmp_path)
    damage(entry)  # type: ignore[operator]
    again, after = Counting(), Counting()
    assert np.array_equal(show(again, CLIPS[:1], tmp_path), expected(CLIPS[:1]))
    assert again.shown == [1]
    assert np.array_equal(show(after, CLIPS[:1], tmp_path), expected(CLIPS[:1])) and after.shown == []


def test_a_write_that_breaks_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("numpy.savez", full)
    assert np.array_equal(show(Counting(), CLIPS, tmp_path), expected(CLIPS))
    assert entries(tmp_path) == []


def test_a_cache_that_cannot_be_written_costs_no_result(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert np.array_equal(show(Counting(), CLIPS, tmp_path / "file"), expected(CLIPS))


def test_large_entries_are_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "MAX_ENTRY_BYTES", 8)
    show(Counting(), CLIPS, tmp_path)
    assert entries(tmp_path) == []


def test_output_that_is_not_finite_is_refused() -> None:
    network = Network("broken", "", lambda: lambda clips: np.full((len(clips), 2), np.nan, np.float32))
    with pytest.raises(DataError, match=r"broken of 2 clips gave .* not finite"):
        extract(network, VideoSet(2, lambda row: CLIPS[row]), Extraction())


def test_clips_are_read_once_for_all_networks_and_then_only_to_be_shown() -> None:
    reads = []

    def frames_of(row: int) -> np.ndarray:
        reads.append(row)
        return CLIPS[row]

    videos = VideoSet(len(CLIPS), frames_of)
    for kind in ("a", "b"):
        extract(Counting(kind).network, videos, Extraction())
    assert reads == [*range(5)] * 3


@pytest.mark.parametrize("frames_per_batch", [1, 2, 64])
def test_equal_frames_are_shown_once(frames_per_batch: int) -> None:
    shown = []

    def forward(frames: np.ndarray) -> np.ndarray:
        shown.append(len(frames))
        return frames.mean(axis=(1, 2)).astype(np.float32)

    clips = CLIPS[[0, 1, 0]].copy()
    clips[1, 1] = clips[0, 1]
    assert np.allclose(by_frame(forward, frames_per_batch)(clips), expected(clips))
    assert sum(shown) == 3 and max(shown) <= frames_per_batch
