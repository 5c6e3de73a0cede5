"""Export: a verified copy of an artifact, outside the store; of videos also their frames as pictures."""

from __future__ import annotations

import os
import shutil
import uuid
from pathlib import Path

from brainflix.errors import IntegrityError, UsageError
from brainflix.store import disk
from brainflix.store.manifest import MANIFEST_NAME
from brainflix.store.refs import Ref
from brainflix.store.store import Store
from brainflix.store.verify import verify_files


def export(store: Store, ref: Ref, folder: Path) -> Path:
    """Copy the files and the manifest of an artifact into a new folder, and verify the copy.

    Videos and true frames are also written as `frames/<clip>/0000.png ...`, with a clips.csv that says where the clips
    lie in their film, so that anything can read them and `score` scores them as it scores the artifact.

    Args:
        store: where the artifact is.
        ref: the artifact.
        folder: the folder to make; it appears whole or not at all.

    Returns:
        The folder.

    Raises:
        MissingError: there is no such artifact.
        IntegrityError: the artifact is damaged; nothing is left behind.
        UsageError: the folder exists and is not empty.
        ResourceError: the disk is full or not writable.
    """
    artifact = store.open(ref)
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise UsageError(f"{folder} exists", why="export makes a new folder", next="name another folder")
    target = folder.absolute()
    copy = target.parent / f".{target.name}.{uuid.uuid4().hex}.partial"
    try:
        disk.make_folders(copy, sync=False)
        for path in (*(entry.path for entry in artifact.manifest.files), MANIFEST_NAME):
            (copy / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(artifact.path / path, copy / path)
        problems = verify_files(copy, artifact.manifest)
        if problems:
            raise IntegrityError(f"{ref} is damaged: {problems[0]}", next=f"brainflix store verify {ref}")
        if "frames" in artifact.names():
            # Imported here: numpy and Pillow come with it, which most commands of the store need not wait for.
            from brainflix.store.export_frames import write_frames

            write_frames(store, artifact, copy)
        os.rename(copy, target)
    except OSError as error:
        raise disk.resource_error(error, target, f"export {ref} to") from error
    finally:
        disk.remove_tree(copy)
    return folder
