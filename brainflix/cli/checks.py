"""The checks of `doctor`: each returns what it found, for people and for issue reports."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from brainflix.settings import Settings

OK, NOTE, BAD = "ok", "note", "BAD"
_LITTLE_SPACE = 5e9
_HEAD_DIM = 64
_NETWORK_FILE_SYSTEMS = ("nfs", "cifs", "smb", "lustre", "gpfs", "beegfs", "fuse")


@dataclass(frozen=True)
class Check:
    """One line of `doctor`: what was looked at, what was found, and `ok`, `note` or `BAD`."""

    name: str
    found: str
    state: str = OK


def check_versions(settings: Settings) -> list[Check]:
    """Return the versions of brainflix and of the packages that shape results."""
    from brainflix.store.provenance import software_versions

    return [Check(f"version {name}", value) for name, value in software_versions().items() if value]


def check_settings(settings: Settings) -> list[Check]:
    """Return the settings in force, without the token, passwords and links."""
    from pydantic import SecretStr

    secrets = {name for name, field in type(settings).model_fields.items() if field.annotation == SecretStr | None}
    shown = settings.model_dump(exclude={*secrets, "store", "offline"})
    return [Check("settings", ", ".join(f"{name} {value}" for name, value in shown.items()))]


def check_device(settings: Settings) -> list[Check]:
    """Return the device and compute dtype that would be used, and why."""
    from brainflix.device import pick_compute, usable_cores

    compute = pick_compute(settings.device, settings.precision)
    described = compute.describe()
    return [
        Check("device", f"{described['name']}, {described['dtype']} ({described['reason']})"),
        Check("cpu cores", str(usable_cores())),
    ]


def check_attention(settings: Settings) -> list[Check]:
    """Return the attention kernel that would be used, and why."""
    from brainflix.attention import choose_kernel
    from brainflix.device import pick_compute

    device = pick_compute(settings.device, settings.precision).device
    kernel = choose_kernel(settings.attention, device, _HEAD_DIM)
    return [Check("attention", f"{kernel.name} ({kernel.reason})")]


def check_video(settings: Settings) -> list[Check]:
    """Return whether videos can be decoded and encoded: FFmpeg and libx264 inside PyAV."""
    import av

    codec = ".".join(str(number) for number in av.library_versions["libavcodec"])
    found = [Check("ffmpeg", f"PyAV {av.__version__}, libavcodec {codec}")]
    usable = "libx264" in av.codecs_available
    encoder = Check("libx264", "encodes H.264") if usable else Check("libx264", "is not in this build of PyAV", BAD)
    return [*found, encoder]


def check_store(settings: Settings) -> list[Check]:
    """Return where the store is, its file system, its free space, and whether the disk does what publishing needs."""
    root = settings.store.expanduser().absolute()
    place = next(each for each in (root, *root.parents) if each.exists())
    if not place.is_dir():
        return [Check("store", f"{root} cannot be made: {place} is a file", BAD)]
    free = shutil.disk_usage(place).free
    system = file_system(place)
    is_remote = system.startswith(_NETWORK_FILE_SYSTEMS)
    missing = "" if place == root else " (made when the first artifact is published)"
    return [
        Check("store", f"{root}{missing}"),
        Check("store file system", f"{system}{', over a network' if is_remote else ''}", NOTE if is_remote else OK),
        Check("store free space", f"{free / 1e9:.1f} GB", OK if free > _LITTLE_SPACE else NOTE),
        probe(place),
    ]


def file_system(place: Path) -> str:
    """Return the type of the file system that holds `place`, or "unknown"."""
    try:
        lines = Path("/proc/mounts").read_text(encoding="utf-8").splitlines()
    except OSError:
        return "unknown"
    mounts = [(fields[1].replace("\\040", " "), fields[2]) for fields in map(str.split, lines)]
    holding = [(len(point), kind) for point, kind in mounts if place.is_relative_to(point)]
    # Of two mounts at one place the later one is seen.
    return max(reversed(holding), key=lambda found: found[0])[1] if holding else "unknown"


def probe(place: Path) -> Check:
    """Do in a temporary folder what publishing does: write, force to the disk, rename a folder, refuse a second one."""
    from brainflix.store.disk import sync_folder, write_file

    name = "store publishing"
    try:
        with tempfile.TemporaryDirectory(prefix=".brainflix-probe-", dir=place) as text:
            folder = Path(text)
            for staged in ("first", "second"):
                (folder / staged).mkdir()
                write_file(folder / staged / "file", b"probe", sync=True)
            os.rename(folder / "first", folder / "final")
            sync_folder(folder)
            try:
                os.rename(folder / "second", folder / "final")
            except OSError:
                return Check(name, "write, fsync and rename work")
            return Check(name, "a rename replaced a folder that was not empty", BAD)
    except OSError as error:
        return Check(name, f"{error.strerror or error} in {place}", BAD)


def check_network(settings: Settings) -> list[Check]:
    """Return whether brainflix may use the network, and whether it has a token; never the token."""
    cached = Path(os.environ.get("HF_HOME", "~/.cache/huggingface")).expanduser() / "token"
    sources = {
        "the settings": settings.token is not None,
        "HF_TOKEN": bool(os.environ.get("HF_TOKEN")),
        "hf auth login": cached.is_file(),
    }
    found = next((source for source, present in sources.items() if present), "")
    return [
        Check("offline", "yes" if settings.offline or os.environ.get("HF_HUB_OFFLINE") == "1" else "no"),
        Check("Hugging Face token", f"yes, from {found}" if found else "no (only gated weights need one)"),
        Check("interpreter", sys.executable),
    ]
