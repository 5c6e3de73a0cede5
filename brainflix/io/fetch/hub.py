"""Data sets on the Hugging Face Hub: their files at one commit, with sizes and digests, by the Hub's own client."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from fnmatch import fnmatch

from brainflix.errors import BrainflixError, IntegrityError, MissingError
from brainflix.io.fetch.addresses import shown, without_logins
from brainflix.io.fetch.files import Listing, RemoteFile

COMMIT = re.compile(r"[0-9a-f]{40}")


def hub_listing(repo_id: str, revision: str, patterns: Sequence[str] = ("*",)) -> Listing:
    """Ask the Hub for the files of a data set that match one of the patterns.

    Args:
        repo_id: owner/name.
        revision: 40 hex digits, or a branch or tag, which is resolved to the commit that it means now.
        patterns: as of the shell.

    Raises:
        MissingError: no network, no such repository or revision, or no access.
    """
    from huggingface_hub import HfApi, hf_hub_url
    from huggingface_hub.hf_api import RepoFile

    api = HfApi()
    with _explained(repo_id):
        info = api.dataset_info(repo_id, revision=revision or None)
        commit = info.sha or ""
        if COMMIT.fullmatch(revision) and commit != revision:
            raise IntegrityError(f"the Hub gives commit {commit} of {repo_id} instead of {revision}")
        entries = [
            entry
            for entry in api.list_repo_tree(repo_id, recursive=True, revision=commit, repo_type="dataset")
            if isinstance(entry, RepoFile) and any(fnmatch(entry.path, pattern) for pattern in patterns)
        ]
    files = tuple(
        RemoteFile(
            path=entry.path,
            url=hf_hub_url(repo_id, entry.path, repo_type="dataset", revision=commit),
            size=entry.size,
            # A small file's blob id is git's own SHA-1, which no data set here relies on.
            digest=f"sha256:{entry.lfs.sha256}" if entry.lfs else "",
        )
        for entry in entries
    )
    licence = getattr(info.card_data, "license", None) or ""
    return Listing(files, commit, licence if isinstance(licence, str) else ", ".join(licence))


def headers_for(url: str) -> Mapping[str, str]:
    """Return the token as a header for an address of the Hub, nothing for any other."""
    if not url.startswith(_endpoint() + "/"):
        return {}
    from huggingface_hub import get_token

    token = get_token()
    return {"Authorization": f"Bearer {token}"} if token else {}


def _endpoint() -> str:
    from huggingface_hub import constants

    return (os.environ.get("HF_ENDPOINT") or constants.ENDPOINT).rstrip("/")


@contextmanager
def _explained(repo_id: str) -> Iterator[None]:
    """Turn what the Hub's client raises into one sentence.

    The client's own errors do not go on as causes: they hold the address with its login, and the server's answer, which
    may repeat what it was sent.
    """
    from huggingface_hub.errors import (
        GatedRepoError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    page = f"{shown(_endpoint())}/datasets/{repo_id}"
    try:
        yield
    except GatedRepoError:
        raise MissingError(f"{repo_id} is gated", next=f"agree to its terms at {page}, and set HF_TOKEN") from None
    except RepositoryNotFoundError:
        advice = f"look at {page}, or set HF_TOKEN"
        raise MissingError(f"the Hub has no data set {repo_id} for you", next=advice) from None
    except RevisionNotFoundError:
        raise MissingError(f"{repo_id} has no such revision", next=f"look at {page}/commits/main") from None
    except OfflineModeIsEnabled:
        raise MissingError(f"cannot ask the Hub for {repo_id}", why="offline", next="the same with --online") from None
    except BrainflixError:
        raise
    except Exception as error:
        # Which errors a broken line gives depends on the HTTP library that the client happens to use.
        first = without_logins((str(error).splitlines() or [type(error).__name__])[0])
        raise MissingError(f"cannot reach the Hub for {repo_id}", why=first, next="look at the network") from None
