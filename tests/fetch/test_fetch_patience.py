"""A server that changes a file, or sends it by drops, is given up; what came is kept, and the setting is named."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
from fetch_worlds import BODY, remote

from brainflix.errors import MissingError
from brainflix.io.fetch.addresses import shown, split_login, without_logins
from brainflix.io.fetch.download import fetch_files
from brainflix.io.fetch.files import RemoteFile
from brainflix.io.fetch.journal import part_of
from brainflix.io.fetch.one import Line
from brainflix.io.fetch.patience import Patience
from brainflix.progress import Silent

QUICK = Line(retries=3, wait_s=0.001, timeout_s=0.5)
# At every request the line breaks a little later: each time there is progress.
LATER = [1000 + 100 * n for n in range(200)]


def fetch(file: RemoteFile, folder: Path, line: Line = QUICK) -> None:
    fetch_files([file], folder, progress=Silent(), line=line)


def given_up(file: RemoteFile, folder: Path, line: Line = QUICK) -> MissingError:
    with pytest.raises(MissingError) as caught:
        fetch(file, folder, line)
    assert caught.value.exit_code == 3 and file.url in caught.value.what
    assert not (folder / file.path).exists() and part_of(folder / file.path).stat().st_size > 0
    assert "are kept in file.bin.part" in caught.value.why
    return caught.value


@pytest.mark.parametrize("known", [{}, {"digest": ""}, {"size": None, "digest": ""}])
@pytest.mark.parametrize("heeds", [True, False])
def test_a_mirror_with_another_version_at_every_break_is_given_up(site, tmp_path, known, heeds):
    site.put("file.bin", BODY, restless=True, cut_at=list(LATER), heeds=heeds)
    error = given_up(remote(f"{site.url}/file.bin", **known), tmp_path)
    assert "changes all the time" in error.why and "3 times, setting fetch_retries" in error.why
    assert len(site.requests) < 12


@pytest.mark.parametrize("etag", ["", None])
def test_a_file_with_another_length_at_every_break_is_given_up(site, tmp_path, etag):
    site.put("file.bin", BODY, grows=10, etag=etag, cut_at=list(LATER))
    error = given_up(remote(f"{site.url}/file.bin", size=None, digest=""), tmp_path)
    assert "changes all the time" in error.why and len(site.requests) < 12


def test_a_file_without_ranges_that_breaks_ever_later_is_given_up(site, tmp_path):
    site.put("file.bin", BODY, ranges=False, cut_at=list(LATER))
    error = given_up(remote(f"{site.url}/file.bin"), tmp_path)
    assert "the server sends no rest" in error.why and len(site.requests) == QUICK.retries + 2


def test_a_length_that_changes_behind_one_version_is_not_mixed(site, tmp_path):
    site.put("file.bin", BODY, etag='"always"', cut_at=[100_000])
    with pytest.raises(MissingError):
        fetch(remote(f"{site.url}/file.bin", size=None, digest=""), tmp_path, Line(retries=0, wait_s=0))
    longer = BODY[::-1] + b"more"
    site.put("file.bin", longer, etag='"always"')
    fetch(remote(f"{site.url}/file.bin", size=None, digest=""), tmp_path)
    assert (tmp_path / "sub/file.bin").read_bytes() == longer


def test_a_version_that_changes_once_is_fetched(site, tmp_path):
    site.put("file.bin", BODY[::-1], cut_at=[100_000])
    with pytest.raises(MissingError):
        fetch(remote(f"{site.url}/file.bin"), tmp_path, Line(retries=0, wait_s=0))
    site.put("file.bin", BODY)
    fetch(remote(f"{site.url}/file.bin"), tmp_path)
    assert (tmp_path / "sub/file.bin").read_bytes() == BODY


def test_drops_are_given_up_although_the_server_is_never_silent(site, tmp_path):
    site.put("file.bin", BODY, bytes_per_s=20)
    started = time.monotonic()
    error = given_up(remote(f"{site.url}/file.bin"), tmp_path, replace(QUICK, patience_s=0.4))
    assert "slower than 1024 bytes a second for 0.4 s, setting fetch_patience_s" in error.why
    assert time.monotonic() - started < 30


def test_what_is_just_fast_enough_comes(site, tmp_path):
    fetch(remote(site.put("file.bin", BODY, bytes_per_s=600_000)), tmp_path, replace(QUICK, patience_s=0.1))
    assert (tmp_path / "sub/file.bin").read_bytes() == BODY


def test_a_line_that_breaks_after_every_byte_is_slow_too():
    now = [0.0]
    patience = Patience("http://x", Path("absent"), retries=5, patience_s=300, clock=lambda: now[0])
    with pytest.raises(MissingError, match="fetch_patience_s"):
        for _ in range(1000):
            now[0] += 1
            patience.came(1)
            patience.broke("broken", progressed=True)
    assert now[0] == 300


def test_waits_that_the_server_asked_for_are_excused():
    now = [0.0]
    patience = Patience("http://x", Path("absent"), retries=99, patience_s=300, clock=lambda: now[0])
    for _ in range(50):
        now[0] += 60
        patience.excuse(60)
        patience.broke("busy", progressed=False)
    assert patience.breaks == 50


# --- addresses ---


@pytest.mark.parametrize(
    "url, expected",
    [
        ("https://a.b/c?versionId=3", "https://a.b/c?versionId=3"),
        ("https://me:pass@a.b:8/c", "https://a.b:8/c"),
        ("https://a.b/c?X-Amz-Signature=12&part=3", "https://a.b/c?X-Amz-Signature=...&part=3"),
        ("https://a.b/c?token=12", "https://a.b/c?token=..."),
    ],
)
def test_addresses_are_shown_without_secrets(url, expected):
    assert shown(url) == expected


def test_a_login_becomes_a_header():
    assert split_login("http://me:p%40ss@a.b/c") == ("http://a.b/c", {"Authorization": "Basic bWU6cEBzcw=="})
    assert split_login("http://a.b/c@d") == ("http://a.b/c@d", {})
    assert without_logins("for url 'http://me:pass@a.b/c' (x@y.z)") == "for url 'http://a.b/c' (x@y.z)"


def test_a_file_behind_a_login_is_fetched_and_the_login_is_not_written_down(site, tmp_path):
    site.put("file.bin", BODY, cut_at=[1000])
    url = f"{site.url}/file.bin".replace("://", "://me:planted-password@")
    with pytest.raises(MissingError) as caught:
        fetch(remote(url), tmp_path, Line(retries=0, wait_s=0))
    assert "planted" not in str(caught.value)
    assert not any(b"planted" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    fetch(remote(url), tmp_path)
    assert (tmp_path / "sub/file.bin").read_bytes() == BODY
    assert {headers["authorization"] for _, headers in site.requests} == {"Basic bWU6cGxhbnRlZC1wYXNzd29yZA=="}
