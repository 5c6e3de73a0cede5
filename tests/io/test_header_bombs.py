"""Headers and packed numbers that want gigabytes, XML that grows, and files that lead to others: refused at once."""

from __future__ import annotations

import base64
import gzip
import re
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from brainflix.errors import BrainflixError, DataError, IntegrityError
from brainflix.io.gifti import read_func_gii
from brainflix.io.grayordinates import models
from brainflix.io.logits import read_logits
from brainflix.io.maps import read_ptseries
from brainflix.io.nifti import read_nifti
from brainflix.io.npz import read_npz
from brainflix.io.surfaces import read_dtseries, write_dtseries
from tests.memory import PEAK_KIB, needs_linux

ROOT = Path(__file__).resolve().parents[2]


# --- npz ---


def npz_of(path: Path, header: dict[str, object], body_bytes: int) -> Path:
    """Write an archive of one array with any header and so many zeros."""
    text = repr(header).encode().ljust(117) + b"\n"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("logits.npy", "w") as file,
    ):
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text)
        for start in range(0, body_bytes, 1 << 20):
            file.write(bytes(min(1 << 20, body_bytes - start)))
    return path


def header_of(*shape: int) -> dict[str, object]:
    return {"descr": "|u1", "fortran_order": False, "shape": shape}


PEAK = """
import sys
sys.path.insert(0, {root!r})
from pathlib import Path
from brainflix.errors import BrainflixError
{imports}
before = {peak}
try:
    {code}
except BrainflixError as error:
    print(error.exit_code, ({peak} - before) // 1024)
"""


def refused_within(imports: str, code: str) -> tuple[int, int]:
    """Return the exit code of what a reader says, and by how many MiB its process grew."""
    text = PEAK.format(root=str(ROOT), imports=imports, code=code, peak=PEAK_KIB)
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stdout, done.stderr
    code_of, grown = done.stdout.split()
    return int(code_of), int(grown)


@needs_linux
def test_an_archive_of_one_huge_array_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = npz_of(tmp_path / "x.npz", header_of(4, 75 << 20), 300 << 20)
    assert path.stat().st_size < 2_000_000
    for imports, code in (
        ("from brainflix.io.logits import read_logits", f"read_logits(Path({str(path)!r}), 'abcd')"),
        ("from brainflix.io.npz import read_npz", f"read_npz(Path({str(path)!r}))"),
        ("from brainflix.io.clip_folder import open_clips", f"open_clips(Path({str(path)!r})).read('0')"),
    ):
        code_of, grown = refused_within(imports, code)
        assert code_of == 4 and grown < 60, imports
    with pytest.raises(IntegrityError, match=r"x\.npz unpacks to far more than its size .*BRAINFLIX_UNPACK_RATIO=\d+"):
        read_npz(path)


@pytest.mark.parametrize("shape", [(1 << 40,), (1 << 20, 1 << 20), (-1,), (3,)])
def test_a_shape_that_its_bytes_are_not(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(IntegrityError, match=r"x\.npz"):
        read_npz(npz_of(tmp_path / "x.npz", header_of(*shape), 12))


def test_the_setting_lets_what_is_meant_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = npz_of(tmp_path / "x.npz", header_of(4, 65 << 20), 260 << 20)
    with pytest.raises(IntegrityError) as caught:
        read_npz(path)
    monkeypatch.setenv("BRAINFLIX_UNPACK_RATIO", str(caught.value.next).rpartition("=")[2])
    assert read_npz(path)["logits"].shape == (4, 65 << 20)


def test_what_is_small_may_be_packed_tightly(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "x.npz", mask=np.zeros((200, 200, 200), np.uint8))
    assert (tmp_path / "x.npz").stat().st_size < 10_000 and read_npz(tmp_path / "x.npz")["mask"].shape == (200,) * 3
    np.savez_compressed(tmp_path / "y.npz", np.ones((2, 3)))
    assert read_logits(tmp_path / "y.npz", "ab").tolist() == np.ones((2, 3)).tolist()


# --- NIfTI and CIFTI ---


def nifti_gz(path: Path, shape: tuple[int, ...], body_bytes: int) -> Path:
    header = nib.Nifti1Header()
    header.set_data_shape(shape)
    header.set_data_dtype(np.uint8)
    header["vox_offset"], header["magic"] = 352, b"n+1"
    with gzip.open(path, "wb", 1) as file:
        file.write(header.binaryblock + bytes(4))
        for start in range(0, body_bytes, 1 << 20):
            file.write(bytes(min(1 << 20, body_bytes - start)))
    return path


def test_a_compressed_volume_that_fills_the_memory_is_refused(tmp_path: Path) -> None:
    path = nifti_gz(tmp_path / "x.nii.gz", (1024, 1024, 300), 300 << 20)
    code, grown = refused_within("from brainflix.io.nifti import read_nifti", f"read_nifti(Path({str(path)!r}))")
    assert code == 4 and grown < 60
    with pytest.raises(IntegrityError, match=r"x\.nii\.gz unpacks to far more than its size"):
        read_nifti(path)


def test_a_compressed_volume_of_zeros_of_common_size_is_read(tmp_path: Path) -> None:
    path = nifti_gz(tmp_path / "x.nii.gz", (91, 109, 91, 20), 91 * 109 * 91 * 20)
    assert read_nifti(path).data.shape == (91, 109, 91, 20)


def test_an_extension_of_gigabytes_is_refused(tmp_path: Path) -> None:
    image = nib.Nifti1Image(np.zeros((2, 3, 4), np.int16), np.eye(4))
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"a" * 40))
    nib.save(image, tmp_path / "x.nii")
    assert read_nifti(tmp_path / "x.nii").data.shape == (2, 3, 4)
    body = bytearray((tmp_path / "x.nii").read_bytes())
    body[352:356] = struct.pack("<i", 1 << 30)
    with gzip.open(tmp_path / "x.nii.gz", "wb") as file:
        file.write(bytes(body))
    with pytest.raises(IntegrityError, match="an extension of"):
        read_nifti(tmp_path / "x.nii.gz")


