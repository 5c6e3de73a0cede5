"""Small artifacts, and child processes that work on them, for the tests of the store."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from brainflix.store.arrays import write_array
from brainflix.store.publish import staging_folder
from brainflix.store.refs import Ref
from brainflix.store.store import Staging, Store

REF = Ref("bold", "demo-sub-1", "0123456789ab")
VALUES = np.random.default_rng(7).normal(size=(6, 5)).astype(np.float32)


def publish(store: Store, ref: Ref = REF, text: str = "hello", fsync: bool = True, **options) -> Staging:
    """Publish a text file in a subfolder and, in two shards, an array."""
    options = {"parameters": {"text": text}, "inputs": {}, **options}
    with store.publish(ref, stage="preprocess", stage_version=1, fsync=fsync, **options) as staging:
        (staging.path / "notes").mkdir()
        (staging.path / "notes" / "text.txt").write_text(text)
        write_array(staging.path, "x", VALUES, dims=("trial", "grayordinate"), layout="rows", rows_per_shard=3)
    return staging


def publish_text(store: Store, ref: Ref = REF, text: str = "hello", **options) -> Staging:
    """Publish one text file, without forcing it to the disk."""
    options = {"parameters": {}, "inputs": {}, **options}
    with store.publish(ref, stage="preprocess", stage_version=1, fsync=False, **options) as staging:
        (staging.path / "text.txt").write_text(text)
    return staging


def staged(store: Store) -> list[str]:
    """Return what lies in the staging folder."""
    folder = staging_folder(store.root)
    return sorted(os.listdir(folder)) if folder.exists() else []


def contents(folder: Path) -> dict[str, bytes]:
    """Return the bytes of each file of an artifact but its manifest."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "manifest.json"]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
