"""One GET request of a file or of its rest: what the server says of it, and its bytes.

The standard library's client is used: the one that the Hub's package brings has changed its name between versions, and
nothing more than streaming, a timeout and a few headers is needed here.
"""

from __future__ import annotations

import http.client
import re
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from typing import IO, Any
from urllib.parse import urlsplit

from brainflix import __version__
from brainflix.errors import MissingError
from brainflix.io.fetch.addresses import shown, split_login, without_logins

CHUNK_BYTES = 1 << 20
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_TRY_AGAIN = {408, 425, 429, 500, 502, 503, 504}
_PAGE_TYPES = ("text/html", "application/xhtml+xml")
_PAGE_START_BYTES = 512
_NEXT = {401: "log in, or set HF_TOKEN", 403: "look whether you have access to it", 404: "look whether it has moved"}


class Interrupted(Exception):
    """The transfer broke off or was put off; trying again may help. `wait_s` is what the server asks for."""

    def __init__(self, why: str, wait_s: float | None = None) -> None:
        super().__init__(why)
        self.wait_s = wait_s


class Changed(Exception):
    """The file is another one than the part that is here; it has to be fetched from the start."""


@dataclass(frozen=True)
class Answer:
    """What a server answered.

    Attributes:
        start: the first byte that it sends; 0 also where a rest was asked for and the server knows no ranges.
        total: size of the whole file in bytes, None if it does not say.
        end: where the bytes of this answer end, None if it does not say.
        validator: header that asks for exactly this version again, ("If-Match", etag) or ("If-Unmodified-Since", date).
        body: its bytes.
        is_page: whether the server says that it is a web page.
    """

    start: int
    total: int | None
    end: int | None
    validator: tuple[str, str] | None
    body: http.client.HTTPResponse
    is_page: bool = False

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes.

        Raises:
            Interrupted: the connection broke.
        """
        try:
            # What is here now, not a whole chunk: a client that is killed loses no more than that.
            while chunk := self.body.read1(CHUNK_BYTES):
                yield chunk
        except (OSError, http.client.HTTPException) as error:
            raise Interrupted(_why(error)) from error


@contextmanager
def ask(
    url: str,
    start: int,
    validator: tuple[str, str] | None,
    headers: Mapping[str, str],
    timeout_s: float,
    page: str = "",
) -> Iterator[Answer]:
    """Ask for a file from byte `start` on, and only if it is still the version of `validator`.

    `page` is where a person gets what the server refuses.

    Raises:
        Interrupted: no connection, or the server asks to try again.
        Changed: the file is another one now.
        MissingError: the server refuses; trying again would not help.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        raise MissingError(f"{shown(url)} is not a web address")
    url, login = split_login(url)
    fields = {"User-Agent": f"brainflix/{__version__}", "Accept-Encoding": "identity", **login, **headers}
    if start:
        fields["Range"] = f"bytes={start}-"
        if validator:
            fields[validator[0]] = validator[1]
    try:
        response = _OPENER.open(urllib.request.Request(url, headers=fields), timeout=timeout_s)
    except urllib.error.HTTPError as error:
        with error:
            raise _refusal(error, url, page) from error
    except (OSError, http.client.HTTPException) as error:
        raise Interrupted(_why(error)) from error
    with response:
        yield _answer(response, start)


def _answer(response: Any, start: int) -> Answer:
    """Read the head of an answer.

    Raises:
        Interrupted: the bytes are not those that were asked for.
    """
    head = response.headers
    if head.get("Content-Encoding", "identity") != "identity":
        raise Interrupted(f"the server sends {head['Content-Encoding']} although that was not asked for")
    said = head.get("Content-Length") or ""
    length = int(said) if said.isascii() and said.isdigit() else None
    is_page = "Content-Type" in head and head.get_content_type() in _PAGE_TYPES
    if response.status != 206:
        return Answer(0, length, length, _validator(head), response, is_page or begins_as_page(_first_bytes(response)))
    match = _RANGE.fullmatch(head.get("Content-Range", ""))
    if not match or int(match[1]) != start:
        raise Interrupted(f"the server sends {head.get('Content-Range')!r} and not the rest from byte {start}")
    total = None if match[3] == "*" else int(match[3])
    return Answer(start, total, int(match[2]) + 1, _validator(head), response, is_page)


def _first_bytes(response: http.client.HTTPResponse) -> bytes:
    """Return what has come of a body without taking it.

    Raises:
        Interrupted: the connection broke.
    """
    try:
        return response.peek(_PAGE_START_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise Interrupted(_why(error)) from error


def begins_as_page(start: bytes) -> bool:
    """Say whether bytes are the beginning of a web page."""
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return text.startswith((b"<!doctype html", b"<html"))


def page_instead(url: str, page: str) -> MissingError:
    """Return the error about a web page in the place of a file, which asks a person for something.

    Args:
        url: the file's address.
        page: where a person gets the file; empty if nobody said.
    """
    return MissingError(
        f"{shown(url)} answers with a web page and not with the file",
        why="the server wants a login, an agreement or a confirmation, or the file has moved",
        next=f"open {page or shown(url)} in a browser, fetch the file there, and give its folder with --from",
    )


def _validator(head: Message) -> tuple[str, str] | None:
    etag = head.get("ETag", "")
    # A weak tag says that two versions mean the same, not that their bytes are the same.
    if etag and not etag.startswith("W/"):
        return "If-Match", etag
    modified = head.get("Last-Modified")
    return ("If-Unmodified-Since", modified) if modified else None


def _refusal(error: urllib.error.HTTPError, url: str, page: str) -> Exception:
    """Return what a status that is no success means."""
    if error.code in (412, 416):
        return Changed(f"status {error.code}")
    if error.code in _TRY_AGAIN:
        asked = error.headers.get("Retry-After") or ""
        return Interrupted(f"status {error.code}", float(asked) if asked.isascii() and asked.isdigit() else None)
    # The server's own words for it are not repeated: they may hold what it was sent.
    status = f"{error.code} {http.client.responses.get(error.code, '')}".strip()
    advice = [_NEXT.get(error.code, ""), f"the page to visit is {page}" if page else ""]
    return MissingError(f"{shown(url)} answers with status {status}", next="; ".join(filter(None, advice)))


def _why(error: BaseException) -> str:
    reason = getattr(error, "reason", None) or error
    if isinstance(reason, TimeoutError):
        return "the server was silent too long, setting fetch_silence_s"
    return f"{type(reason).__name__}: {without_logins(str(reason))}" if str(reason) else type(reason).__name__


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to web addresses; another host, or the same one unencrypted, is not told the token."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        if urlsplit(newurl).scheme not in ("http", "https"):
            raise MissingError(f"{shown(req.full_url)} redirects to {shown(newurl)}", why="which is not a web address")
        # A login that a server puts into an address is not ours to pass on.
        newurl = split_login(newurl)[0]
        following = super().redirect_request(req, fp, code, msg, headers, newurl)
        here, there = (urlsplit(url)[:2] for url in (req.full_url, newurl))
        if following is not None and here != there:
            following.remove_header("Authorization")
        return following


# No handlers of files and FTP: a redirect must not reach them.
_OPENER = urllib.request.OpenerDirector()
for _handler in (
    urllib.request.ProxyHandler(),
    urllib.request.HTTPHandler(),
    urllib.request.HTTPSHandler(),
    urllib.request.HTTPDefaultErrorHandler(),
    urllib.request.HTTPErrorProcessor(),
    _Redirects(),
):
    _OPENER.add_handler(_handler)
