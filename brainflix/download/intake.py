"""Raw files on their way into the store: adopted from a folder or fetched, checked, and only then moved.

They wait in `<store>/.downloads/<data set>/<revision>/<who>`, which outlives the process: whatever is whole there is
not fetched or copied again, and what a person still has to bring is asked for by name.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from brainflix.download.beside import Beside, look_beside
from brainflix.download.packed import fetch_package, given_secret, lacking_secret, needed_package
from brainflix.download.terms import check_agreed
from brainflix.errors import BrainflixError, IntegrityError, MissingError, UsageError
from brainflix.io.archives import unpack
from brainflix.io.fetch.addresses import shown
from brainflix.io.fetch.annex import pointer_of
from brainflix.io.fetch.digest import digest_of
from brainflix.io.fetch.download import fetch_files, line_of
from brainflix.io.fetch.files import Listing, RemoteFile
from brainflix.io.fetch.package import Package
from brainflix.io.fetch.room import check_room
from brainflix.io.top_folder import find_inside, path_ends, roots_of, shown_in
from brainflix.parts.dataset import Dataset
from brainflix.parts.find import find
from brainflix.parts.work import Intake
from brainflix.progress import Progress
from brainflix.store import disk
from brainflix.wording import few


def collect(
    dataset: Dataset, params: Mapping[str, Any], subject: int | None, intake: Intake, progress: Progress
) -> tuple[Path, Listing]:
    """Bring the files of the stimuli (subject None) or of a subject together; return their folder and what they are.

    Raises:
        UsageError: the data set's terms have not been agreed to.
        MissingError: files are missing that only a person can bring, or the network cannot be reached.
        IntegrityError: bytes are not those of the data set.
        ResourceError: no room.
    """
    folder, elsewhere, beside = waiting_folder(dataset, subject, intake.folder), "", Beside()
    check_agreed(dataset, subject, intake)
    package = needed_package(dataset, subject, intake)
    given_here = fetch_package(dataset, package, folder, intake, progress) if package else intake.source
    if given_here is not None:
        # Adopting needs no network, so that the list is the one that the data set itself knows.
        shared = shared_ends(dataset, params, subject)
        with opened(given_here, folder, package) as given:
            source, found, elsewhere = holder(dataset, params, subject, given, shared)
            listing = Listing(found, archive=shown(package.file.url) if package else "")
            places = whole_places(found, source, shared)
            adopt(found, places, folder, progress)
            beside = look_beside(found, places, source, shared)
    else:
        offline = Listing(tuple(dataset.named_files(params, subject)))
        listing = offline if intake.offline else dataset.listed_files(params, subject)
        if listing.licence == "":
            progress.say(f"{dataset.name} states no licence: do not pass on what is made of it")
    files = listing.files
    # What a folder could not give may still have an address, such as an annexed file whose clone names its key.
    coming = [file for file in files if file.url and not (given_here and (folder / file.path).is_file())]
    _fetch(dataset, [file for file in coming if not file.optional], folder, intake, progress)
    if intake.source is None:
        _fetch_optional(dataset, [file for file in coming if file.optional], folder, intake, progress)
    missing = [file.path for file in files if not ((folder / file.path).is_file() or file.optional)]
    if missing:
        raise _missing(dataset, missing, subject, given_here, elsewhere, beside)
    if beside.left_out:
        progress.say(f"not read, since the layout of {dataset.name} does not have it: {few(beside.left_out)}")
    here = tuple(file for file in files if (folder / file.path).is_file())
    return folder, replace(listing, files=here, left_out=beside.left_out)


def _fetch(dataset: Dataset, files: Sequence[RemoteFile], folder: Path, intake: Intake, progress: Progress) -> None:
    line = line_of(intake.retries, intake.silence_s, intake.patience_s, dataset.terms_url)
    if files:
        fetch_files(files, folder, progress=progress, workers=intake.workers, offline=intake.offline, line=line)


def _fetch_optional(
    dataset: Dataset, files: Sequence[RemoteFile], folder: Path, intake: Intake, progress: Progress
) -> None:
    """Fetch what the data set is whole without; where a file cannot be had, that is said, and the rest is kept."""
    for file in files:
        try:
            _fetch(dataset, [file], folder, intake, progress)
        except MissingError as error:
            progress.say(f"without {file.path}, which is optional: {error.why or error.what}")


def by_hand(dataset: Dataset, params: Mapping[str, Any], subject: int | None, intake: Intake) -> BrainflixError | None:
    """Return what only a person can do before the files can come, as the error it would be; None where nothing is.

    No server is asked: where only one knows the files, none of them counts.
    """
    if dataset.fetch:
        return None
    try:
        check_agreed(dataset, subject, replace(intake, agreed=False))
    except UsageError as error:
        return error
    folder = waiting_folder(dataset, subject, intake.folder)
    if dataset.package_of(subject, ""):
        return lacking_secret(dataset, subject) if dataset.secret and not given_secret(dataset, intake) else None
    known = () if dataset.listing else dataset.named_files(params, subject)
    missing = [file.path for file in known if not (file.url or file.optional or (folder / file.path).is_file())]
    return _missing(dataset, missing, subject, None, "", Beside()) if missing else None


def waiting_folder(dataset: Dataset, subject: int | None, root: Path) -> Path:
    """Return where the files of the stimuli or of a subject wait below the folder of all downloads."""
    who = "stimuli" if subject is None else f"sub-{subject}"
    return root / dataset.name / (dataset.revision or "unpinned") / who


@contextmanager
def opened(source: Path, folder: Path, package: Package | None = None) -> Iterator[Path]:
    """Yield a person's folder; of an archive, the folder that it unpacks to, which is deleted afterwards.

    `package` says which members of it are wanted, and what opens them.
    """
    if not source.is_file():
        yield source
        return
    unpacked = folder.parent / f"{folder.name}.unpacked"
    shutil.rmtree(unpacked, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        free = shutil.disk_usage(folder.parent).free
        if package is None:
            unpack(source, unpacked, max_bytes=free)
        else:
            unpack(source, unpacked, max_bytes=free, wants=package.wants, password=package.password)
        yield unpacked
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)


def holder(
    dataset: Dataset, params: Mapping[str, Any], subject: int | None, given: Path, ambiguous: Collection[str]
) -> tuple[Path, tuple[RemoteFile, ...], str]:
    """Return the folder that holds most of the files, and what it can give: the given one, or the only one in it.

    Where neither holds any, also the name of a folder beside others that does: it may be another person's copy, so
    that it is named and not taken.
    """

    def look(root: Path, absent: type[BrainflixError] = MissingError) -> tuple[int, tuple[RemoteFile, ...]]:
        try:
            files = tuple(dataset.files_in(root, params, subject))
        except absent:
            return -1, ()
        # An annexed file's address is known where its folder is.
        return sum(bool(file.url) or place_of(root, file.path, ambiguous) is not None for file in files), files

    roots = roots_of(given)
    looked = [look(root) for root in roots]
    # Of equals, the outermost.
    best = max(range(len(roots)), key=lambda number: looked[number][0])
    count, files = looked[best]
    hint = ""
    if count <= 0:
        folders = [each for each in shown_in(roots[-1]) if each.is_dir()]
        # A folder that is only looked into for a hint may hold anything.
        there = ((each, *look(each, BrainflixError)) for each in folders)
        beside = next((each for each in there if each[1] > 0), None)
        if beside is not None:
            hint = beside[0].relative_to(given).as_posix()
            # Which files are missing, a folder without any may not know.
            files = files or beside[2]
    # What says that nothing is there says it of the folder that was given.
    return roots[best], files if count >= 0 or hint else tuple(dataset.files_in(given, params, subject)), hint


def whole_places(files: Sequence[RemoteFile], source: Path, ambiguous: Collection[str]) -> dict[str, Path]:
    """Return where those files lie in a person's folder whose content is there, by their path in the data set.

    A file may lie in `source` at its full path or at any shorter end of it that is not `ambiguous`, so that a folder
    below the data set's top can be given as well.

    Raises:
        MissingError: there is no such folder.
    """
    if not source.is_dir():
        raise MissingError(f"no folder at {source}", next="brainflix download NAME --from FOLDER")
    places = {file.path: place_of(source, file.path, ambiguous) for file in files}
    # A pointer of git-annex is a file and not the content.
    return {path: place for path, place in places.items() if place is not None and not pointer_of(place)}


def adopt(files: Sequence[RemoteFile], places: Mapping[str, Path], folder: Path, progress: Progress) -> None:
    """Copy files that a person fetched from where they lie, as of `whole_places`; the originals stay as they are.

    Raises:
        IntegrityError: a file is not the one that was published.
        ResourceError: no room.
    """
    found = [(file, places[file.path]) for file in files if file.path in places]
    coming = [(file, place) for file, place in found if not _is_here(folder / file.path, place, file)]
    folder.mkdir(parents=True, exist_ok=True)
    check_room(sum(place.stat().st_size for _, place in coming), folder, "copied")
    for file, place in progress.track(coming, "files adopted"):
        final = folder / file.path
        final.parent.mkdir(parents=True, exist_ok=True)
        part = final.with_name(final.name + ".part")
        try:
            copy_with_time(place, part)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise disk.resource_error(error, final, f"copy {place.name} to") from error
        if why := _is_wrong(part, file):
            part.unlink()
            raise IntegrityError(f"{place} is not the file that was published", why=why, next="fetch it again")
        os.replace(part, final)


def shared_ends(dataset: Dataset, params: Mapping[str, Any], subject: int | None) -> set[str]:
    """Return the ends of paths that could mean another subject's file as well."""
    # The stimuli's job knows only the parameters that matter to them.
    every = find("dataset", dataset.name).load_params()().model_dump(mode="json") | dict(params)
    others = [other for other in (None, *dataset.subjects) if other != subject]
    return {end for other in others for file in dataset.named_files(every, other) for end in path_ends(file.path)}


