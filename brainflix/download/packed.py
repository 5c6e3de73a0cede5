"""Files that come in an archive: fetched once, opened with what the user was given, and adopted as from a person.

A password or a link is typed or stands among the settings. It goes from there to the server or to the archive, and
nowhere else: `shown` hides a link, and neither is part of a key, a manifest or an error.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

from brainflix.download.terms import agreement
from brainflix.errors import IntegrityError, MissingError
from brainflix.io.fetch.addresses import keep_secret
from brainflix.io.fetch.download import fetch_files, line_of
from brainflix.io.fetch.package import Package
from brainflix.parts.dataset import Dataset
from brainflix.parts.work import Intake
from brainflix.progress import Progress
from brainflix.settings import PREFIX, load_settings


def given_secret(dataset: Dataset, intake: Intake) -> str:
    """Return what the data set asks a user for: just typed, or from the settings; empty where it was not given."""
    if dataset.secret is None or intake.secret:
        return intake.secret
    kept = getattr(load_settings(), dataset.secret.setting)
    return kept.get_secret_value().strip() if kept else ""


def needed_package(dataset: Dataset, subject: int | None, intake: Intake) -> Package | None:
    """Return the archive that the files come in; None where they do not come in one, or a folder is given.

    Raises:
        MissingError: what opens it has not been given.
        UsageError: what was given is of another kind.
    """
    if intake.source is not None or dataset.package_of(subject, "") is None:
        return None
    secret = given_secret(dataset, intake)
    if dataset.secret and not secret:
        raise lacking_secret(dataset, subject)
    found = dataset.package_of(subject, secret)
    # An address that is the package's own is the same without the secret.
    plain = dataset.package_of(subject, "")
    if found and plain and found.file.url != plain.file.url:
        keep_secret(found.file.url)
    return found


def is_asked_for(dataset: Dataset, subject: int | None, intake: Intake) -> bool:
    """Say whether only the secret is lacking: its terms are agreed to, and neither a folder nor a setting gives it."""
    if intake.source is not None or dataset.package_of(subject, "") is None or given_secret(dataset, intake):
        return False
    return dataset.access_of(subject) != "terms" or intake.agreed or agreement(dataset, intake.folder) is not None


def lacking_secret(dataset: Dataset, subject: int | None) -> MissingError:
    """Return the sentence about a password or a link that has not been given."""
    who = "the films" if subject is None else f"subject {subject}"
    secret = dataset.secret
    assert secret is not None
    command = f"brainflix download {dataset.name}" + (" --step stimuli" if subject is None else f" --subject {subject}")
    return MissingError(
        f"{who} of {dataset.name} need {secret.what}",
        why=f"you get it at {secret.page}",
        next=f"{command} at a terminal, which asks for it; or set {PREFIX}{secret.setting.upper()}",
    )


def package_place(package: Package, waiting: Path) -> Path:
    """Return where an archive is kept: beside what waits if all share it, otherwise with it, to be deleted with it."""
    folder = waiting.parent / "package" if package.shared else waiting / ".package"
    return folder / package.file.path


def fetch_package(dataset: Dataset, package: Package, waiting: Path, intake: Intake, progress: Progress) -> Path:
    """Fetch an archive, unless it is there already, and return where it is.

    Raises:
        MissingError: the server refuses or cannot be reached, or brainflix is offline.
        IntegrityError: what came is no whole zip archive; it is deleted.
        ResourceError: no room.
    """
    place = package_place(package, waiting)
    line = line_of(intake.retries, intake.silence_s, intake.patience_s, dataset.terms_url)
    fetch_files([package.file], place.parent, progress=progress, offline=intake.offline, line=line)
    if not zipfile.is_zipfile(place):
        place.unlink()
        raise IntegrityError(
            f"{package.file.path} of {dataset.name} is no whole zip archive",
            why="what the server sent was deleted",
            next=f"look at {dataset.terms_url}, and give what you fetch there with --from",
        )
    if package.shared:
        progress.say(f"{place} is kept for the other subjects; delete it when all are there")
    return place
