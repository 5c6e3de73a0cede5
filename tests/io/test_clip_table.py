"""A person's own clips.csv: as spreadsheets save it, and what is no table."""

from __future__ import annotations

from pathlib import Path

import pytest

from brainflix.errors import DataError
from brainflix.io.clip_table import FILE, read_table

TABLE = "clip,segment,onset_s\na,film,0\nb,film,2\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_a_table_of_a_spreadsheet_is_read(tmp_path: Path, encoding: str, ends: str) -> None:
    (tmp_path / FILE).write_bytes(TABLE.replace("film", "f\u00fcr").replace("\n", ends).encode(encoding))
    table = read_table(tmp_path)
    assert table is not None and table.ids == ("a", "b") and table.segment == ("f\u00fcr", "f\u00fcr")
    assert table.onset_s is not None and table.onset_s.tolist() == [0, 2]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (TABLE.replace("b,", "f\u00fcr,").encode("latin-1"), "no table of clips.*UTF-8"),
        (TABLE.encode("utf-16"), "no table of clips.*UTF-8"),
        (TABLE.replace("b,", '"b,').encode(), "no table of clips"),
        (f'{TABLE}"{"x" * 140_000}",film,4\n'.encode(), "no table of clips"),
        (TABLE.replace("film,2", "film,2,5").encode(), "row 3 .* more fields than there are columns"),
        (f"{TABLE},film,4\n".encode(), "row 4 .* names no clip"),
        (b"name,onset_s\na,1\n", "no table of clips"),
    ],
)
def test_what_is_no_table_is_one_sentence(tmp_path: Path, body: bytes, words: str) -> None:
    (tmp_path / FILE).write_bytes(body)
    with pytest.raises(DataError, match=words):
        read_table(tmp_path)
