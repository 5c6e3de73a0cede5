"""Addresses without what must not be written down: logins, and keys and signatures in queries."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

_LOGIN = re.compile(r"(?<=://)[^/\s@'\"]+@")
_SECRET = re.compile(r"token|secret|password|passwd|signature|^sig$|credential|auth|key", re.IGNORECASE)
_SECRET_LINKS: set[str] = set()
YOUR_LINK = "(the link that you gave)"


def keep_secret(link: str) -> None:
    """Never show or keep this address: who has it has what it leads to, and it was given to one person."""
    _SECRET_LINKS.add(link)


def shown(url: str) -> str:
    """Return an address as it may be printed and kept: without login, and with secrets in its query left out."""
    if url in _SECRET_LINKS:
        return YOUR_LINK
    parts = urlsplit(url)
    query = parse_qsl(parts.query, keep_blank_values=True)
    if any(_SECRET.search(name) for name, _ in query):
        kept = urlencode([(name, "..." if _SECRET.search(name) else value) for name, value in query])
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query=kept))
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])) if "@" in parts.netloc else url


def without_logins(text: str) -> str:
    """Return a text of somebody else's in which addresses have no logins."""
    for link in _SECRET_LINKS:
        text = text.replace(link, YOUR_LINK)
    return _LOGIN.sub("", text)


def split_login(url: str) -> tuple[str, Mapping[str, str]]:
    """Return an address without its login, and the login as a header, which no redirect to another host is told."""
    parts = urlsplit(url)
    login, at, host = parts.netloc.rpartition("@")
    if not at:
        return url, {}
    word = base64.b64encode(unquote(login).encode()).decode()
    return urlunsplit(parts._replace(netloc=host)), {"Authorization": f"Basic {word}"}
