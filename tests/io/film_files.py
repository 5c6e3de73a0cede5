"""Films and clips in small, written as tests need them: at own times, with covers, turned, damaged."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image

LOSSLESS = {"crf": "0", "threads": "1"}


def clip(seed: int = 0, n: int = 6, height: int = 32, width: int = 32) -> np.ndarray:
    """Return smooth frames (n, height, width, 3) that no turn or mirror leaves as they are."""
    y, x = np.mgrid[:height, :width] / max(height, width)
    frames = [np.stack([200 * x, 160 * y + 8 * seed, 90 * (x + y) + 12 * t], -1) + 10 for t in range(n)]
    made = np.stack(frames)
    made[:, : height // 4, : width // 4] = 240
    return made.astype(np.uint8)


def levels(values: Sequence[int], size: int = 32) -> np.ndarray:
    """Return frames of one grey level each, (n, size, size, 3)."""
    return np.broadcast_to(np.array(values, np.uint8)[:, None, None, None], (len(values), size, size, 3)).copy()


def write(
    path: Path,
    frames: np.ndarray,
    rate: Any = 6,
    *,
    codec: str = "libx264",
    pix: str = "yuv444p",
    options: dict[str, str] | None = None,
    pts: Sequence[int] | None = None,
    tick: Fraction | None = None,
    aspect: Fraction | None = None,
) -> Path:
    """Encode frames (n, height, width, 3 or 4); `pts` are their starts in `tick`s of a second."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream(codec, rate=rate)
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], pix
        stream.options = LOSSLESS if options is None and codec == "libx264" else options or {}
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        if tick:
            stream.codec_context.time_base = tick
        for number, pixels in enumerate(frames):
            made = av.VideoFrame.from_ndarray(
                np.ascontiguousarray(pixels), format="rgba" if pixels.shape[-1] == 4 else "rgb24"
            )
            if pts is not None:
                made.pts, made.time_base = int(pts[number]), tick
            out.mux(stream.encode(made))
        out.mux(stream.encode())
    return path


def flag_matrix(path: Path, a: float, b: float, c: float, d: float) -> None:
    """Put a display matrix into an MP4's track header."""
    data = bytearray(path.read_bytes())
    at = data.find(b"tkhd") + 4
    at += 40 if data[at] == 0 else 52
    struct.pack_into(">9i", data, at, *(round(v * 65536) for v in (a, b, 0, c, d, 0, 0, 0)), 0x40000000)
    path.write_bytes(data)


def write_gif(path: Path, frames: np.ndarray, duration_ms: Any = 330, **options: Any) -> Path:
    """Write an animation by Pillow, in the format of its suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    first, *others = [Image.fromarray(frame) for frame in frames]
    first.save(path, save_all=True, append_images=others, duration=duration_ms, loop=0, **options)
    return path


def mjpeg(frame: np.ndarray) -> bytes:
    """Return one picture as JPEG."""
    out = io.BytesIO()
    Image.fromarray(frame).save(out, "JPEG", quality=90)
    return out.getvalue()
