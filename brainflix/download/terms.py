"""Terms that a person must agree to once for each data set: asked for, written down, and kept beside the downloads."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

from brainflix.errors import UsageError
from brainflix.parts.dataset import Dataset
from brainflix.parts.work import Intake

FILE = "agreement.json"


def check_agreed(dataset: Dataset, subject: int | None, intake: Intake) -> None:
    """Write the agreement down if it is given now; refuse if it never was.

    The stimuli (subject None) and the brain data may come under different terms, or only one of them under any.

    Raises:
        UsageError: the data set has terms, and nobody has agreed to them yet.
    """
    if dataset.access_of(subject) != "terms" or agreement(dataset, intake.folder):
        return
    if not intake.agreed:
        raise UsageError(
            f"{dataset.title} comes under terms: {dataset.licence}",
            why=f"read them at {dataset.terms_url}",
            next=f"brainflix download {dataset.name} --i-agree {dataset.name}",
        )
    path = _path(dataset, intake.folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    said = {
        "dataset": dataset.name,
        "agreed": datetime.now(UTC).isoformat(timespec="seconds"),
        "url": dataset.terms_url,
        "terms": dataset.licence,
        "terms_sha256": hashlib.sha256(dataset.licence.encode()).hexdigest(),
    }
    path.write_text(json.dumps(said, indent=1) + "\n")


def agreement(dataset: Dataset, folder: Path) -> dict[str, str] | None:
    """Return what was agreed to, None if nothing was or the terms have changed since."""
    try:
        said: dict[str, str] = json.loads(_path(dataset, folder).read_text())
    except (OSError, ValueError):
        return None
    same = said.get("terms_sha256") == hashlib.sha256(dataset.licence.encode()).hexdigest()
    return said if same else None


def _path(dataset: Dataset, folder: Path) -> Path:
    return folder / dataset.name / FILE
