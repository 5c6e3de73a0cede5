"""Every fault ends in the right bytes under the final name or in a clear error, never in a wrong file there."""

from __future__ import annotations

import errno
import shutil
from collections import namedtuple
from pathlib import Path

import pytest
from fetch_worlds import BODY, digest, remote

from brainflix.errors import IntegrityError, MissingError, ResourceError
from brainflix.io.fetch.download import fetch_files
from brainflix.io.fetch.files import RemoteFile
from brainflix.io.fetch.journal import part_of
from brainflix.io.fetch.one import Line
from brainflix.progress import Silent
from brainflix.testing.faults import fail, inject

QUICK = Line(retries=3, wait_s=0.001, timeout_s=0.5)


def fetch(file: RemoteFile | list[RemoteFile], folder: Path, **options) -> None:
    files = file if isinstance(file, list) else [file]
    fetch_files(files, folder, progress=Silent(), **{"line": QUICK, **options})


def content(folder: Path) -> bytes:
    return (folder / "sub/file.bin").read_bytes()


def nothing_final(folder: Path) -> bool:
    return not (folder / "sub/file.bin").exists()


def test_a_file_comes_whole_and_leaves_nothing_beside_it(site, tmp_path):
    fetch(remote(site.put("file.bin", BODY)), tmp_path)
    assert content(tmp_path) == BODY
    assert [path.name for path in (tmp_path / "sub").iterdir()] == ["file.bin"]


@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
def test_digests_of_both_kinds(site, tmp_path, algorithm):
    fetch(remote(site.put("file.bin", BODY), digest=digest(BODY, algorithm)), tmp_path)
    assert content(tmp_path) == BODY


