"""Checkpoints that want more memory than they have numbers, or more time, are refused; shared weights are read."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from brainflix.errors import IntegrityError
from brainflix.io.legacy import load_checkpoint, load_pt
from brainflix.io.unet_files import PICKLED, SAFE, read_denoiser
from brainflix.trained.files import read_tensors

READERS = [load_pt, load_checkpoint]


class Makes:
    """A value whose pickle asks for an array of bytes of a size."""

    def __reduce__(self) -> Any:
        return bytearray, (1 << 33,)


@pytest.mark.parametrize("load", READERS)
@pytest.mark.parametrize("zipped", [True, False])
def test_bytes_of_any_size_are_not_made(tmp_path: Path, load, zipped: bool) -> None:
    torch.save({"a": torch.ones(2), "b": Makes()}, tmp_path / "x.pt", _use_new_zipfile_serialization=zipped)
    with pytest.raises(IntegrityError, match="bytearray"):
        load(tmp_path / "x.pt")


@pytest.mark.parametrize("load", READERS)
def test_one_number_that_stands_for_gigabytes_is_refused(tmp_path: Path, load) -> None:
    torch.save({"a": torch.ones(1, dtype=torch.bfloat16).expand(1 << 30)}, tmp_path / "x.pt")
    assert (tmp_path / "x.pt").stat().st_size < 3000
    with pytest.raises(IntegrityError, match=r"shape \(1073741824,\) and only 2 bytes"):
        load(tmp_path / "x.pt")


@pytest.mark.parametrize("load", READERS)
def test_shared_and_expanded_weights_are_read(tmp_path: Path, load) -> None:
    base = torch.arange(12.0)
    torch.save({"a": base.view(3, 4), "b": base[2:5], "c": torch.ones(1).expand(7, 3)}, tmp_path / "x.pt")
    found = load(tmp_path / "x.pt")
    assert np.array_equal(found["a"], base.view(3, 4)) and np.array_equal(found["b"], base[2:5])
    assert tuple(found["c"].shape) == (7, 3)


@pytest.mark.parametrize("load", READERS)
def test_containers_that_double_are_made_once(tmp_path: Path, load) -> None:
    nest: Any = [torch.ones(1)]
    for _ in range(60):
        nest = [nest, nest]
    torch.save(nest, tmp_path / "x.pt")
    found = load(tmp_path / "x.pt")
    for _ in range(60):
        assert len(found) == 2 and found[0] is found[1]
        found = found[0]
    assert np.array_equal(found[0], np.ones(1))


@pytest.mark.parametrize("load", READERS)
def test_a_sparse_tensor_is_no_plain_one(tmp_path: Path, load) -> None:
    torch.save(torch.eye(3).to_sparse(), tmp_path / "x.pt")
    with pytest.raises(IntegrityError):
        load(tmp_path / "x.pt")


@pytest.mark.parametrize("load", READERS)
def test_an_archive_that_is_packed_a_thousandfold_is_refused(tmp_path: Path, load) -> None:
    plain = io.BytesIO()
    torch.save(torch.ones(4), plain)
    with (
        zipfile.ZipFile(plain) as source,
        zipfile.ZipFile(tmp_path / "x.pt", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as made,
    ):
        for name in source.namelist():
            if name.endswith(".pkl"):
                with made.open(name, "w") as file:
                    for _ in range(300):
                        file.write(pickle.NONE * (1 << 20))
            else:
                made.writestr(name, source.read(name))
    with pytest.raises(IntegrityError, match="far more than its size"):
        load(tmp_path / "x.pt")


HEADERS = {
    "longer than the file": (1 << 40).to_bytes(8, "little") + b"{}",
    "not JSON": (2).to_bytes(8, "little") + b"{[",
    "offsets outside": b'{"a":{"dtype":"F32","shape":[1073741824],"data_offsets":[0,4294967296]}}',
    "a shape that its bytes are not": b'{"a":{"dtype":"F32","shape":[1073741824,4],"data_offsets":[0,4]}}',
    "an unknown type": b'{"a":{"dtype":"X9","shape":[1],"data_offsets":[0,4]}}',
    "negative": b'{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}',
    "deep": b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
}


@pytest.mark.parametrize("kind", HEADERS)
def test_safetensors_that_lie_are_refused(tmp_path: Path, kind: str) -> None:
    body = HEADERS[kind]
    body = body if kind in ("longer than the file", "not JSON") else len(body).to_bytes(8, "little") + body + bytes(4)
    (tmp_path / SAFE).write_bytes(body)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(IntegrityError):
        read_tensors(tmp_path / SAFE)
    with pytest.raises(IntegrityError):
        read_denoiser(tmp_path)


def test_settings_nested_without_end_are_one_sentence(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(1)}, tmp_path / PICKLED)
    (tmp_path / "config.json").write_text('{"a":' * 100_000 + "1" + "}" * 100_000)
    with pytest.raises(IntegrityError, match="cannot be read"):
        read_denoiser(tmp_path)


@pytest.mark.parametrize("load", READERS)
@pytest.mark.parametrize("letters", [4096, 200_000])
def test_a_word_without_end_is_refused_at_once_and_a_long_text_is_not(tmp_path: Path, load, letters: int) -> None:
    torch.save({"a": torch.ones(2), "about": "some words " * 20_000, "word": "x" * letters}, tmp_path / "x.pt")
    if letters == 4096:
        assert len(load(tmp_path / "x.pt")["word"]) == letters
        return
    with pytest.raises(IntegrityError, match="a word of 200000 letters"):
        load(tmp_path / "x.pt")
