"""Archives: honest ones come out whole; every trick is refused with nothing left behind."""

from __future__ import annotations

import errno
import io
import os
import tarfile
import warnings
import zipfile

import pytest

from brainflix.errors import IntegrityError, MissingError, ResourceError
from brainflix.io.archives import unpack
from brainflix.testing.faults import fail, inject

FILES = {"a/one.txt": b"one", "two.bin": bytes(range(256)) * 40, "a/b/empty": b""}


def make_tar(path, members, mode="w"):
    with tarfile.open(path, mode) as archive:
        for member, body in members:
            info = member if isinstance(member, tarfile.TarInfo) else tarfile.TarInfo(member)
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    return path


def make_zip(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for member, body in members:
            archive.writestr(member, body)
    return path


def special(name, kind, target=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz", "zip"])
def test_an_honest_archive_comes_out_whole(tmp_path, mode):
    made = (make_zip if mode == "zip" else lambda p, m: make_tar(p, m, mode))(tmp_path / "x", FILES.items())
    written = unpack(made, tmp_path / "out", max_bytes=1 << 20)
    assert [str(path) for path in written] == list(FILES)
    assert {str(path): (tmp_path / "out" / path).read_bytes() for path in written} == FILES


def zip_link(path):
    info = zipfile.ZipInfo("link")
    info.create_system, info.external_attr = 3, 0o120777 << 16
    return make_zip(path, [(info, "/etc/passwd")])


def encrypted(path):
    make_zip(path, [("a", b"secret")])
    body = bytearray(path.read_bytes())
    body[6] |= 1
    body[body.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(bytes(body))
    return path


def liar(path):
    """A zip that declares a small member and holds a large one."""
    make_zip(path, [("a", b"\0" * 3_000_000)])
    body = bytearray(path.read_bytes())
    at = body.index(b"PK\x01\x02")
    body[at + 24 : at + 28] = (10).to_bytes(4, "little")
    body[22:26] = (10).to_bytes(4, "little")
    path.write_bytes(bytes(body))
    return path


def cut(path):
    make_tar(path, FILES.items(), "w:gz")
    path.write_bytes(path.read_bytes()[:-60])
    return path


def cut_plain(at):
    def make(path):
        make_tar(path, [("a", b"1" * 700), ("b", b"2" * 700), ("c", b"3" * 700)])
        path.write_bytes(path.read_bytes()[:at])
        return path

    return make


TRICKS = {
    "tar cut between members": cut_plain(1536),
    "tar cut in a header": cut_plain(1536 + 100),
    "tar folder case": lambda p: make_tar(p, [("a/x", b"1"), ("A/y", b"2")]),
    "tar accents": lambda p: make_tar(p, [("e\u0301", b"1"), ("\u00e9", b"2")]),
    "zip accents": lambda p: make_zip(p, [("e\u0301/x", b"1"), ("\u00e9/y", b"2")]),
    "tar parent": lambda p: make_tar(p, [("../out.txt", b"x")]),
    "tar deep parent": lambda p: make_tar(p, [("a/../../out.txt", b"x")]),
    "tar absolute": lambda p: make_tar(p, [("/tmp/brainflix-out.txt", b"x")]),
    "tar symlink": lambda p: make_tar(p, [(special("l", tarfile.SYMTYPE, "/etc"), b"")]),
    "tar symlink and file through it": lambda p: make_tar(
        p, [(special("l", tarfile.SYMTYPE, ".."), b""), ("l/out.txt", b"x")]
    ),
    "tar hard link": lambda p: make_tar(p, [(special("l", tarfile.LNKTYPE, "/etc/passwd"), b"")]),
    "tar device": lambda p: make_tar(p, [(special("d", tarfile.CHRTYPE), b"")]),
    "tar fifo": lambda p: make_tar(p, [(special("f", tarfile.FIFOTYPE), b"")]),
    "tar twice": lambda p: make_tar(p, [("a", b"1"), ("a", b"2")]),
    "tar case": lambda p: make_tar(p, [("a/B", b"1"), ("A/b", b"2")]),
    "tar bomb": lambda p: make_tar(p, [("a", b"\0" * 20_000_000)], "w:gz"),
    "tar cut": cut,
    "zip parent": lambda p: make_zip(p, [("../out.txt", b"x")]),
    "zip absolute": lambda p: make_zip(p, [("/tmp/brainflix-out.txt", b"x")]),
    "zip backslash": lambda p: make_zip(p, [("..\\out.txt", b"x")]),
    "zip drive": lambda p: make_zip(p, [("C:out.txt", b"x")]),
    "zip link": zip_link,
    "zip twice": lambda p: make_zip(p, [("a", b"1"), ("a", b"2")]),
    "zip bomb": lambda p: make_zip(p, [("a", b"\0" * 20_000_000)]),
    "zip liar": liar,
    "zip encrypted": encrypted,
    "no archive": lambda p: (p.write_bytes(b"not an archive" * 100), p)[1],
}


@pytest.mark.parametrize("trick", TRICKS)
def test_every_trick_is_refused_and_leaves_nothing(tmp_path, trick):
    place = tmp_path / "in"
    place.mkdir()
    made = TRICKS[trick](place / "x")
    with pytest.raises(IntegrityError) as caught:
        unpack(made, place / "out", max_bytes=1 << 30)
    assert caught.value.exit_code == 4
    assert [path.name for path in place.iterdir()] == ["x"] and [path.name for path in tmp_path.iterdir()] == ["in"]
    assert not os.path.exists("/tmp/brainflix-out.txt")


def test_more_than_allowed_is_refused(tmp_path):
    made = make_tar(tmp_path / "x", FILES.items())
    with pytest.raises(IntegrityError, match="far more"):
        unpack(made, tmp_path / "out", max_bytes=1000)


def test_a_full_disk_and_a_missing_archive(tmp_path):
    made = make_tar(tmp_path / "x", FILES.items())
    with inject(fail(errno.ENOSPC), at=1, calls=("write",), sticky=True), pytest.raises(ResourceError):
        unpack(made, tmp_path / "out", max_bytes=1 << 20)
    with pytest.raises(MissingError):
        unpack(tmp_path / "y", tmp_path / "out", max_bytes=1)
    unpack(made, tmp_path / "out", max_bytes=1 << 20)
    with pytest.raises(IntegrityError, match="already"):
        unpack(made, tmp_path / "out", max_bytes=1 << 20)
