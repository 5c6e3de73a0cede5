"""Small files that would fill memory end in one sentence, before they do; large honest ones are read."""

from __future__ import annotations

import math
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import zarr
from PIL import Image

from brainflix.errors import IntegrityError
from brainflix.io.clip_folder import open_clips
from brainflix.io.room import check_clip
from tests.io.film_files import clip, write, write_gif
from tests.memory import PEAK_KIB, needs_linux

MOST_BYTES = 1000**3
READ = f"""
import sys
from pathlib import Path
from brainflix.errors import BrainflixError
from brainflix.io.clip_folder import open_clips
try:
    clips = open_clips(Path(sys.argv[1]))
    print(clips.read(clips.ids[0]).frames.shape)
except BrainflixError as error:
    print(error.exit_code, error)
print({PEAK_KIB} * 1024)
"""


def gif(width: int, height: int, durations: list[int]) -> bytes:
    """Return a GIF of this canvas whose frames are single pixels that last so many hundredths of a second."""
    made = b"GIF89a" + width.to_bytes(2, "little") + height.to_bytes(2, "little") + b"\x80\0\0" + bytes(3) + b"\xff" * 3
    for duration in durations:
        made += b"\x21\xf9\x04\0" + duration.to_bytes(2, "little") + b"\0\0"
        made += b"\x2c" + bytes(4) + b"\x01\0\x01\0\0" + b"\x02\x02\x44\x01\0"
    return made + b"\x3b"


