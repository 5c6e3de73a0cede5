"""Archives: honest ones come out whole; every trick is refused with nothing left behind."""

from __future__ import annotations

import errno
import io
import lzma
import os
import tarfile
import tracemalloc
import warnings
import zipfile
import zlib

import pytest

from brainflix.errors import IntegrityError, MissingError, ResourceError
from brainflix.io import archives
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


@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz"])
@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE])
def test_a_name_of_megabytes_is_refused_before_it_is_read(tmp_path, mode, kind):
    """Names are read whole: a gigabyte of them takes a megabyte of the archive."""
    with tarfile.open(tmp_path / "x", mode) as archive:
        info = special("././@LongLink", kind)
        info.size = 40 << 20
        archive.addfile(info, io.BytesIO(b"a" * info.size))
        archive.addfile(tarfile.TarInfo("a"))
    tracemalloc.start()
    with pytest.raises(IntegrityError, match="header of more than 1 MiB"):
        unpack(tmp_path / "x", tmp_path / "out", max_bytes=1 << 30)
    assert tracemalloc.get_traced_memory()[1] < 20 << 20
    tracemalloc.stop()


def test_a_sparse_map_of_megabytes_is_refused(tmp_path):
    body = b"9999999\n" + b"1\n" * (8 << 20)
    info = tarfile.TarInfo("a")
    info.size, info.pax_headers = len(body), {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}
    with tarfile.open(tmp_path / "x", "w:gz", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(info, io.BytesIO(body))
    with pytest.raises(IntegrityError, match="header of more than 1 MiB"):
        unpack(tmp_path / "x", tmp_path / "out", max_bytes=1 << 30)


@pytest.mark.parametrize("format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_names_of_some_hundred_signs_are_names(tmp_path, format):
    name = "/".join(["a" * 90] * 5)
    with tarfile.open(tmp_path / "x", "w:xz", format=format) as archive:
        info = tarfile.TarInfo(name)
        info.size = 1024
        archive.addfile(info, io.BytesIO(b"1" * 1024))
        archive.addfile(tarfile.TarInfo("b"))
    assert [str(path) for path in unpack(tmp_path / "x", tmp_path / "out", max_bytes=1 << 20)] == [name, "b"]
    assert (tmp_path / "out" / name).read_bytes() == b"1" * 1024


def test_xz_that_wants_gigabytes_for_its_dictionary_is_refused(tmp_path):
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1 << 20}]
    small = lzma.compress(b"\0" * (1 << 20), filters=filters)
    # The header of the first block: its flags, the filter's number and size, and the dictionary by its exponent.
    at = small.index(bytes([0x21, 1, 16]), 12)
    header = bytearray(small[12 : 12 + (small[12] + 1) * 4])
    header[at + 2 - 12] = 39
    header[-4:] = zlib.crc32(header[:-4]).to_bytes(4, "little")
    (tmp_path / "x").write_bytes(small[:12] + bytes(header) + small[12 + len(header) :])
    with pytest.raises(IntegrityError, match=r"[Mm]emory"):
        unpack(tmp_path / "x", tmp_path / "out", max_bytes=1 << 30)


def test_a_zip_packed_by_lzma_is_refused_with_what_to_do(tmp_path):
    with zipfile.ZipFile(tmp_path / "x", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a", b"1" * 100)
    with pytest.raises(IntegrityError, match="unpack it yourself"):
        unpack(tmp_path / "x", tmp_path / "out", max_bytes=1 << 20)


def test_what_is_meant_to_unpack_so_far_may_with_the_setting(tmp_path, monkeypatch):
    made = make_zip(tmp_path / "x", [("a", b"\0" * 3_000_000)])
    with pytest.raises(IntegrityError, match="BRAINFLIX_UNPACK_RATIO=1000"):
        unpack(made, tmp_path / "out", max_bytes=1 << 30)
    monkeypatch.setenv("BRAINFLIX_UNPACK_RATIO", "1000")
    assert len(unpack(made, tmp_path / "out", max_bytes=1 << 30)) == 1


@pytest.mark.parametrize("make", [make_tar, make_zip])
def test_letters_with_accents_are_one_sign_however_they_came(tmp_path, make):
    made = make(tmp_path / "x", [("Ko\u0308rper/fu\u0308r.txt", b"1"), ("\u00e9", b"2")])
    assert [str(path) for path in unpack(made, tmp_path / "out", max_bytes=1 << 20)] == [
        "K\u00f6rper/f\u00fcr.txt",
        "\u00e9",
    ]


def test_more_members_than_its_size_explains(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "_FEW_MEMBERS", 500)
    with tarfile.open(tmp_path / "x", "w:gz", format=tarfile.USTAR_FORMAT) as archive:
        for number in range(502):
            archive.addfile(tarfile.TarInfo(f"d/{number}"))
    with pytest.raises(IntegrityError, match="far more"):
        unpack(tmp_path / "x", tmp_path / "out", max_bytes=1 << 30)
