"""Pickles, object arrays, checkpoints: honest ones become arrays; a malicious one does nothing and is refused."""

from __future__ import annotations

import collections
import os
import pickle
import pickletools
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from brainflix.datasets.algonauts2021.miniature import write_python2
from brainflix.errors import IntegrityError, MissingError
from brainflix.io.legacy import load_npy, load_npz, load_pickle, load_pt

RNG = np.random.default_rng(0)
HONEST = {
    "betas": (RNG.standard_normal((6, 3, 5)), ["vid0001", "vid0002"]),
    "dict": {"train": RNG.standard_normal((4, 2)).astype(np.float32), "n": 3, 1: (2.5, None, True, 1 + 2j)},
    "nested": {"a": [{"b": np.arange(3, dtype=np.int16)}], "mask": np.array([True, False])},
    "ordered": collections.OrderedDict(x=np.float64(1.5), y=np.int32(7), z=b"bytes"),
    "fortran": np.asfortranarray(RNG.standard_normal((3, 4))),
    "words": np.array(["V1", "hV4"]),
    "nan": [float("nan"), float("inf"), 10**30],
    "set": {1, 2},
    "frozen": {frozenset({1, 2}): "key"},
    "sets": {frozenset({3}), frozenset()},
    "empty": np.zeros((0, 3)),
}


def same(left, right) -> bool:
    if isinstance(right, np.ndarray):
        return isinstance(left, np.ndarray) and left.dtype == right.dtype and np.array_equal(left, right)
    if isinstance(right, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in right)
    if isinstance(right, (list, tuple)):
        return type(left) is type(right) and len(left) == len(right) and all(map(same, left, right))
    return left == right or (left != left and right != right)


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_honest_pickles_come_out_as_they_went_in(tmp_path, protocol):
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(HONEST, protocol))
    assert same(load_pickle(tmp_path / "x.pkl"), HONEST)


def test_arrays_outlive_the_folder_in_which_they_were_handed_over(tmp_path):
    big = RNG.standard_normal((300, 400))
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(big))
    found = load_pickle(tmp_path / "x.pkl")
    assert isinstance(found, np.memmap) and not Path(str(found.filename)).exists()
    assert np.array_equal(found, big)


def test_a_pickle_of_python_2(tmp_path):
    array = np.arange(200, 260, dtype=np.uint8).reshape(5, 12)
    write_python2(tmp_path / "x.pkl", {"train": array})
    body = (tmp_path / "x.pkl").read_bytes()
    names = [op.name for op, _, _ in pickletools.genops(body)]
    assert "BINSTRING" in names and "GLOBAL" in names
    assert same(load_pickle(tmp_path / "x.pkl"), {"train": array})


class Acts:
    """A value whose pickle calls something."""

    def __init__(self, call, *arguments):
        self.call, self.arguments = call, arguments

    def __reduce__(self):
        return self.call, self.arguments


def calling(text: bytes, argument: bytes) -> bytes:
    module, name = text.rsplit(b".", 1)
    return b"c" + module + b"\n" + name + b"\n(S'" + argument + b"'\ntR."


