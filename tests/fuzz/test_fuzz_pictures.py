"""Mutated pictures and videos end in frames or in brainflix's own error: no foreign one, no crash, no filled memory.

The corpus is made here; mutations follow from a seed. `BRAINFLIX_FUZZ_SECONDS` gives each kind so many seconds in place
of a fixed number of inputs. An input that fails is kept, and its path is printed.
"""

from __future__ import annotations

import io
import os
import resource
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

INPUTS, SECONDS = 120, "BRAINFLIX_FUZZ_SECONDS"
# Room for libraries and one clip; the readers' own limit lies below it.
MEMORY_BYTES = 3 * 1024**3
KINDS = ("gif", "png", "apng", "jpg", "webp", "mp4", "mkv", "avi")


def frames(n: int = 5, size: int = 32) -> np.ndarray:
    y, x = np.mgrid[:size, :size]
    made = [np.stack([x * 5 + 9 * t, y * 6, (x + y) * 3 + 20 * t], -1) for t in range(n)]
    return (np.stack(made) % 256).astype(np.uint8)


def picture(kind: str, folder: Path) -> bytes:
    """Return a whole file of a kind, which may be written below the folder."""
    out, (first, *rest) = io.BytesIO(), [Image.fromarray(frame) for frame in frames()]
    if kind in ("png", "jpg"):
        first.save(out, {"png": "PNG", "jpg": "JPEG"}[kind])
    elif kind in ("gif", "apng", "webp"):
        name = {"gif": "GIF", "apng": "PNG", "webp": "WEBP"}[kind]
        first.save(out, name, save_all=True, append_images=rest, duration=100, loop=0)
    else:
        path = folder / f"whole.{kind}"
        # The tables of an MP4 come first, where half of the mutations hit.
        options = {"movflags": "faststart"} if kind == "mp4" else {}
        with av.open(str(path), "w", options=options) as video:
            stream = video.add_stream("mpeg4" if kind == "avi" else "libx264", rate=5)
            stream.height, stream.width, stream.pix_fmt = 32, 32, "yuv420p"
            stream.options = {"threads": "1"}
            for frame in frames():
                video.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            video.mux(stream.encode())
        out.write(path.read_bytes())
        path.unlink()
    return out.getvalue()


def mutated(whole: bytes, seed: int) -> Iterator[bytes]:
    """Yield inputs for ever: flipped bits, numbers that are extreme, pieces cut out, doubled or moved."""
    draw = np.random.default_rng(seed)
    extremes = [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 1 << 62]
    while True:
        data = bytearray(whole)
        for _ in range(int(draw.integers(1, 5))):
            if not data:
                break
            # Half of the mutations hit what is read first.
            reach = len(data) if draw.integers(2) else min(len(data), 400)
            at, much = int(draw.integers(reach)), int(draw.integers(1, 40))
            choice = int(draw.integers(5))
            if choice == 0:
                data[at] ^= 1 << int(draw.integers(8))
            elif choice == 1:
                width = int(draw.choice([1, 2, 4, 8]))
                number = extremes[draw.integers(len(extremes))] % (1 << 8 * width)
                data[at : at + width] = number.to_bytes(width, ("big", "little")[draw.integers(2)])
            elif choice == 2:
                del data[at : None if draw.integers(3) == 0 else at + much]
            elif choice == 3:
                data[at:at] = data[at : at + much]
            else:
                other = int(draw.integers(len(data)))
                data[at : at + much] = data[other : other + much]
        yield bytes(data)


def sealed(data: bytes) -> bytes:
    """Return a mutated PNG with the checksums that its chunks should have, so that what lies behind them is reached."""
    made, at = data[:8], 8
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        body = data[at + 4 : at + 8 + length]
        made += data[at : at + 4] + body + zlib.crc32(body).to_bytes(4, "big")
        at += 12 + length
    return made + data[at:]


def read(path: Path) -> None:
    """Read one input as `score` and as `preprocess` would."""
    from brainflix.io.clip_folder import open_clips
    from brainflix.io.video import decode_at

    clips = open_clips(path.parent)
    for name in clips.ids:
        clips.read(name)
    if path.suffix in (".mp4", ".mkv", ".avi"):
        decode_at(path, np.array([0.0, 0.5]))


def loop(kind: str, folder: Path, seconds: float) -> int:
    """Read mutated inputs and return how many were read as clips; a foreign error ends the loop and keeps its input."""
    from brainflix.errors import BrainflixError

    # A still picture is a frame of a clip, which is its folder.
    clip = folder / "clip" if kind in ("png", "jpg") else folder / f"0.{kind}"
    place = clip / f"0.{kind}" if kind in ("png", "jpg") else clip
    place.parent.mkdir(parents=True, exist_ok=True)
    whole, began, read_as_clips = picture(kind, folder), time.monotonic(), 0
    place.write_bytes(whole)
    read(clip)
    for number, data in enumerate(mutated(whole, seed=0)):
        if (time.monotonic() - began > seconds) if seconds else number >= INPUTS:
            return read_as_clips
        # Written first: what ends the process is found here.
        place.write_bytes(sealed(data) if kind.endswith("png") and number % 2 else data)
        try:
            read(clip)
            read_as_clips += 1
        except BrainflixError as error:
            assert "\n" not in str(error)
        except BaseException:
            print(f"the failing input, number {number}, is kept at {place}", file=sys.stderr)
            raise
    return read_as_clips


@pytest.mark.parametrize("kind", KINDS)
def test_mutated_files_end_in_frames_or_in_one_sentence(kind: str, tmp_path: Path) -> None:
    seconds = float(os.environ.get(SECONDS, 0))
    command = [sys.executable, "-m", "tests.fuzz.test_fuzz_pictures", kind, str(tmp_path), str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 120, check=False)
    assert done.returncode == 0, f"{kind}: exit {done.returncode}, input below {tmp_path}\n{done.stderr[-3000:]}"
    assert int(done.stdout) > 0, "some mutations do no harm, or nothing was tested"


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    print(loop(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])))
