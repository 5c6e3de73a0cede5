"""How the units of a picture are parted: by lengths or by start codes, as the codec's header says."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from brainflix.io.nal_units import are_whole, bytes_of_length
from tests.io.film_files import clip, write


@pytest.mark.parametrize(("suffix", "expected"), [("mp4", 4), ("ts", 0)])
def test_h265_of_old_muxers_has_lengths_too(tmp_path: Path, suffix: str, expected: int) -> None:
    path = write(tmp_path / f"a.{suffix}", clip(height=64, width=64), codec="libx265", pix="yuv420p")
    with av.open(str(path)) as film:
        header = bytes(film.streams.video[0].codec_context.extradata or b"")
        packets = [bytes(packet) for packet in film.demux(video=0) if packet.size]
    assert bytes_of_length("hevc", header) == expected
    if suffix == "mp4":
        # The version of the record was 0 before its standard came out.
        assert header[0] == 1 and bytes_of_length("hevc", b"\0" + header[1:]) == expected
    assert all(are_whole(packet, expected) for packet in packets)


def test_start_codes_of_h265_are_no_record() -> None:
    for start in (b"\0\0\1", b"\0\0\0\1"):
        assert bytes_of_length("hevc", start + b"\x40\1" + bytes(range(40))) == 0
