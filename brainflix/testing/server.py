"""A web server for tests of downloads: it serves bytes with ranges and versions, and misbehaves as it is told."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

_CHUNK_BYTES = 16 << 10


@dataclass
class Behaviour:
    """How one path is served; every field may be changed between requests.

    Attributes:
        body: the file.
        statuses: answers to give instead, one for each request, before the file is served; such as [500, 503].
        retry_after: what 429 and 503 ask for, in seconds.
        cut_at: close the connection after so many bytes of the file; used up one after the other, as in a list of
            places at which the line breaks.
        ranges: whether a rest can be asked for.
        etag: version; by default the digest of the body. None sends none.
        bytes_per_s: speed; None is as fast as it goes.
        silent_s: say nothing for so long before answering.
        lie: send these bytes instead of the body's, with the body's version.
        redirect: send the client to this address.
        heeds: whether it keeps to `If-Match`.
        tells_total: whether `Content-Range` says the whole size.
        restless: whether every request finds another version.
        grows: bytes that the file is longer at every request.
    """

    body: bytes
    statuses: list[int] = field(default_factory=list)
    retry_after: int | None = None
    cut_at: list[int] = field(default_factory=list)
    ranges: bool = True
    etag: str | None = ""
    bytes_per_s: float | None = None
    silent_s: float = 0.0
    lie: bytes | None = None
    redirect: str = ""
    heeds: bool = True
    tells_total: bool = True
    restless: bool = False
    grows: int = 0
    asked: int = 0

    @property
    def version(self) -> str | None:
        """The version that is sent."""
        if self.restless:
            return f'"version {self.asked}"'
        if self.etag == "":
            return f'"{hashlib.sha256(self.body).hexdigest()[:16]}"'
        return self.etag


@dataclass
class Site:
    """A running server: its address, what it serves by path, and the requests that it got as (path, headers).

    `pages` answer instead of files where they know a path: they take path, query and headers, and give status, headers
    and body, or None.
    """

    url: str
    files: dict[str, Behaviour] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    pages: Callable[[str, str, dict[str, str]], tuple[int, dict[str, str], bytes] | None] | None = None

    def put(self, path: str, body: bytes, **behaviour: Any) -> str:
        """Serve a file and return its address."""
        self.files[path] = Behaviour(body, **behaviour)
        return f"{self.url}/{path}"


@contextmanager
def serve() -> Iterator[Site]:
    """Run a server on a free local port while the body runs."""
    site = Site("")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(site))
    server.daemon_threads = True
    site.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()


def _handler(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(send_body=False)

        def do_GET(self) -> None:
            self._answer(send_body=True)

        def log_message(self, *arguments: Any) -> None:
            """Say nothing."""

        def _answer(self, *, send_body: bool) -> None:
            parts = urlsplit(self.path)
            path = unquote(parts.path).lstrip("/")
            headers = {name.lower(): value for name, value in self.headers.items()}
            site.requests.append((path, headers))
            if site.pages and (page := site.pages(path, parts.query, headers)):
                self._page(*page, send_body=send_body)
            elif path in site.files:
                with suppress(BrokenPipeError, ConnectionResetError):
                    self._file(site.files[path], headers, send_body=send_body)
            else:
                self._page(404, {}, b"", send_body=send_body)

        def _page(self, status: int, headers: dict[str, str], body: bytes, *, send_body: bool) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if send_body:
                self.wfile.write(body)

        def _file(self, how: Behaviour, headers: dict[str, str], *, send_body: bool) -> None:
            time.sleep(how.silent_s)
            how.asked += 1
            how.body += bytes(how.grows)
            if how.redirect:
                return self._page(302, {"Location": how.redirect}, b"", send_body=False)
            if how.statuses:
                asked = {} if how.retry_after is None else {"Retry-After": str(how.retry_after)}
                return self._page(how.statuses.pop(0), asked, b"", send_body=False)
            if how.heeds and "if-match" in headers and headers["if-match"] != how.version:
                return self._page(412, {}, b"", send_body=False)
            body = how.body if how.lie is None else how.lie
            start = int(headers["range"][len("bytes=") : -1]) if how.ranges and "range" in headers else 0
            if start >= len(body) > 0:
                return self._page(416, {}, b"", send_body=False)
            self._head(how, body, start)
            if send_body:
                self._send(how, body, start)
            return None

        def _head(self, how: Behaviour, body: bytes, start: int) -> None:
            self.send_response(206 if start else 200)
            if how.version is not None:
                self.send_header("ETag", how.version)
            if how.ranges:
                self.send_header("Accept-Ranges", "bytes")
            if start:
                total = len(body) if how.tells_total else "*"
                self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{total}")
            self.send_header("Content-Length", str(len(body) - start))
            self.end_headers()

        def _send(self, how: Behaviour, body: bytes, start: int) -> None:
            end = len(body)
            if how.cut_at and how.cut_at[0] <= start:
                how.cut_at.pop(0)
            if how.cut_at:
                end = min(end, how.cut_at.pop(0))
            # At most a tenth of a second's bytes at once.
            step = min(_CHUNK_BYTES, max(1, int(how.bytes_per_s / 10))) if how.bytes_per_s else _CHUNK_BYTES
            for place in range(start, end, step):
                piece = body[place : min(place + step, end)]
                self.wfile.write(piece)
                if how.bytes_per_s:
                    time.sleep(len(piece) / how.bytes_per_s)
            if end < len(body):
                self.close_connection = True

    return Handler