def test_a_disconnect_at_every_tenth_is_resumed_and_no_byte_is_sent_twice(site, tmp_path):
    cuts = [len(BODY) * tenth // 10 for tenth in range(1, 10)]
    fetch(remote(site.put("file.bin", BODY, cut_at=list(cuts))), tmp_path)
    assert content(tmp_path) == BODY
    ranges = [headers.get("range") for _, headers in site.requests]
    assert ranges == [None, *(f"bytes={cut}-" for cut in cuts)]
    assert all("if-match" in headers for _, headers in site.requests[1:])


@pytest.mark.parametrize("known", [{}, {"size": None}, {"digest": ""}, {"size": None, "digest": ""}])
def test_a_truncated_file_is_never_final(site, tmp_path, known):
    site.put("file.bin", BODY, cut_at=[1000] * 50, ranges=False)
    with pytest.raises(MissingError, match=r"1 of 1 files could not be fetched, the first is sub/file\.bin"):
        fetch(remote(f"{site.url}/file.bin", **known), tmp_path)
    assert nothing_final(tmp_path)


def test_wrong_bytes_are_fetched_once_more_and_then_refused(site, tmp_path):
    site.put("file.bin", BODY, lie=BODY[::-1])
    with pytest.raises(IntegrityError, match="is not the file that was published") as caught:
        fetch(remote(f"{site.url}/file.bin"), tmp_path)
    assert digest(BODY) in caught.value.why and digest(BODY[::-1]) in caught.value.why
    assert len(site.requests) == 2 and nothing_final(tmp_path) and not list(tmp_path.rglob("*.part*"))


def test_another_size_than_the_published_one_is_refused_before_the_body(site, tmp_path):
    with pytest.raises(IntegrityError, match="300000 bytes instead of 7"):
        fetch(remote(site.put("file.bin", BODY), size=7), tmp_path)
    assert nothing_final(tmp_path)


@pytest.mark.parametrize("known", [{}, {"digest": ""}])
def test_a_file_that_changes_between_attempts_starts_again(site, tmp_path, known):
    site.put("file.bin", BODY[::-1], cut_at=[100_000])
    with pytest.raises(MissingError):
        fetch(remote(f"{site.url}/file.bin", **known), tmp_path, line=Line(retries=0, wait_s=0))
    assert part_of(tmp_path / "sub/file.bin").stat().st_size == 100_000
    site.put("file.bin", BODY)
    fetch(remote(f"{site.url}/file.bin", **known), tmp_path)
    assert content(tmp_path) == BODY


@pytest.mark.parametrize("known", [{}, {"digest": ""}, {"size": None, "digest": ""}])
def test_a_changed_file_behind_a_server_that_does_not_care_is_not_mixed(site, tmp_path, known):
    site.put("file.bin", BODY[::-1], cut_at=[100_000], heeds=False)
    with pytest.raises(MissingError):
        fetch(remote(f"{site.url}/file.bin", **known), tmp_path, line=Line(retries=0, wait_s=0))
    site.put("file.bin", BODY, heeds=False)
    fetch(remote(f"{site.url}/file.bin", **known), tmp_path)
    assert content(tmp_path) == BODY


def test_a_rest_of_unknown_total_is_still_seen_to_break_off(site, tmp_path):
    cuts = [100_000, 200_000]
    site.put("file.bin", BODY, cut_at=list(cuts), tells_total=False)
    fetch(remote(f"{site.url}/file.bin", size=None, digest=""), tmp_path)
    assert content(tmp_path) == BODY and len(site.requests) == 3


def test_a_part_without_version_or_digest_is_not_trusted(site, tmp_path):
    part = part_of(tmp_path / "sub/file.bin")
    part.parent.mkdir()
    part.write_bytes(b"x" * 1000)
    fetch(remote(site.put("file.bin", BODY), digest=""), tmp_path)
    assert content(tmp_path) == BODY and "range" not in site.requests[0][1]


def test_a_damaged_part_is_found_by_the_digest(site, tmp_path):
    part = part_of(tmp_path / "sub/file.bin")
    part.parent.mkdir()
    part.write_bytes(BODY[:1000][::-1])
    fetch(remote(site.put("file.bin", BODY)), tmp_path)
    assert content(tmp_path) == BODY


def test_a_part_that_is_too_long_starts_again(site, tmp_path):
    part = part_of(tmp_path / "sub/file.bin")
    part.parent.mkdir()
    part.write_bytes(BODY + b"more")
    fetch(remote(site.put("file.bin", BODY)), tmp_path)
    assert content(tmp_path) == BODY


@pytest.mark.parametrize("statuses", [[500], [503, 502, 504], [429]])
def test_a_busy_server_is_asked_again(site, tmp_path, statuses):
    fetch(remote(site.put("file.bin", BODY, statuses=list(statuses))), tmp_path)
    assert content(tmp_path) == BODY and len(site.requests) == len(statuses) + 1


def test_waits_double_and_the_servers_own_wish_counts(site, tmp_path, monkeypatch):
    waits: list[float] = []
    monkeypatch.setattr(Line, "wait", lambda self, seconds: waits.append(seconds))
    site.put("a", BODY, statuses=[500, 500, 500])
    fetch(remote(f"{site.url}/a", path="a"), tmp_path, line=Line(wait_s=0.5))
    site.put("b", BODY, statuses=[429], retry_after=7)
    fetch(remote(f"{site.url}/b", path="b"), tmp_path)
    assert waits == [0.5, 1.0, 2.0, 7.0]


def test_a_server_that_stays_broken_is_given_up(site, tmp_path):
    site.put("file.bin", BODY, statuses=[500] * 99)
    with pytest.raises(MissingError, match="cannot fetch") as caught:
        fetch(remote(f"{site.url}/file.bin"), tmp_path)
    assert "500" in caught.value.why and len(site.requests) == QUICK.retries + 1


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_refusal_is_not_repeated(site, tmp_path, status):
    site.put("file.bin", BODY, statuses=[status] * 9)
    with pytest.raises(MissingError, match=f"status {status}"):
        fetch(remote(f"{site.url}/file.bin"), tmp_path)
    assert len(site.requests) == 1


def test_a_silent_server_is_left_after_its_time(site, tmp_path):
    site.put("file.bin", BODY, silent_s=3)
    with pytest.raises(MissingError, match="cannot fetch"):
        fetch(remote(f"{site.url}/file.bin"), tmp_path, line=Line(retries=1, wait_s=0, timeout_s=0.1))


def test_a_slow_server_is_not_silent(site, tmp_path):
    fetch(remote(site.put("file.bin", BODY, bytes_per_s=600_000)), tmp_path, line=Line(retries=0, timeout_s=0.3))
    assert content(tmp_path) == BODY


def test_no_network_is_one_sentence(tmp_path):
    with pytest.raises(MissingError, match="cannot fetch"):
        fetch(remote("http://127.0.0.1:9/file.bin"), tmp_path)


def test_offline_asks_nobody(site, tmp_path):
    with pytest.raises(MissingError, match="1 files are not here") as caught:
        fetch(remote(site.put("file.bin", BODY)), tmp_path, offline=True)
    assert "offline" in caught.value.why and not site.requests


def test_other_files_come_although_one_fails(site, tmp_path):
    files = [remote(site.put(f"{n}.bin", BODY), path=f"{n}.bin") for n in range(6)]
    site.files["3.bin"].statuses = [404]
    with pytest.raises(MissingError, match=r"1 of 6 files could not be fetched, the first is 3\.bin"):
        fetch(files, tmp_path)
    assert sorted(path.name for path in tmp_path.glob("*.bin")) == ["0.bin", "1.bin", "2.bin", "4.bin", "5.bin"]
    before = len(site.requests)
    fetch(files, tmp_path)
    assert len(site.requests) == before + 1


@pytest.mark.parametrize("workers", [1, 3, 8])
def test_the_number_of_workers_changes_nothing(site, tmp_path, workers):
    bodies = [BODY[: 1000 * (n + 1)] for n in range(9)]
    files = [remote(site.put(f"{n}", body), body, path=f"d/{n}") for n, body in enumerate(bodies)]
    fetch(files, tmp_path, workers=workers)
    assert [(tmp_path / f"d/{n}").read_bytes() for n in range(9)] == bodies


def test_a_wrong_file_in_place_is_replaced_and_a_right_one_is_hashed_once(site, tmp_path, monkeypatch):
    final = tmp_path / "sub/file.bin"
    final.parent.mkdir()
    final.write_bytes(BODY[::-1])
    file = remote(site.put("file.bin", BODY))
    fetch(file, tmp_path)
    assert content(tmp_path) == BODY
    hashed: list[Path] = []
    monkeypatch.setattr("brainflix.io.fetch.journal.digest_of", lambda path, kind: hashed.append(path) or file.digest)
    fetch(file, tmp_path)
    assert not hashed and len(site.requests) == 1
    fetch(file, tmp_path, verify=True)
    assert hashed == [final]


def test_a_touched_file_is_hashed_again(site, tmp_path):
    file = remote(site.put("file.bin", BODY))
    fetch(file, tmp_path)
    (tmp_path / "sub/file.bin").write_bytes(BODY[::-1])
    fetch(file, tmp_path)
    assert content(tmp_path) == BODY and len(site.requests) == 2


def test_too_little_room_is_said_before_the_first_byte(site, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10, 9, 1))
    with pytest.raises(ResourceError, match="are to be fetched") as caught:
        fetch(remote(site.put("file.bin", BODY)), tmp_path)
    assert caught.value.exit_code == 5 and not site.requests


