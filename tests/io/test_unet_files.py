"""Denoisers' folders: safetensors and .bin alike, and one sentence for those that cannot be read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from brainflix.errors import IntegrityError, MissingError
from brainflix.io.unet_files import PICKLED, SAFE, read_denoiser

STATE = {"conv_in.weight": torch.arange(6.0).half().view(2, 3)}


class Acts:
    """Would run a command when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("ran",)


def test_both_formats_give_the_same(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"sample_size": 8}))
    torch.save(STATE, tmp_path / PICKLED)
    config, pickled = read_denoiser(tmp_path)
    save_file(STATE, tmp_path / SAFE)
    (tmp_path / PICKLED).write_bytes(b"is not looked at")
    _, safe = read_denoiser(tmp_path)
    assert config == {"sample_size": 8}
    for found in (pickled, safe):
        assert found.keys() == STATE.keys() and found["conv_in.weight"].equal(STATE["conv_in.weight"])


def test_what_is_absent_or_damaged_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(MissingError, match="no denoiser"):
        read_denoiser(tmp_path)
    torch.save({"a": Acts()}, tmp_path / PICKLED)
    with pytest.raises(MissingError) as caught:
        read_denoiser(tmp_path)
    assert "config.json" in str(caught.value.why)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(IntegrityError, match="tensors alone"):
        read_denoiser(tmp_path)
    assert capsys.readouterr().out == ""
    (tmp_path / SAFE).write_bytes(b"short")
    with pytest.raises(IntegrityError, match="cannot be read"):
        read_denoiser(tmp_path)
