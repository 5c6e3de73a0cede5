"""What every dataset declares about itself. Light: importing a declaration reads no data and no heavy library.

A dataset's raw files come in one of two ways. An embedded one makes them (`fetch`). Any other names them (`files`),
with address, size and digest as far as these are published; what has no address a person fetches and `--from` adopts.
Where only a server knows the list, `listing` asks it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from brainflix.errors import DataError
from brainflix.parts.lazy import load

if TYPE_CHECKING:
    from brainflix.io.fetch.files import Listing, RemoteFile
    from brainflix.io.fetch.package import Package
    from brainflix.store.clips import Clips
    from brainflix.store.features import Features

Writer = Callable[[Mapping[str, Any], int | None, Path], None]
# open: fetched as it is. terms: fetched after `--i-agree`. keys: fetched with the user's own keys or link. manual: a
# person fetches it, and `--from` adopts it.
Access = Literal["embedded", "open", "terms", "keys", "manual"]


@dataclass(frozen=True)
class Secret:
    """What the owners give to a user and what is never kept: a password, or a link that a form sends.

    Attributes:
        setting: its name among the settings, so that `BRAINFLIX_<SETTING>` holds it.
        what: what it is, for a prompt and for errors.
        page: where a person gets it.
    """

    setting: str
    what: str
    page: str


@dataclass(frozen=True)
class Dataset:
    """One dataset.

    Attributes:
        name, title: for the command line and for people.
        subjects: subject numbers.
        tr_s: time between volumes in seconds; 0 where responses are betas.
        clip_s: length of a clip in seconds.
        licence, access, source, citation: its terms and where it comes from; `citation` is BibTeX.
        stimuli_access: how the stimuli come, where that differs from `access`, which is that of the brain data.
        secret: what is needed beside an agreement for what comes in a package.
        package: `module:function(subject, secret) -> Package | None`, the archive in which the files of the stimuli
            (subject None) or of a subject come, where they have no address of their own.
        revision: pinned revision; part of every key.
        simulated: whether the brains are simulated; every report says so.
        stimulus_params: the parameters that the stimuli depend on; the others only touch the brain data.
        split_params: those of them that only say what is tested, so that brain data do not depend on them.
        fetch: `module:function(params, subject, folder)` that makes the raw files of the stimuli (subject None) or of
            one subject; one that takes `track` as well counts by it what it has made.
        files: `module:function(params, subject) -> [RemoteFile]`, without network.
        found: `module:function(source, params, subject) -> [RemoteFile]`, the files as they lie in a folder that a
            person fetched, where nobody has published their names; empty if `files` knows them.
        listing: `module:function(params, subject) -> Listing`, with network, for what only a server can list; empty if
            `files` says all.
        check: `module:function(folder, params, subject)` that raises if the content is not what it should be.
        clips: `module:function(raw, clip_s) -> Clips`, the clip table of the raw stimuli folder.
        film: `module:function(raw, segment) -> Path`, the video that a segment's clips are cut from; empty for none.
        frames: `module:function(raw) -> iterator of uint8 (n, n_frames, height, width, 3)`, all clips in the table's
            order, where a data set has frames instead of films; `frames_hz` is their rate.
        features: `module:function(raw) -> {name: Features}`, what is known of each clip of the table as numbers.
        terms_url: the page with the terms, or where a person gets the files.
        steps: what a person does to get files without an address, in order.
        size_bytes: what is worth fetching, all subjects; None if it is not known.
        space: what the columns of the responses are.
        shapes: expected shapes by name, for people and for tests.
        splits, repeats: in one sentence each.
        traps: what has gone wrong for others, one sentence each.
        checked_on: which real files brainflix has read so far; empty if none.
    """

    name: str
    title: str
    subjects: tuple[int, ...]
    tr_s: float
    clip_s: float
    licence: str
    access: Access
    source: str
    citation: str
    revision: str
    simulated: bool
    stimulus_params: tuple[str, ...]
    split_params: tuple[str, ...] = ()
    stimuli_access: Access | Literal[""] = ""
    secret: Secret | None = None
    package: str = ""
    fetch: str = ""
    files: str = ""
    found: str = ""
    listing: str = ""
    check: str = ""
    clips: str = "brainflix.datasets.clips:load_clips"
    film: str = "brainflix.datasets.cc2017.layout:film_path"
    frames: str = ""
    frames_hz: float = 0.0
    features: str = ""
    terms_url: str = ""
    steps: tuple[str, ...] = ()
    size_bytes: int | None = None
    space: str = ""
    shapes: tuple[tuple[str, str], ...] = ()
    splits: str = ""
    repeats: str = ""
    traps: tuple[str, ...] = ()
    checked_on: str = ""

    def access_of(self, subject: int | None) -> Access:
        """Return how the files of the stimuli (subject None) or of a subject come."""
        return (self.stimuli_access or self.access) if subject is None else self.access

    def package_of(self, subject: int | None, secret: str) -> Package | None:
        """Return the archive that the files come in, None where they have addresses or only a person can bring them.

        Raises:
            UsageError: the secret is not of the kind that is wanted.
        """
        found: Package | None = load(self.package)(subject, secret) if self.package else None
        return found

    def named_files(self, params: Mapping[str, Any], subject: int | None) -> Sequence[RemoteFile]:
        """Return the files of the stimuli (subject None) or of a subject that are known without asking a server."""
        found: Sequence[RemoteFile] = load(self.files)(params, subject)
        return found

    def listed_files(self, params: Mapping[str, Any], subject: int | None) -> Listing:
        """Return the files as the server lists them; the named ones where there is no such server.

        Raises:
            MissingError: the server cannot be reached or refuses.
        """
        from brainflix.io.fetch.files import Listing

        if not self.listing:
            return Listing(tuple(self.named_files(params, subject)))
        found: Listing = load(self.listing)(params, subject)
        return found

    def files_in(self, source: Path, params: Mapping[str, Any], subject: int | None) -> Sequence[RemoteFile]:
        """Return the files that a folder of a person's can give; the named ones where names are known."""
        found: Sequence[RemoteFile] = (
            load(self.found)(source, params, subject) if self.found else self.named_files(params, subject)
        )
        return found

    def load_clips(self, raw: Path) -> Clips:
        """Read the clip table from the folder of the raw stimuli."""
        clips: Clips = load(self.clips)(raw, self.clip_s)
        return clips

    def load_features(self, raw: Path) -> Mapping[str, Features]:
        """Read what is known of the clips from the folder of the raw stimuli, tables by name; none where nothing is."""
        found: Mapping[str, Features] = load(self.features)(raw) if self.features else {}
        return found

    def film_path(self, raw: Path, segment: str) -> Path:
        """Return the video that the clips of a segment are cut from.

        Raises:
            DataError: the data set has no films.
        """
        if not self.film:
            raise DataError(f"{self.name} has no films", next="decode its features, targets of the part given")
        path: Path = load(self.film)(raw, segment)
        return path