def test_numbers_in_another_file_are_not_read(tmp_path: Path) -> None:
    nib.save(nib.Nifti1Pair(np.zeros((2, 3, 4), np.int16), np.eye(4)), tmp_path / "x.img")
    (tmp_path / "x.hdr").rename(tmp_path / "y.nii")
    with pytest.raises(DataError, match="another file"):
        read_nifti(tmp_path / "y.nii")


UNITS = {"sec": 1.75, "msec": 1.75e-3, "usec": 1.75e-6, "unknown": 1.75, "hz": 0, "ppm": 0, "rads": 0}


@pytest.mark.parametrize(("unit", "tr_s"), UNITS.items())
def test_the_repetition_time_is_in_seconds_whatever_its_unit(tmp_path: Path, unit: str, tr_s: float) -> None:
    image = nib.Nifti1Image(np.zeros((2, 2, 2, 3), np.float32), np.eye(4))
    image.header.set_zooms((1, 1, 1, 1.75))
    image.header.set_xyzt_units("mm", unit)
    nib.save(image, tmp_path / "x.nii")
    assert read_nifti(tmp_path / "x.nii").tr_s == pytest.approx(tr_s)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32, np.float32, np.float64, np.int8, np.uint16, np.uint32])
@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
def test_the_header_is_read_as_nibabel_reads_it(tmp_path: Path, dtype: type, kind: type) -> None:
    from brainflix.io.nifti_header import read_nifti_header

    data = np.arange(24).reshape(2, 3, 4).astype(dtype)
    image = kind(data, np.eye(4))
    image.header.set_slope_inter(0.5, 3)
    for name in ("x.nii", "x.nii.gz"):
        nib.save(image, tmp_path / name)
        theirs, ours = nib.load(tmp_path / name), read_nifti_header(tmp_path / name)
        assert ours is not None
        assert ours.shape == theirs.shape and ours.item_bytes == theirs.header.get_data_dtype().itemsize
        assert ours.offset == theirs.dataobj.offset and ours.is_scaled == (theirs.dataobj.slope != 1)
        assert np.array_equal(read_nifti(tmp_path / name).data, np.asarray(theirs.dataobj))


@pytest.mark.parametrize(("slope", "intercept"), [(1, 0), (2, 0), (1, 3), (0, 3)])
def test_a_slope_of_1_is_no_scaling_and_a_large_mask_is_read(tmp_path: Path, slope: float, intercept: float) -> None:
    """40 million voxels of a byte each fit into 256 MB, and scaled ones do not."""
    from brainflix.io.nifti_header import read_nifti_header

    header = nib.Nifti1Header()
    header.set_data_dtype(np.uint8)
    header.set_data_shape((400, 400, 250))
    header["magic"], header["vox_offset"] = b"n+1", 352
    header["scl_slope"], header["scl_inter"] = slope, intercept
    (tmp_path / "x.nii.gz").write_bytes(gzip.compress(header.binaryblock + bytes(1000)))
    if (slope, intercept) in ((1, 0), (0, 3)):
        found = read_nifti_header(tmp_path / "x.nii.gz")
        assert found is not None and not found.is_scaled
        return
    with pytest.raises(IntegrityError, match="far more than its size"):
        read_nifti_header(tmp_path / "x.nii.gz")


@pytest.mark.parametrize("name", [b"IndexCount", b"NumberOfSeriesPoints", b"IndexOffset"])
@pytest.mark.parametrize("value", [b"999", b"-9", b"x"])
def test_axes_that_count_more_than_the_data_have_are_not_built(tmp_path: Path, name: bytes, value: bytes) -> None:
    path = tmp_path / "x.dtseries.nii"
    write_dtseries(path, np.ones((5, 30), np.float32), models(np.arange(30)), 2.0)
    before = path.read_bytes()
    assert read_dtseries(path).data.shape == (5, 30)
    old = re.search(name + rb'="(\d+)"', before)
    assert old is not None
    # The attribute grows into the space that separates it, so that nothing else moves.
    body = before.replace(old[0], name + b'="' + value + b'"', 1)
    extra = len(body) - len(before)
    body = body.replace(b"\0" * extra, b"", 1) if extra > 0 else body
    end = body.index(b"</CIFTI>") + 8
    body = body if extra >= 0 else body[:end] + b" " * -extra + body[end:]
    path.write_bytes(body)
    with pytest.raises(BrainflixError, match=r"x\.dtseries\.nii"):
        read_dtseries(path)


