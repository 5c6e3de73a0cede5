"""How PyTorch's files are opened: what they claim is compared with their size, before and after they are read.

PyTorch's reader of weights calls nothing that could act. But it makes arrays of bytes of any size, and tensors that
repeat one number without end; copied, they fill the memory.
"""

from __future__ import annotations

import mmap
import pickletools
import warnings
import zipfile
from pathlib import Path
from typing import Any

from brainflix.errors import IntegrityError
from brainflix.io.limits import SMALL_BYTES, check_unpacked

# PyTorch's reader knows it, and makes one of any size; pickles write names as they are.
_GROWS = b"bytearray"
_MOST_NAMES_BYTES = 64 << 20
_MOST_LETTERS = 4096


def load_tensors(path: Path, *, mapped: bool = True) -> Any:
    """Return what `torch.load` makes of a file's tensors and plain values; memory maps where the file allows it.

    Raises:
        IntegrityError: it would unpack to far more than its size.
        Exception: it is damaged, or names what is no tensor; PyTorch's errors have no common base.
    """
    import torch

    check_archive(path)
    with warnings.catch_warnings():
        # That a file's protocol may not be wholly known: what is not ends in an error of its own.
        warnings.filterwarnings("ignore", message="Detected pickle protocol", category=UserWarning)
        try:
            return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
        except RuntimeError as error:
            # Files from before 2020 are no zip archives and cannot be mapped.
            if "mmap" in str(error):
                return torch.load(path, map_location="cpu", weights_only=True)
            raise


def check_archive(path: Path) -> None:
    """Check what a zip archive of tensors claims, and that no pickle makes what only has a size.

    Raises:
        IntegrityError: it is too much.
        zipfile.BadZipFile, ValueError: it is damaged.
    """
    if not zipfile.is_zipfile(path):
        # Its pickles are followed by the numbers.
        if path.stat().st_size:
            with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as body:
                _check_names(path, body.find(_GROWS) >= 0)
        return
    with zipfile.ZipFile(path) as archive:
        check_unpacked(path, sum(info.file_size for info in archive.infolist()))
        for info in archive.infolist():
            if info.filename.endswith(".pkl"):
                if info.file_size > _MOST_NAMES_BYTES:
                    raise IntegrityError(f"{path.name} has {info.file_size} bytes of names", next="fetch it again")
                names = archive.read(info)
                _check_names(path, _GROWS in names)
                _check_words(names)


def _check_words(body: bytes) -> None:
    """Refuse words that PyTorch's search through its own messages takes for ever to get through.

    Raises:
        ValueError: a word is longer than any name, or the pickle is damaged.
    """
    for operation, argument, _ in pickletools.genops(body):
        if isinstance(argument, str) and len(argument) > _MOST_LETTERS:
            longest = max(map(len, argument.split()), default=0)
            if longest > _MOST_LETTERS:
                raise ValueError(f"a word of {longest} letters ({operation.name})")


def check_tensor(tensor: Any, name: str) -> None:
    """Check that a tensor is no more than its numbers in memory, or small.

    Raises:
        ValueError: it is sparse, lies nowhere, or repeats its numbers until they fill the memory.
    """
    import torch

    if tensor.layout is not torch.strided or tensor.device.type != "cpu":
        raise ValueError(f"{name} is no plain tensor but {tensor.layout} on {tensor.device}")
    if tensor.numel() * tensor.element_size() > max(SMALL_BYTES, tensor.untyped_storage().nbytes()):
        raise ValueError(f"{name} has shape {tuple(tensor.shape)} and only {tensor.untyped_storage().nbytes()} bytes")


def _check_names(path: Path, grows: bool) -> None:
    if grows:
        raise IntegrityError(
            f"{path.name} makes a {_GROWS.decode()}, which no weights need",
            why="nothing was run",
            next="do not open it with other tools; fetch it again from its source",
        )