@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_disk_that_fills_up_is_a_sentence_and_the_next_attempt_ends_it(site, tmp_path, at):
    file = remote(site.put("file.bin", BODY))
    with (
        inject(fail(errno.ENOSPC), at=at, calls=("write",), sticky=True) as record,
        pytest.raises(ResourceError) as caught,
    ):
        fetch(file, tmp_path)
    assert record.struck and caught.value.exit_code == 5 and nothing_final(tmp_path)
    fetch(file, tmp_path)
    assert content(tmp_path) == BODY


def test_redirects_are_followed_to_web_addresses_alone(site, tmp_path):
    site.put("file.bin", BODY)
    site.put("there", b"", redirect=f"{site.url}/file.bin")
    fetch(remote(f"{site.url}/there"), tmp_path)
    assert content(tmp_path) == BODY
    secret = tmp_path / "secret"
    secret.write_text("secret")
    site.put("evil", b"", redirect=f"file://{secret}")
    with pytest.raises(MissingError):
        fetch(RemoteFile("evil", f"{site.url}/evil"), tmp_path)
    assert not (tmp_path / "evil").exists()


def test_a_token_is_told_to_its_own_host_alone(site, tmp_path):
    site.put("file.bin", BODY)
    other = site.url.replace("127.0.0.1", "localhost")
    site.put("there", b"", redirect=f"{other}/file.bin")
    line = Line(headers=lambda url: {"Authorization": "Bearer planted"}, timeout_s=2)
    fetch(remote(f"{site.url}/there"), tmp_path, line=line)
    assert [headers.get("authorization") for _, headers in site.requests] == ["Bearer planted", None]


def test_a_token_is_not_told_to_the_same_host_unencrypted():
    import urllib.request

    from brainflix.io.fetch.http import _Redirects

    request = urllib.request.Request("https://hub.example/a", headers={"Authorization": "Bearer planted"})
    for target, kept in (
        ("https://hub.example/b", True),
        ("http://hub.example/b", False),
        ("https://cdn.example/b", False),
    ):
        following = _Redirects().redirect_request(request, None, 302, "", {}, target)
        assert following is not None and following.has_header("Authorization") is kept


@pytest.mark.parametrize("path", ["../out", "/etc/out", "a/../../out", "", "a\\b"])
def test_a_path_that_leaves_the_folder_is_refused(path):
    with pytest.raises(IntegrityError):
        RemoteFile(path)


def test_bytes_are_counted(site, tmp_path):
    class Counting(Silent):
        total, done = None, 0

        def transfer(self, total, what):
            from contextlib import contextmanager

            @contextmanager
            def counting():
                self.total = total

                def advance(count: int) -> None:
                    self.done += count

                yield advance

            return counting()

    counted = Counting()
    file = remote(site.put("file.bin", BODY, cut_at=[90_000]))
    fetch_files([file], tmp_path, progress=counted, line=QUICK)
    assert counted.total == counted.done == len(BODY)