def png(width: int, height: int, more: list[tuple[bytes, bytes]] = []) -> bytes:  # noqa: B006
    """Return a black PNG of one bit a pixel."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")

    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x01\0\0\0\0"
    packer = zlib.compressobj(9)
    row = bytes(1 + (width + 7) // 8)
    data = b"".join(packer.compress(row * min(256, height - at)) for at in range(0, height, 256)) + packer.flush()
    parts = [(b"IHDR", head), *more, (b"IDAT", data), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def many_pngs(folder: Path) -> None:
    (folder / "a").mkdir(parents=True)
    whole = png(5900, 5900)
    for number in range(20):
        (folder / "a" / f"{number}.png").write_bytes(whole)


def still_film(folder: Path) -> None:
    """Write a film of large frames that change nothing, of a few bytes each."""
    source = write(folder / "b.avi", np.zeros((2, 2160, 4096, 3), np.uint8), codec="mpeg4", pix="yuv420p")
    with av.open(str(source)) as whole, av.open(str(folder / "a.avi"), "w") as out:
        stream: Any = out.add_stream_from_template(whole.streams.video[0])
        packets = [packet for packet in whole.demux(video=0) if packet.size]
        for number in range(60):
            packet = av.Packet(bytes(packets[min(number, 1)]))
            packet.pts = packet.dts = number
            packet.stream, packet.time_base = stream, packets[0].time_base
            packet.is_keyframe = number == 0
            out.mux(packet)
    source.unlink()


def wide_jpegs(folder: Path) -> None:
    """Write a film whose pictures state 65000 x 65000 pixels."""
    path = write(folder / "a.avi", clip(), codec="mjpeg", pix="yuvj420p")
    data = path.read_bytes()
    size = (32).to_bytes(2, "big") * 2
    path.write_bytes(data.replace(b"\xff\xc0\0\x11\x08" + size, b"\xff\xc0\0\x11\x08" + (65000).to_bytes(2, "big") * 2))


def chunk_of_zeros(folder: Path) -> None:
    array = zarr.create_array(
        str(folder / "a.zarr"), shape=(4, 20000, 30000, 3), chunks=(4, 20000, 30000, 3), dtype="u1", fill_value=1
    )
    # A chunk is damaged or not; it is never unpacked.
    (folder / "a.zarr" / "c" / "0" / "0" / "0").mkdir(parents=True)
    (folder / "a.zarr" / "c" / "0" / "0" / "0" / "0").write_bytes(b"x" * 1000)
    assert array.nchunks_initialized == 1


def one(name: str, make: Callable[[], bytes]) -> Callable[[Path], None]:
    def put(folder: Path) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(make())

    return put


def webp(width: int, height: int) -> bytes:
    made = b"VP8X" + (10).to_bytes(4, "little") + b"\x02\0\0\0"
    made += (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little") + b"ANIM\x06\0\0\0" + bytes(6)
    return b"RIFF" + (len(made) + 4).to_bytes(4, "little") + b"WEBP" + made


ACTL = (b"acTL", (300).to_bytes(4, "big") + bytes(4))
BOMBS: dict[str, Callable[[Path], None]] = {
    "held frames of a GIF": one("a.gif", lambda: gif(1000, 1000, [1, 65535, 65535])),
    "canvas of a GIF": one("a.gif", lambda: gif(65535, 65535, [1])),
    "many frames of a GIF": one("a.gif", lambda: gif(6000, 6000, [1] * 200)),
    "one PNG": one("a/0.png", lambda: png(7000, 6000)),
    "many PNGs": many_pngs,
    "an animated PNG": one("a.png", lambda: png(5900, 5900, [ACTL])),
    "a WebP": one("a.webp", lambda: webp(16000, 16000)),
    "a still film": still_film,
    "pictures of a film": wide_jpegs,
    "a chunk of zarr": chunk_of_zeros,
}


@needs_linux
@pytest.mark.parametrize("bomb", BOMBS)
def test_small_files_that_unpack_to_gigabytes_are_refused(tmp_path: Path, bomb: str) -> None:
    BOMBS[bomb](tmp_path)
    assert sum(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file()) < 600_000
    command = [sys.executable, "-c", READ, str(tmp_path)]
    said, peak = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.splitlines()
    assert said.startswith("4 ") and ("a." in said or "0.png" in said or "a of" in said), said
    assert int(peak) < MOST_BYTES


def test_what_is_large_and_honest_is_read(tmp_path: Path) -> None:
    # A GIF with a frame that is held for a minute, a picture of 20 million pixels, a film of Full HD.
    held = write_gif(tmp_path / "b.gif", clip(n=3), [100, 60_000, 100])
    (tmp_path / "c").mkdir()
    Image.fromarray(np.zeros((4000, 5000), np.uint8)).save(tmp_path / "c" / "0.png")
    write(tmp_path / "d.mp4", np.zeros((4, 1080, 1920, 3), np.uint8), pix="yuv420p", options={"preset": "ultrafast"})
    found = open_clips(tmp_path)
    shapes = [found.read(name).frames.shape for name in "bcd"]
    assert shapes == [(602, 32, 32, 3), (1, 4000, 5000, 3), (4, 1080, 1920, 3)] and held.stat().st_size < 10_000


def test_a_still_film_that_is_meant_to_be_so_large_is_allowed_by_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight seconds of 720p at 30 frames a second, in 11 kB."""
    size = (240, 720, 1280, 11_000, "a.mp4")
    needed = math.ceil(240 * 720 * 1280 * 3 / 11_000)
    with pytest.raises(IntegrityError, match=rf"a\.mp4 of .* unpacks to .*BRAINFLIX_UNPACK_RATIO={needed}$"):
        check_clip(*size)
    monkeypatch.setenv("BRAINFLIX_UNPACK_RATIO", str(needed - 1))
    with pytest.raises(IntegrityError):
        check_clip(*size)
    monkeypatch.setenv("BRAINFLIX_UNPACK_RATIO", str(needed))
    check_clip(*size)


def test_an_mp4_that_names_more_pictures_than_it_has_bytes_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", clip())
    data = bytearray(path.read_bytes())
    at = data.find(b"stsz") + 8
    data[at : at + 8] = (1).to_bytes(4, "big") + (2**31).to_bytes(4, "big")
    path.write_bytes(bytes(data))
    with pytest.raises(IntegrityError, match=r"a\.mp4 names 2147483648 pictures"):
        open_clips(tmp_path).read("a")
