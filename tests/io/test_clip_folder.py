"""Clips of any folder: every format gives the frames that were written, and every damage one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import zarr
from PIL import Image

from brainflix.errors import DataError, IntegrityError, MissingError, UsageError
from brainflix.io.clip_folder import midpoint_split, open_clips, tile_crop
from brainflix.io.clip_read import ALPHA_NOTE, GREY_NOTE
from brainflix.io.video import encode


def clip(seed: int, n_frames: int = 4, height: int = 16, width: int = 24) -> np.ndarray:
    """Return a clip whose frames differ, smooth enough for H.264."""
    y, x = np.mgrid[:height, :width]
    frames = [np.stack([x * 5 + 20 * t, y * 7 + 9 * seed, (x + y) * 3 + 5 * t], axis=-1) for t in range(n_frames)]
    return (np.stack(frames) % 200 + 20).astype(np.uint8)


def write_gif(path: Path, frames: np.ndarray, duration: int | list[int] = 330) -> None:
    first, *rest = [Image.fromarray(frame) for frame in frames]
    first.save(path, save_all=True, append_images=rest, duration=duration, loop=0)


def write_frames(folder: Path, frames: np.ndarray, suffix: str = "png") -> None:
    folder.mkdir(parents=True)
    for number, frame in enumerate(frames):
        Image.fromarray(frame).save(folder / f"{number}.{suffix}")


def test_lossless_formats_give_the_very_frames(tmp_path: Path) -> None:
    clips = {f"clip{i}": clip(i, n_frames=12) for i in (2, 10, 1)}
    stacked, ids = np.stack(list(clips.values())), list(clips)
    for name, frames in clips.items():
        write_frames(tmp_path / "png" / name, frames)
        for kind in ("npy", "npz", "zarr"):
            (tmp_path / kind).mkdir(exist_ok=True)
        np.save(tmp_path / "npy" / f"{name}.npy", frames)
        np.savez_compressed(tmp_path / "npz" / f"{name}.npz", frames=frames)
        zarr.create_array(str(tmp_path / "zarr" / f"{name}.zarr"), data=frames)
    np.savez_compressed(tmp_path / "all.npz", frames=stacked, ids=ids)
    zarr.create_array(str(tmp_path / "all.zarr"), data=stacked, attributes={"ids": ids})
    for place in ("png", "npy", "npz", "zarr", "all.npz", "all.zarr"):
        found = open_clips(tmp_path / place)
        assert found.ids == ("clip1", "clip2", "clip10"), place
        for name in found.ids:
            read = found.read(name)
            assert np.array_equal(read.frames, clips[name]) and read.frames.dtype == np.uint8, place
            assert read.starts_s is None and read.notes == ()


@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_an_array_alone_in_a_folder_is_all_clips(tmp_path: Path, suffix: str) -> None:
    stacked = np.stack([clip(i) for i in range(11)])
    np.save(tmp_path / "all.npy", stacked) if suffix == "npy" else np.savez(tmp_path / "all.npz", stacked)
    found = open_clips(tmp_path)
    assert found.ids == tuple(str(i) for i in range(11))
    assert np.array_equal(found.read("10").frames, stacked[10])


def test_gif_frames_and_durations_come_out_right(tmp_path: Path) -> None:
    frames = clip(1)
    write_gif(tmp_path / "a.gif", frames)
    read = open_clips(tmp_path).read("a")
    assert read.codec == "gif" and read.frames.shape == frames.shape
    assert read.starts_s == pytest.approx([0.0, 0.33, 0.66, 0.99])
    # A palette of 256 colours: near, not equal.
    assert np.abs(read.frames.astype(int) - frames).mean() < 6


def test_a_held_gif_frame_is_as_many_frames_as_it_lasts(tmp_path: Path) -> None:
    frames = clip(1)[[0, 1, 1, 1, 2]]
    write_gif(tmp_path / "a.gif", frames, 140)
    with Image.open(tmp_path / "a.gif") as image:
        assert image.n_frames == 3, "the writer merges equal frames"
    read = open_clips(tmp_path).read("a")
    assert read.starts_s == pytest.approx(np.arange(5) * 0.14)
    assert np.array_equal(read.frames[1], read.frames[3]) and not np.array_equal(read.frames[3], read.frames[4])
    assert read.notes == ("held GIF frames were repeated",)


def test_a_gif_of_uneven_durations_keeps_its_clock(tmp_path: Path) -> None:
    write_gif(tmp_path / "a.gif", clip(1), [200, 300, 200, 300])
    assert open_clips(tmp_path).read("a").starts_s == pytest.approx([0.0, 0.2, 0.5, 0.7])


def test_a_video_gives_all_frames_and_its_clock(tmp_path: Path) -> None:
    frames = clip(3, n_frames=9, height=32, width=48)
    encode(frames, 8.0, tmp_path / "a.mp4")
    read = open_clips(tmp_path).read("a")
    assert read.codec == "h264" and read.frames.shape == frames.shape
    assert read.starts_s == pytest.approx(np.arange(9) / 8)
    assert np.abs(read.frames.astype(int) - frames).mean() < 8


def test_a_video_that_breaks_off_says_so(tmp_path: Path) -> None:
    frames, path = clip(3, n_frames=9, height=64, width=64), tmp_path / "a.avi"
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("mjpeg", rate=4)
        stream.height, stream.width, stream.pix_fmt = 64, 64, "yuvj420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    assert open_clips(tmp_path).read("a").notes == ()
    whole = path.read_bytes()
    path.write_bytes(whole[: int(0.8 * len(whole))])
    with pytest.raises(IntegrityError, match=r"cannot read a\.avi.*breaks off"):
        open_clips(tmp_path).read("a")


def test_alpha_goes_on_black_and_grey_becomes_three_channels(tmp_path: Path) -> None:
    rgba = np.full((2, 8, 8, 4), 200, np.uint8)
    rgba[..., 3] = 128
    write_frames(tmp_path / "png" / "alpha", rgba)
    write_frames(tmp_path / "png" / "grey", clip(0)[..., 0])
    write_frames(tmp_path / "png" / "opaque", np.full((2, 8, 8, 4), 255, np.uint8))
    found = open_clips(tmp_path / "png")
    alpha, grey = found.read("alpha"), found.read("grey")
    assert (alpha.frames == round(200 * 128 / 255)).all() and alpha.notes == (ALPHA_NOTE,)
    assert np.array_equal(grey.frames, np.repeat(clip(0)[..., :1], 3, axis=-1)) and grey.notes == (GREY_NOTE,)
    assert found.read("opaque").notes == ()
    (tmp_path / "npy").mkdir()
    np.save(tmp_path / "npy" / "alpha.npy", rgba)
    np.save(tmp_path / "npy" / "grey.npy", clip(0)[..., 0])
    again = open_clips(tmp_path / "npy")
    for name, read in (("alpha", alpha), ("grey", grey)):
        assert np.array_equal(again.read(name).frames, read.frames) and again.read(name).notes == read.notes


def test_floats_of_either_range_give_the_same_pixels(tmp_path: Path) -> None:
    np.save(tmp_path / "unit.npy", clip(0) / 255.0)
    np.save(tmp_path / "byte.npy", clip(0).astype(np.float32))
    np.save(tmp_path / "black.npy", np.zeros((2, 8, 8, 3)))
    found = open_clips(tmp_path)
    assert np.array_equal(found.read("unit").frames, clip(0)) and np.array_equal(found.read("byte").frames, clip(0))
    assert [found.read(name).scale for name in ("unit", "byte", "black")] == ["unit", "byte", ""]


BAD_ARRAYS = {
    "nan": (np.full((2, 8, 8, 3), np.nan), "NaN"),
    "between": (np.full((2, 8, 8, 3), 1.2), "plain in which"),
    "negative": (np.full((2, 8, 8, 3), -0.1), "plain in which"),
    "large": (np.full((2, 8, 8, 3), 300.0), "plain in which"),
    "int64": (np.ones((2, 8, 8, 3), np.int64), "int64"),
    "channels-first": (np.zeros((2, 3, 8, 8), np.uint8), "channels last"),
    "image": (np.zeros((8, 8, 3), np.uint8), "shape"),
    "no-frame": (np.zeros((0, 8, 8, 3), np.uint8), "shape"),
}


@pytest.mark.parametrize("name", BAD_ARRAYS)
def test_arrays_that_are_no_clip(tmp_path: Path, name: str) -> None:
    array, words = BAD_ARRAYS[name]
    np.save(tmp_path / f"{name}.npy", array)
    with pytest.raises(DataError, match=words) as caught:
        open_clips(tmp_path).read(name)
    assert name in str(caught.value)


@pytest.mark.parametrize("suffix", ["gif", "mp4", "npy", "npz", "webm"])
@pytest.mark.parametrize("content", [b"", b"not what its name says"])
def test_files_that_cannot_be_read(tmp_path: Path, suffix: str, content: bytes) -> None:
    (tmp_path / f"a.{suffix}").write_bytes(content)
    with pytest.raises(IntegrityError, match=rf"cannot read a\.{suffix}") as caught:
        open_clips(tmp_path).read("a")
    assert ("empty" in str(caught.value)) == (not content)


def test_pickles_are_never_loaded(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(IntegrityError, match="objects"):
        open_clips(tmp_path).read("a")


def test_folders_that_hold_no_clips(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="no folder"):
        open_clips(tmp_path / "nothing")
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(DataError, match="no clips"):
        open_clips(tmp_path)
    (tmp_path / "lost").mkdir()
    with pytest.raises(DataError, match="lost holds no frame"):
        open_clips(tmp_path).read("lost")
    with pytest.raises(DataError, match="neither"):
        open_clips(tmp_path / "notes.txt")
    write_gif(tmp_path / "a.gif", clip(0))
    encode(clip(0), 4.0, tmp_path / "a.mp4")
    with pytest.raises(DataError, match="two clips named a"):
        open_clips(tmp_path)


def test_frames_of_one_clip_must_agree_and_be_8_bits_deep(tmp_path: Path) -> None:
    write_frames(tmp_path / "sizes", clip(0))
    Image.fromarray(clip(0, height=20)[0]).save(tmp_path / "sizes" / "9.png")
    with pytest.raises(DataError, match="differ in size"):
        open_clips(tmp_path).read("sizes")
    (tmp_path / "deep").mkdir()
    Image.fromarray(np.full((8, 8), 1000, np.uint16)).save(tmp_path / "deep" / "0.png")
    with pytest.raises(DataError, match="8 bits"):
        open_clips(tmp_path).read("deep")


def test_frames_are_in_natural_order(tmp_path: Path) -> None:
    write_frames(tmp_path / "a", clip(0, n_frames=12))
    assert np.array_equal(open_clips(tmp_path).read("a").frames, clip(0, n_frames=12))


def test_frames_numbered_like_samples_are_one_clip(tmp_path: Path) -> None:
    write_frames(tmp_path / "a", clip(0))
    for file in (tmp_path / "a").iterdir():
        file.rename(file.with_name(f"s{file.name}"))
    assert np.array_equal(open_clips(tmp_path).read("a").frames, clip(0))


def test_a_padded_grid_is_cut_exactly_and_the_midpoint_is_off_by_a_pixel() -> None:
    left, right = clip(1), clip(2)
    grid = np.zeros((4, 16 + 4, 2 * 24 + 6, 3), np.uint8)
    grid[:, 2:18, 2:26], grid[:, 2:18, 28:52] = left, right
    assert all(np.array_equal(a, b) for a, b in zip(tile_crop(grid, 2), (left, right), strict=True))
    halves = midpoint_split(grid)
    assert halves[0].shape == halves[1].shape == (4, 20, 27, 3)
    assert np.array_equal(halves[0][:, 2:18, 2:26], left) and np.array_equal(halves[1][:, 2:18, 1:25], right)
    assert np.array_equal(tile_crop(np.concatenate([left, right], axis=2), 0)[1], right)
    for padding in (1, 3, 9):
        with pytest.raises(DataError, match="no two tiles"):
            tile_crop(grid, padding)
    with pytest.raises(UsageError, match="not possible"):
        tile_crop(grid, -1)


def test_a_file_that_breaks_off_anywhere_or_has_a_wrong_byte_ends_in_one_sentence(tmp_path: Path) -> None:
    write_gif(tmp_path / "a.gif", clip(0))
    np.savez_compressed(tmp_path / "a.npz", frames=clip(0))
    np.save(tmp_path / "a.npy", clip(0))
    generator = np.random.default_rng(0)
    for suffix in ("gif", "npz", "npy"):
        whole, folder = (tmp_path / f"a.{suffix}").read_bytes(), tmp_path / suffix
        folder.mkdir()
        refused = 0
        for number in range(150):
            damaged = bytearray(whole)
            if number % 2:
                damaged[generator.integers(min(len(whole), 400))] = generator.integers(256)
            else:
                damaged = damaged[: generator.integers(len(whole))]
            (folder / f"a.{suffix}").write_bytes(bytes(damaged))
            try:
                open_clips(folder).read("a")
            except (DataError, IntegrityError):
                refused += 1
        assert refused >= 50, suffix


def test_a_damaged_chunk_of_zarr_is_named(tmp_path: Path) -> None:
    zarr.create_array(str(tmp_path / "all.zarr"), data=np.stack([clip(0), clip(1)]), chunks=(1, 4, 16, 24, 3))
    (tmp_path / "all.zarr" / "c" / "1" / "0" / "0" / "0" / "0").write_bytes(b"no chunk")
    clips = open_clips(tmp_path / "all.zarr")
    assert np.array_equal(clips.read("0").frames, clip(0))
    with pytest.raises(IntegrityError, match=r"cannot read 1 of all\.zarr"):
        clips.read("1")


def test_mindvideos_gif_of_two_clips_gives_both_without_their_border(tmp_path: Path) -> None:
    # Clips of 256 x 256 in a border of 2 pixels; few colours, so that GIF's palette loses none.
    rng = np.random.default_rng(0)
    truth, decoded = (rng.choice([0, 85, 170, 255], (6, 256, 256, 1)) * np.array([1, 1, 0]) for _ in range(2))
    grid = np.zeros((6, 260, 518, 3), np.uint8)
    grid[:, 2:258, 2:258], grid[:, 2:258, 260:516] = truth, decoded
    write_gif(tmp_path / "test1.gif", grid)
    found = open_clips(tmp_path).read("test1").frames
    assert found.shape == (6, 260, 518, 3)
    left, right = tile_crop(found, 2)
    assert np.array_equal(left, truth) and np.array_equal(right, decoded)
    assert [half.shape for half in midpoint_split(found)] == [(6, 260, 259, 3)] * 2


def test_a_lost_chunk_of_zarr_is_not_read_as_black(tmp_path: Path) -> None:
    path = tmp_path / "all.zarr"
    frames = np.stack([clip(0), np.zeros_like(clip(1))])
    zarr.create_array(str(path), data=frames, chunks=(1, 4, 16, 24, 3), config={"write_empty_chunks": True})
    assert not open_clips(path).read("1").frames.any(), "black frames are frames"
    (path / "c" / "0" / "0" / "0" / "0" / "0").unlink()
    with pytest.raises(IntegrityError, match=r"all\.zarr lacks 1 of 2 chunks.*write_empty_chunks"):
        open_clips(path)


def test_ids_may_be_bytes(tmp_path: Path) -> None:
    frames = np.stack([clip(0), clip(1)])
    np.savez(tmp_path / "all.npz", frames=frames, ids=np.array([b"b", b"a"]))
    clips = open_clips(tmp_path / "all.npz")
    assert clips.ids == ("a", "b") and np.array_equal(clips.read("a").frames, frames[1])
    np.savez(tmp_path / "all.npz", frames=frames, ids=np.array([b"\xff", b"a"]))
    with pytest.raises(DataError, match=r"ids of all\.npz.*utf-8"):
        open_clips(tmp_path / "all.npz")