def place_of(source: Path, path: str, ambiguous: Collection[str]) -> Path | None:
    """Return where a file lies below `source`, by the longest end of its path; None if nowhere."""
    places = (find_inside(source, end) for end in path_ends(path) if end not in ambiguous)
    return next((place for place in places if place is not None), None)


def copy_with_time(source: Path, place: Path) -> None:
    """Copy a file's bytes and its time of change, by which it is known again without being read."""
    shutil.copyfile(source, place)
    state = source.stat()
    os.utime(place, ns=(state.st_atime_ns, state.st_mtime_ns))


def _is_here(final: Path, place: Path, file: RemoteFile) -> bool:
    """Say whether what waits is the file that is given: by size and time, since it may be given anew."""
    if not final.is_file():
        return False
    waiting, given = final.stat(), place.stat()
    same = (waiting.st_size, waiting.st_mtime_ns) == (given.st_size, given.st_mtime_ns)
    return same and not _is_wrong(final, file)


def _is_wrong(place: Path, file: RemoteFile) -> str:
    """Say what is wrong with a file, or nothing."""
    size = place.stat().st_size
    if file.size is not None and size != file.size:
        return f"it has {size} bytes instead of {file.size}"
    if file.digest and (found := digest_of(place, file.digest.partition(":")[0])) != file.digest:
        return f"its digest is {found} instead of {file.digest}"
    return ""


def _missing(
    dataset: Dataset, missing: Sequence[str], subject: int | None, given: Path | None, elsewhere: str, beside: Beside
) -> MissingError:
    """Return the sentence about files that nobody has brought, with what a person does to get them."""
    who = "the stimuli" if subject is None else f"subject {subject}"
    steps = "".join(f"\n  {number}. {step}" for number, step in enumerate(dataset.steps, start=1))
    command = f"brainflix download {dataset.name} --from FOLDER"
    absent = f"{given} does not hold them" + (f", but its folder {elsewhere} does" if elsewhere else "")
    lacking = absent if given else "a person has to fetch them"
    return MissingError(
        f"{len(missing)} files of {who} of {dataset.name} are missing: {few(missing)}",
        why=beside.why_missing() or lacking,
        next=beside.next_step() or (f"{steps}\n  {len(dataset.steps) + 1}. {command}" if steps else command),
    )
