"""What a raw artifact says of where it comes from: source, terms, and each file's address and published digest."""

from __future__ import annotations

import json
from pathlib import Path

from brainflix.download.terms import agreement
from brainflix.io.fetch.addresses import shown
from brainflix.io.fetch.files import Listing
from brainflix.parts.dataset import Dataset
from brainflix.parts.work import Intake

FILE = "provenance.json"


def write_provenance(dataset: Dataset, listing: Listing, folder: Path, out: Path, intake: Intake) -> None:
    """Write `provenance.json` into the artifact; its manifest holds the size and SHA-256 of every file anyway.

    A file without a published digest is trusted on first use, and said to be.
    """
    known = {
        "dataset": dataset.name,
        "source": dataset.source,
        "revision": dataset.revision,
        "commit": listing.commit,
        "licence": dataset.licence,
        "licence_on_the_card": listing.licence,
        "citation": dataset.citation,
        "agreement": agreement(dataset, intake.folder),
        "adopted": intake.source is not None,
        "archive": archive_stamp(intake.source),
        "archive_url": listing.archive,
        "files": [
            {
                "path": file.path,
                "url": shown(file.url),
                "size": (folder / file.path).stat().st_size,
                "published_digest": file.digest,
                "trusted_on_first_use": not file.digest,
            }
            for file in listing.files
        ],
    }
    (out / FILE).write_text(json.dumps(known, indent=1) + "\n")


def archive_stamp(source: Path | None) -> list[int] | None:
    """Return the size and the time of change of an archive that files came from, None where it is none."""
    if source is None or not source.is_file():
        return None
    state = source.stat()
    return [state.st_size, state.st_mtime_ns]