ATTACKS = {
    "os.system": lambda mark: pickle.dumps(Acts(os.system, f"touch {mark}")),
    "nested": lambda mark: pickle.dumps({"data": [np.zeros(3), Acts(os.system, f"touch {mark}")]}),
    "builtins.eval": lambda mark: pickle.dumps(Acts(eval, f"open({str(mark)!r}, 'w')")),
    "builtins.exec": lambda mark: pickle.dumps(Acts(exec, f"open({str(mark)!r}, 'w')")),
    "builtins.getattr": lambda mark: pickle.dumps(Acts(getattr, 1, "real")),
    "posix.system": lambda mark: calling(b"posix.system", f"touch {mark}".encode()),
    "subprocess.check_output": lambda mark: calling(b"subprocess.check_output", f"touch {mark}".encode()),
    "dotted name": lambda mark: b"\x80\x04\x8c\x05numpy\x8c\x14f2py.os.system.__cal\x93.",
    "numpy dotted": lambda mark: b"\x80\x04\x8c\x05numpy\x8c\x0bload.__doc__\x93.",
    "numpy.load": lambda mark: calling(b"numpy.load", str(mark).encode()),
    "numpy.memmap": lambda mark: pickle.dumps(Acts(np.memmap, str(mark), "u1", "w+", 0, (9,))),
    "torch": lambda mark: calling(b"torch.load", str(mark).encode()),
    "codecs": lambda mark: b"c_codecs\nencode\n(X\x01\x00\x00\x00aX\x05\x00\x00\x00utf-8tR.",
    "importlib": lambda mark: calling(b"importlib.import_module", b"antigravity"),
    "persistent": lambda mark: b"Psomewhere\n.",
    "extension": lambda mark: b"\x80\x02\x82\x01.",
    "object of a class": lambda mark: pickle.dumps(Path(mark)),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_malicious_pickle_is_refused_and_does_nothing(tmp_path, attack):
    mark = tmp_path / "mark"
    path = tmp_path / "x.pkl"
    path.write_bytes(ATTACKS[attack](mark))
    with pytest.raises(IntegrityError) as caught:
        load_pickle(path)
    assert caught.value.exit_code == 4 and not mark.exists()


def test_the_refusal_names_the_call(tmp_path):
    (tmp_path / "x.pkl").write_bytes(ATTACKS["posix.system"](tmp_path / "mark"))
    with pytest.raises(IntegrityError, match=r"holds a call to posix\.system") as caught:
        load_pickle(tmp_path / "x.pkl")
    assert caught.value.why == "nothing was run"


def array_claiming(shape: tuple[int, ...]) -> bytes:
    """A tiny pickle of an array that is said to be huge."""
    return pickle.dumps(Acts(np._core.multiarray._reconstruct, np.ndarray, shape, b"d"))


def deep(n: int) -> bytes:
    return b"(" * n + b"l" * n + b"."


DAMAGED = {
    "empty": b"",
    "cut": pickle.dumps(HONEST)[:-9],
    "text": b"vid0001\tvid0002\n" * 9,
    "memory": array_claiming((10**11,)),
    "more memory": b"\x80\x04\x8c" + b"\x01a" + b"\x86" * 3 + b"\x8d" + struct.pack("<Q", 2**62),
    "deep": deep(200_000),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_pickle_is_one_sentence(tmp_path, kind):
    (tmp_path / "x.pkl").write_bytes(DAMAGED[kind])
    with pytest.raises(IntegrityError, match="not a readable pickle"):
        load_pickle(tmp_path / "x.pkl")


def test_a_pickle_that_takes_too_long_is_stopped(tmp_path):
    # Each level doubles the work: a list of two times the list below it, hashed as a tuple of a set.
    body = b"\x80\x02K\x01q\x00" + b"".join(b"h%c" % 0 + b"h%c" % 0 + b"\x86q\x00" for _ in range(40)) + b"."
    (tmp_path / "x.pkl").write_bytes(body)
    with pytest.raises(IntegrityError, match="not a readable pickle"):
        load_pickle(tmp_path / "x.pkl", seconds=2)


# --- numpy's files ---


def test_npy_is_mapped_and_object_arrays_go_through_the_sandbox(tmp_path):
    plain = RNG.standard_normal((4, 5))
    np.save(tmp_path / "plain.npy", plain)
    assert isinstance(load_npy(tmp_path / "plain.npy"), np.memmap)
    assert np.array_equal(load_npy(tmp_path / "plain.npy"), plain)
    times = {"1": np.array([[624, 5544]]), "2": np.array([[624, 5904], [6528, 12600]])}
    np.save(tmp_path / "times.npy", times)  # type: ignore[arg-type]
    assert same(load_npy(tmp_path / "times.npy"), times)


def test_npy_with_a_payload_is_refused(tmp_path):
    mark = tmp_path / "mark"
    np.save(tmp_path / "x.npy", np.array([Acts(os.system, f"touch {mark}")], dtype=object))
    with pytest.raises(IntegrityError, match="holds a call to"):
        load_npy(tmp_path / "x.npy")
    assert not mark.exists()


@pytest.mark.parametrize("keep", [0, 5, 60, 200])
def test_a_truncated_npy_is_one_sentence(tmp_path, keep):
    np.save(tmp_path / "x.npy", np.zeros((40, 5)))
    path = tmp_path / "x.npy"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(IntegrityError, match=r"not a readable \.npy file"):
        load_npy(path)


def test_npz_round_trip_and_its_refusals(tmp_path):
    arrays = {"images": RNG.standard_normal((2, 3)), "mask": np.array([1, -1, 0], np.int8)}
    np.savez_compressed(tmp_path / "x.npz", **arrays)
    assert same(load_npz(tmp_path / "x.npz"), arrays)
    np.savez(tmp_path / "object.npz", a=np.array([{}], dtype=object))
    with pytest.raises(IntegrityError, match="npz"):
        load_npz(tmp_path / "object.npz")
    with (
        zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a.npy", "w") as file,
    ):
        for _ in range(300):
            file.write(bytes(1 << 20))
    with pytest.raises(IntegrityError, match="far more"):
        load_npz(tmp_path / "bomb.npz")
    (tmp_path / "cut.npz").write_bytes((tmp_path / "x.npz").read_bytes()[:-30])
    with pytest.raises(IntegrityError, match="npz"):
        load_npz(tmp_path / "cut.npz")


# --- torch's files ---


def test_pt_of_tensors_and_containers(tmp_path):
    torch = pytest.importorskip("torch")
    saved = {
        "fmri": torch.randn(3, 2, 4),
        "half": torch.ones(2, dtype=torch.bfloat16),
        "n": 3,
        "list": [torch.arange(2)],
    }
    torch.save(saved, tmp_path / "x.pt")
    torch.save(saved["fmri"], tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    found = load_pt(tmp_path / "x.pt")
    assert np.array_equal(found["fmri"], saved["fmri"].numpy()) and found["half"].dtype == np.float32
    assert found["n"] == 3 and found["list"][0].tolist() == [0, 1]
    assert np.array_equal(load_pt(tmp_path / "old.pt"), saved["fmri"].numpy())


def test_pt_with_a_payload_and_damaged_ones_are_refused(tmp_path):
    torch = pytest.importorskip("torch")
    mark = tmp_path / "mark"
    torch.save({"a": torch.ones(1), "b": Acts(os.system, f"touch {mark}")}, tmp_path / "evil.pt")
    torch.save(torch.ones(1000), tmp_path / "whole.pt")
    (tmp_path / "cut.pt").write_bytes((tmp_path / "whole.pt").read_bytes()[:-500])
    (tmp_path / "text.pt").write_text("no tensors")
    for name in ("evil.pt", "cut.pt", "text.pt"):
        with pytest.raises(IntegrityError, match="not a file of tensors alone") as caught:
            load_pt(tmp_path / name)
        assert "\n" not in str(caught.value)
    assert not mark.exists()


@pytest.mark.parametrize("load", [load_pickle, load_npy, load_npz, load_pt])
def test_an_absent_file(tmp_path, load):
    with pytest.raises(MissingError, match="no file at"):
        load(tmp_path / "absent")


def test_a_header_that_is_no_python_is_one_sentence(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros(5))
    body = bytearray((tmp_path / "x.npy").read_bytes())
    body[body.index(b"}")] = ord("(")
    (tmp_path / "x.npy").write_bytes(bytes(body))
    with pytest.raises(IntegrityError, match="npy"):
        load_npy(tmp_path / "x.npy")


def test_a_forged_type_is_refused(tmp_path):
    forged = pickle.dumps({"a": np.zeros(3)}, 2)
    assert b"f8" in forged
    (tmp_path / "x.pkl").write_bytes(forged.replace(b"f8", b"O8"))
    with pytest.raises(IntegrityError, match="not a readable pickle"):
        load_pickle(tmp_path / "x.pkl")
