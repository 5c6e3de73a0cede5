"""Which checkpoint each network of `score` takes, pinned, and what users give in its place (docs/scoring.md, Weights).

A checkpoint that cannot be had is never substituted: its metrics are listed as skipped, with the command that gets it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from brainflix.errors import MissingError, UsageError
from brainflix.evaluate.networks.judges import JUDGE, split_file
from brainflix.io.weights import local_folder, pin, resolve_weights
from brainflix.wording import did_you_mean


@dataclass(frozen=True)
class Checkpoint:
    """Weights of one network.

    Attributes:
        key: name on the command line and in documents.
        about: what it is.
        name: Hub repository or folder; empty where only the user can give one.
        revision: commit of the repository; empty for folders, whose files are digested.
        get: how to get it, where the Hub does not have it.
        file: of the weights, where they are no folder; `name` is then its architecture.
        shown: what it is called in documents, where the key names another network.
    """

    key: str
    about: str
    name: str = ""
    revision: str = ""
    get: str = ""
    file: Path | None = None
    shown: str = ""


VIFI_GET = (
    "convert k400_seed1_vifi_clip_base2novel.pth of the ViFi-CLIP authors to a folder that "
    "CLIPModel.from_pretrained reads, and give --checkpoint vifi=FOLDER"
)
SWAV_GET = "put swav_800ep_pretrain.pth.tar into a folder of its own, and give --checkpoint swav=FOLDER"
# What the image classifier is called as well, since it need not be a ViT.
ALIASES = {"image": "vit"}
# The short commits are those that transformers pins for its own pipelines.
CHECKPOINTS: dict[str, Checkpoint] = {
    each.key: each
    for each in (
        Checkpoint("vit", "image classifier, 1000 classes of ImageNet", "google/vit-base-patch16-224", "3f49326"),
        Checkpoint(
            "videomae",
            "video classifier, 400 classes of Kinetics",
            "MCG-NJU/videomae-base-finetuned-kinetics",
            "488eb9a0565f257b32866000305c8178965eb9f6",
        ),
        Checkpoint("clip_b32", "CLIP ViT-B/32", "openai/clip-vit-base-patch32", "3d74acf"),
        # This commit stands in public caches and was not checked against the Hub: a wrong one is "not found".
        Checkpoint(
            "clip_l14",
            "CLIP ViT-L/14",
            "openai/clip-vit-large-patch14",
            "32bd64288804d66eefd0ccbe215aa642df71cc41",
        ),
        Checkpoint("vifi", "ViFi-CLIP: CLIP ViT-B/16 tuned on Kinetics, converted by the user", get=VIFI_GET),
        Checkpoint("swav", "SwAV ResNet-50, 800 epochs, given by the user", get=SWAV_GET),
    )
}


@dataclass(frozen=True)
class Located:
    """A checkpoint that is on this machine: its folder, what pins it (a commit or a digest), and its shown name."""

    key: str
    name: str
    folder: Path
    pin: str
    shown: str = ""


def replace_checkpoints(texts: Sequence[str]) -> dict[str, Checkpoint]:
    """Return the table with what the user gives in place of some checkpoints.

    Args:
        texts: each KEY=FOLDER, KEY=demo/NAME, KEY=REPOSITORY@COMMIT, KEY=efficientnet-lite0 (the judge that comes as a
            package), or KEY=ARCHITECTURE:FILE.

    Raises:
        UsageError: another form, an unknown or repeated key, or a Hub repository without its commit.
        MissingError: a path that is no folder, no such file, or the judge is not installed.
    """
    table = dict(CHECKPOINTS)
    for text in texts:
        key, sign, place = text.partition("=")
        if not (key and sign and place):
            raise UsageError(f"--checkpoint {text!r} is not KEY=FOLDER or KEY=REPOSITORY@COMMIT")
        key = ALIASES.get(key, key)
        if key not in table:
            raise UsageError(f"unknown checkpoint {key!r}", next=did_you_mean(key, [*table, *ALIASES]))
        if table[key] is not CHECKPOINTS[key]:
            raise UsageError(f"--checkpoint {key} is given twice")
        if (of_file := split_file(place)) is not None:
            if key != "vit":
                raise UsageError(
                    f"--checkpoint {key} takes no single file", next=f"give image={place}, or {key}=FOLDER"
                )
            shown = of_file[0] if place == JUDGE else place.partition(":")[0] + ":" + of_file[1].name
            table[key] = Checkpoint(key, CHECKPOINTS[key].about, of_file[0], file=of_file[1], shown=shown)
            continue
        name, revision = place, ""
        if local_folder(place) is None:
            name, _, revision = place.rpartition("@")
            if not name or not revision:
                what = f"--checkpoint {text!r} names no folder and no commit"
                raise UsageError(what, next=f"give {key}=FOLDER, or {key}={place or 'REPOSITORY'}@COMMIT")
        table[key] = Checkpoint(key, CHECKPOINTS[key].about, name, revision)
    return table


def locate(checkpoint: Checkpoint) -> Located:
    """Find a checkpoint on this machine, or fetch it where the network may be used.

    Raises:
        MissingError: it cannot be had; says how to get it.
    """
    if checkpoint.file is not None:
        from brainflix.evaluate.networks.converted import converted

        folder, digest = converted(checkpoint.name, checkpoint.file)
        return Located(checkpoint.key, checkpoint.shown, folder, digest, checkpoint.shown)
    if not checkpoint.name:
        raise MissingError(f"no weights are given for {checkpoint.key}", next=checkpoint.get)
    folder = resolve_weights(checkpoint.name, checkpoint.revision)
    return Located(checkpoint.key, checkpoint.name, folder, pin(checkpoint.name, checkpoint.revision))
