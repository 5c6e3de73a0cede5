"""Which files of a repository of weights are fetched: those that are read, once, and no copy of them (pure)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

SAFE = ".safetensors"
PICKLED = (".bin", ".ckpt", ".pt", ".pth")
# The same numbers for other frameworks.
FOREIGN = (".h5", ".msgpack", ".onnx", ".onnx_data", ".ot", ".tflite", ".mlmodel", ".pb")
_VARIANTS = frozenset({"fp16", "bf16", "fp8", "fp32", "ema", "non_ema", "ema_only"})
# What a repository shows of itself.
SHOWN = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".mp4", ".md")


def wanted_files(files: Iterable[str], folders: Sequence[str] = ()) -> list[str]:
    """Choose what is fetched.

    Repositories keep the same numbers several times: pickled beside safetensors, in half precision (`model.fp16.…`) or
    without their moving average (`model.non_ema.…`) beside whole, for other frameworks, and a pipeline's also as one
    file at the top.

    Args:
        files: paths in the repository.
        folders: the only ones that are read, beside settings at the top; empty for all.

    Returns:
        Paths, sorted.
    """
    groups: dict[PurePosixPath, list[PurePosixPath]] = defaultdict(list)
    for path in map(PurePosixPath, files):
        if not path.name.startswith(".") and path.suffix not in FOREIGN + SHOWN and _is_read(path, folders):
            groups[path.parent].append(path)
    return sorted(str(path) for group in groups.values() for path in _once(group))


def _is_read(path: PurePosixPath, folders: Sequence[str]) -> bool:
    # A folder "" is the repository itself.
    if not all(PurePosixPath(folder).parts for folder in folders) or not folders:
        return True
    if len(path.parts) == 1:
        return path.suffix not in (SAFE, *PICKLED)
    return any(path.is_relative_to(folder) for folder in folders)


def _once(group: list[PurePosixPath]) -> list[PurePosixPath]:
    """Leave out of the files of one folder the weights that another file holds as well."""
    weights = [path for path in group if path.suffix in (SAFE, *PICKLED)]
    best = [path for path in weights if not _is_variant(path)] or weights
    best = [path for path in best if path.suffix == SAFE] or best
    return [path for path in group if path not in weights or path in best]


def _is_variant(path: PurePosixPath) -> bool:
    """Say whether weights are another version of those without the middle word: `model.fp16.safetensors`."""
    return any(word in _VARIANTS for word in path.name.replace("-", ".").split("."))