# --- GIFTI ---

DOCTYPE = '<!DOCTYPE GIFTI SYSTEM "http://www.nitrc.org/frs/download.php/115/gifti.dtd"{more}>'
SHAPE = 'DataType="NIFTI_TYPE_FLOAT32" ArrayIndexingOrder="RowMajorOrder" Dimensionality="1" Dim0="{n}"'


def gifti(path: Path, body: str, n: int, encoding: str, more: str = "", attributes: str = "") -> Path:
    path.write_text(
        '<?xml version="1.0" encoding="UTF-8"?>'
        + DOCTYPE.format(more=more)
        + '<GIFTI Version="1.0" NumberOfDataArrays="1">'
        + f'<DataArray Intent="NIFTI_INTENT_NONE" {SHAPE.format(n=n)} Encoding="{encoding}" Endian="LittleEndian"'
        + f' ExternalFileName="{attributes}" ExternalFileOffset=""><Data>{body}</Data></DataArray></GIFTI>'
    )
    return path


@pytest.mark.parametrize("encoding", ["ASCII", "Base64Binary", "GZipBase64Binary"])
@pytest.mark.parametrize("order", ["little", "big"])
def test_numbers_are_nibabels(tmp_path: Path, encoding: str, order: str) -> None:
    rows = np.random.default_rng(0).standard_normal((3, 40)).astype(np.float32)
    arrays = [
        nib.gifti.GiftiDataArray(row, datatype="NIFTI_TYPE_FLOAT32", encoding=encoding, endian=order) for row in rows
    ]
    nib.save(nib.GiftiImage(darrays=arrays), tmp_path / "x.func.gii")
    theirs = np.stack([each.data for each in nib.load(tmp_path / "x.func.gii").darrays])
    assert np.array_equal(read_func_gii(tmp_path / "x.func.gii"), theirs)
    packed = tmp_path / "y.func.gii.gz"
    packed.write_bytes(gzip.compress((tmp_path / "x.func.gii").read_bytes()))
    assert np.array_equal(read_func_gii(packed), theirs)


def test_another_files_numbers_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret.bin").write_bytes(np.arange(10, dtype=np.float32).tobytes())
    path = gifti(tmp_path / "x.func.gii", "", 10, "ExternalFileBinary", attributes="secret.bin")
    assert nib.load(path).darrays[0].data.tolist() == list(range(10)), "a library follows it"
    with pytest.raises(IntegrityError, match="another file"):
        read_func_gii(path)


def test_entities_are_refused_and_the_usual_doctype_is_not(tmp_path: Path) -> None:
    assert read_func_gii(gifti(tmp_path / "x.gii", "1 2 3", 3, "ASCII")).tolist() == [[1, 2, 3]]
    lines = ['<!ENTITY a0 "1 ">', *(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 9))]
    with pytest.raises(IntegrityError, match="entity"):
        read_func_gii(gifti(tmp_path / "x.gii", "&a8;", 3, "ASCII", more=f" [{''.join(lines)}]"))
    (tmp_path / "secret.txt").write_text("1 2 3")
    entity = f'[<!ENTITY a SYSTEM "{tmp_path / "secret.txt"}">]'
    with pytest.raises(IntegrityError, match="entity"):
        read_func_gii(gifti(tmp_path / "x.gii", "&a;", 3, "ASCII", more=entity))


def test_packed_zeros_are_not_unpacked_further_than_stated(tmp_path: Path) -> None:
    body = base64.b64encode(zlib.compress(bytes(200 << 20), 1)).decode()
    path = gifti(tmp_path / "x.gii", body, 10, "GZipBase64Binary")
    code, grown = refused_within("from brainflix.io.gifti import read_func_gii", f"read_func_gii(Path({str(path)!r}))")
    assert code == 4 and grown < 60
    path = gifti(tmp_path / "y.gii", body, 75 << 20, "GZipBase64Binary")
    with pytest.raises(IntegrityError, match=r"y\.gii.* unpacks to far more"):
        read_func_gii(path)


def test_parcels_without_a_step_are_refused(tmp_path: Path) -> None:
    series = nib.cifti2.SeriesAxis(start=0, step=0.0, size=2)
    parcels = nib.cifti2.ParcelsAxis(["a"], [np.zeros((0, 3), int)], [{"CIFTI_STRUCTURE_CORTEX_LEFT": np.arange(3)}],
        None, None, {"CIFTI_STRUCTURE_CORTEX_LEFT": 32492})  # fmt: skip
    nib.save(nib.Cifti2Image(np.ones((2, 1), np.float32), header=(series, parcels)), tmp_path / "x.ptseries.nii")
    with pytest.raises(DataError, match="steps of"):
        read_ptseries(tmp_path / "x.ptseries.nii")
