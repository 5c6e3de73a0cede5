"""Lists of files that ship with brainflix: OpenNeuro's, with size, SHA-256 and S3 version of every file."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from brainflix.errors import IntegrityError
from brainflix.io.fetch.files import RemoteFile

FOLDER = Path(__file__).resolve().parents[2] / "datasets" / "manifests"
COLUMNS = ["path", "size", "sha256", "s3_version_id"]


def manifest_files(name: str, bucket_url: str, only: Callable[[str], bool] = lambda path: True) -> list[RemoteFile]:
    """Return the files of a shipped list whose path `only` accepts, in the list's order.

    Args:
        name: of the list, without ending.
        bucket_url: address below which the open bucket has the data set.
        only: which paths.

    Raises:
        IntegrityError: the list is not one of ours.
    """
    with gzip.open(FOLDER / f"{name}.tsv.gz", "rt", newline="", encoding="utf-8") as file:
        rows = csv.reader(file, delimiter="\t")
        if next(rows, None) != COLUMNS:
            raise IntegrityError(f"{name} is not a list of files", why=f"its columns are not {', '.join(COLUMNS)}")
        return [
            # The version pins the bytes: the bucket keeps serving them when the data set is revised.
            RemoteFile(path, f"{bucket_url}/{quote(path)}?versionId={quote(version)}", int(size), f"sha256:{sha256}")
            for path, size, sha256, version in rows
            if only(path)
        ]
