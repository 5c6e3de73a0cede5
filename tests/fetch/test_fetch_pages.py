"""A web page in the place of a file is no data: it is said, with the page that a person has to visit."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fetch_worlds import BODY, remote

from brainflix.errors import MissingError
from brainflix.io.fetch.download import fetch_files
from brainflix.io.fetch.one import Line
from brainflix.progress import Silent

PAGE = b"  <!DOCTYPE html>\n<title>Sign in</title>" + bytes(2000)
QUICK = Line(retries=1, wait_s=0.001, timeout_s=2, page="https://owner.example/terms")
UNKNOWN = {"size": None, "digest": ""}


def _answer(status: int, headers: dict[str, str], body: bytes):
    return lambda path, query, asked: (status, headers, body)


@pytest.mark.parametrize("known", [{}, UNKNOWN])
@pytest.mark.parametrize(
    "headers, body",
    [({"Content-Type": "text/html; charset=utf-8"}, b"plain words"), ({}, PAGE), ({}, b"\xef\xbb\xbf<HTML lang=en>")],
)
def test_a_page_with_status_200_is_no_file(site, tmp_path, known, headers, body):
    site.pages = _answer(200, headers, body)
    with pytest.raises(MissingError, match="web page") as caught:
        fetch_files([remote(f"{site.url}/file.bin", **known)], tmp_path, progress=Silent(), line=QUICK)
    assert "https://owner.example/terms" in caught.value.next
    assert len(site.requests) == 1 and not (tmp_path / "sub/file.bin").exists()


def test_a_page_that_comes_byte_by_byte_is_no_file(site, tmp_path):
    site.put("file.bin", PAGE[:40], bytes_per_s=400)
    with pytest.raises(MissingError, match="web page"):
        fetch_files([remote(f"{site.url}/file.bin", **UNKNOWN)], tmp_path, progress=Silent(), line=QUICK)
    assert not [path for path in (tmp_path / "sub").iterdir()]


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refusal_names_the_page_to_visit(site, tmp_path, status):
    site.pages = _answer(status, {"Content-Type": "text/html"}, PAGE)
    with pytest.raises(MissingError, match=f"status {status}") as caught:
        fetch_files([remote(f"{site.url}/file.bin")], tmp_path, progress=Silent(), line=QUICK)
    assert "https://owner.example/terms" in caught.value.next


def test_a_file_that_is_a_page_by_its_name_is_taken(site, tmp_path):
    site.pages = _answer(200, {"Content-Type": "text/html"}, PAGE)
    file = remote(f"{site.url}/readme.html", body=PAGE, path="readme.HTML")
    fetch_files([file], tmp_path, progress=Silent(), line=QUICK)
    assert (tmp_path / "readme.HTML").read_bytes() == PAGE


def test_data_that_speak_of_pages_later_on_are_data(site, tmp_path):
    body = BODY[:600] + PAGE
    fetch_files([remote(site.put("file.bin", body), body=body, **UNKNOWN)], tmp_path, progress=Silent(), line=QUICK)
    assert (tmp_path / "sub/file.bin").read_bytes() == body


@pytest.mark.parametrize("first", [PAGE[: len(BODY)].ljust(len(BODY)), bytes(len(BODY))], ids=["page", "other bytes"])
def test_what_the_first_address_has_does_not_keep_the_second_away(site, tmp_path, first):
    file = replace(remote(site.put("wrong.bin", first)), others=(site.put("right.bin", BODY),))
    fetch_files([file], tmp_path, progress=Silent(), line=QUICK)
    assert [path.name for path in (tmp_path / "sub").iterdir()] == ["file.bin"]
    assert (tmp_path / "sub/file.bin").read_bytes() == BODY
