"""Files that lie about themselves: one clear sentence, and nothing is allocated or followed."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from brainflix.errors import DataError, IntegrityError, MissingError
from brainflix.io import hdf5
from brainflix.io.bids import read_events
from brainflix.io.gifti import read_func_gii
from brainflix.io.grayordinates import models
from brainflix.io.nifti import inside, read_nifti
from brainflix.io.surfaces import read_dtseries, write_dtseries

h5py = pytest.importorskip("h5py")


def patched(path, at: int, value: int, size: int = 8) -> None:
    body = bytearray(path.read_bytes())
    body[at : at + size] = int(value).to_bytes(size, "little", signed=True)
    path.write_bytes(bytes(body))


@pytest.mark.parametrize("count", [2**40, 2**62, -5])
def test_a_cifti_header_with_absurd_dimensions(tmp_path, count):
    path = tmp_path / "x.dtseries.nii"
    write_dtseries(path, np.ones((5, 30), np.float32), models(np.arange(30)), 2.0)
    # NIfTI-2 keeps its dimensions from byte 16 on; the fifth and sixth are the matrix.
    patched(path, 16 + 5 * 8, count)
    with pytest.raises(IntegrityError) as caught:
        read_dtseries(path)
    assert caught.value.exit_code == 4 and "\n" not in str(caught.value)


def test_a_cifti_that_promises_a_little_more_than_it_holds(tmp_path):
    path = tmp_path / "x.dtseries.nii"
    write_dtseries(path, np.ones((5, 30), np.float32), models(np.arange(30)), 2.0)
    patched(path, 16 + 5 * 8, 10**9)
    with pytest.raises(IntegrityError, match="truncated, or its header is wrong"):
        read_dtseries(path)


def test_a_nifti_with_absurd_dimensions_plain_and_compressed(tmp_path):
    image = nib.Nifti1Image(np.zeros((2, 3, 4), np.int16), np.eye(4))
    for name in ("x.nii", "x.nii.gz"):
        nib.save(image, tmp_path / name)
    header = nib.Nifti1Header()
    header.set_data_shape((32000, 32000, 32000))
    header.set_data_dtype(np.float32)
    import gzip

    body = header.binaryblock + b"\0" * 4
    (tmp_path / "big.nii").write_bytes(body)
    (tmp_path / "big.nii.gz").write_bytes(gzip.compress(body))
    for name in ("big.nii", "big.nii.gz"):
        with pytest.raises(IntegrityError):
            read_nifti(tmp_path / name)
    assert read_nifti(tmp_path / "x.nii.gz").data.shape == (2, 3, 4)


def test_volumes_inside_a_mask_against_plain_indexing(tmp_path):
    data = np.random.default_rng(0).integers(0, 900, (3, 4, 5, 6)).astype(np.int16)
    image = nib.Nifti1Image(data, np.eye(4))
    image.header.set_zooms((1, 1, 1, 1.75))
    nib.save(image, tmp_path / "x.nii.gz")
    volumes = read_nifti(tmp_path / "x.nii.gz")
    mask = data[..., 0] > 300
    series, places = inside(volumes, mask)
    assert volumes.tr_s == pytest.approx(1.75)
    assert np.array_equal(series, data[mask].T) and np.array_equal(np.flatnonzero(mask), places)
    with pytest.raises(DataError, match="mask of"):
        inside(volumes, mask[:2])


def test_gifti_round_trip_and_faults(tmp_path):
    rows = np.random.default_rng(0).standard_normal((4, 9)).astype(np.float32)
    arrays = [
        nib.gifti.GiftiDataArray(row, intent="NIFTI_INTENT_TIME_SERIES", datatype="NIFTI_TYPE_FLOAT32") for row in rows
    ]
    nib.save(nib.GiftiImage(darrays=arrays), tmp_path / "x.func.gii")
    assert np.array_equal(read_func_gii(tmp_path / "x.func.gii"), rows)
    text = (tmp_path / "x.func.gii").read_bytes()
    (tmp_path / "cut.func.gii").write_bytes(text[: len(text) // 2])
    (tmp_path / "words.func.gii").write_text("no xml")
    for name in ("cut.func.gii", "words.func.gii"):
        with pytest.raises(IntegrityError):
            read_func_gii(tmp_path / name)
    with pytest.raises(MissingError):
        read_func_gii(tmp_path / "absent.func.gii")


# --- HDF5 ---


def read_one(path, key):
    (found,) = hdf5.read_datasets(path, [key])
    return found


def make_h5(path):
    with h5py.File(path, "w") as file:
        file["images"] = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
        file["b/ses-003_task-s01e01a"] = np.ones((5, 2), np.float32)
        file["captions"] = np.array(["a dog", "ein Hund"], dtype=h5py.string_dtype())
    return path


def test_hdf5_data_sets_by_name(tmp_path):
    path = make_h5(tmp_path / "x.h5")
    assert list(hdf5.shapes_of(path)[0]) == ["b/ses-003_task-s01e01a", "captions", "images"]
    assert read_one(path, "images").shape == (2, 3, 4)
    assert read_one(path, "b/ses-003_task-s01e01a").shape == (5, 2)
    assert read_one(path, "captions").tolist() == ["a dog", "ein Hund"]
    with pytest.raises(MissingError, match="has no data set 'image'"):
        read_one(path, "image")
    with pytest.raises(DataError, match="is a group"):
        read_one(path, "b")


def elsewhere(tmp_path):
    return make_h5(tmp_path / "secret.h5")


def test_hdf5_never_leaves_its_file(tmp_path):
    secret = elsewhere(tmp_path)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["external"] = h5py.ExternalLink(str(secret), "/images")
        file["soft"] = h5py.SoftLink("/external")
        file.create_group("g")["deep"] = h5py.ExternalLink(str(secret), "/images")
    for key in ("external", "soft", "g/deep"):
        with pytest.raises(IntegrityError, match="refers to something else"):
            read_one(tmp_path / "x.h5", key)
    with pytest.raises(IntegrityError):
        hdf5.shapes_of(tmp_path / "x.h5")


def test_a_soft_link_that_nobody_asks_for_is_passed_over(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["images"] = np.arange(6).reshape(2, 3)
        file["latest"], file.create_group("g")["none"] = h5py.SoftLink("/images"), h5py.SoftLink("/absent")
    assert hdf5.shapes_of(tmp_path / "x.h5") == [{"images": (2, 3)}]
    assert read_one(tmp_path / "x.h5", "images").tolist() == [[0, 1, 2], [3, 4, 5]]
    with pytest.raises(IntegrityError, match="refers to something else by 'latest'"):
        read_one(tmp_path / "x.h5", "latest")


def test_hdf5_of_virtual_and_external_storage_is_refused(tmp_path):
    secret = elsewhere(tmp_path)
    (tmp_path / "raw.bin").write_bytes(b"\0" * 400)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        layout = h5py.VirtualLayout(shape=(2, 3, 4), dtype="f4")
        layout[:] = h5py.VirtualSource(str(secret), "images", shape=(2, 3, 4))
        file.create_virtual_dataset("virtual", layout)
        file.create_dataset("stored", (10,), dtype="f4", external=[(str(tmp_path / "raw.bin"), 0, 40)])
        file.create_dataset("references", (1,), dtype=h5py.ref_dtype)
        file.create_dataset("huge", (10**7, 10**6), dtype="f4", chunks=(1000, 1000))
    for key in ("virtual", "stored"):
        with pytest.raises(IntegrityError, match="other files"):
            read_one(tmp_path / "x.h5", key)
    with pytest.raises(DataError, match="not numbers"):
        read_one(tmp_path / "x.h5", "references")
    with pytest.raises(IntegrityError, match="far more than its size"):
        read_one(tmp_path / "x.h5", "huge")


@pytest.mark.parametrize("keep", [0, 100, 1500])
def test_truncated_hdf5(tmp_path, keep):
    path = make_h5(tmp_path / "x.h5")
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(IntegrityError, match="HDF5"):
        read_one(path, "images")


# --- BIDS ---


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "not a readable table"),
        ("a\tb\n1\t2\n", "onset and duration"),
        ("onset\tduration\n1\t2\t3\n", "line 2 of x.tsv has 3 fields"),
        ("onset\tduration\nsoon\t2\n", "is no number"),
    ],
)
def test_tables_that_are_no_events(tmp_path, text, message):
    (tmp_path / "x.tsv").write_text(text)
    with pytest.raises(DataError, match=message):
        read_events(tmp_path / "x.tsv")


def test_gaps_are_not_numbers(tmp_path):
    (tmp_path / "x.tsv").write_text("onset\tduration\tresponse\n0.5\tn/a\t3\n4\t2\tn/a\n")
    events = read_events(tmp_path / "x.tsv")
    assert np.isnan(events.duration_s[0]) and events.column("response") == ("3", "")
    assert events.numbers("response")[0] == 3 and np.isnan(events.numbers("response")[1])
    with pytest.raises(DataError, match="no column 'reponse'"):
        events.column("reponse")
