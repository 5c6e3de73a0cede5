"""A Hub of one's own for tests: it answers the requests of the real client that lists and fetches a data set."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from urllib.parse import unquote

from brainflix.testing.server import Behaviour, Site

Answer = tuple[int, dict[str, str], bytes]
_JSON = {"Content-Type": "application/json"}


class FakeHub:
    """One data set repository at one commit, served by a site.

    Args:
        site: the server; set HF_ENDPOINT to its address before huggingface_hub is imported, or patch
            `huggingface_hub.constants.ENDPOINT`.
        repo_id: owner/name.
        files: content by path; those of 1 KiB and more have an LFS digest, as large files have.
        commit: 40 hex digits.
        licence: as the card states it; "" for none.
        gated: whether only somebody with a token gets anything.
    """

    def __init__(
        self,
        site: Site,
        repo_id: str,
        files: Mapping[str, bytes],
        *,
        commit: str,
        licence: str = "",
        gated: bool = False,
    ) -> None:
        self.repo_id, self.files, self.commit = repo_id, dict(files), commit
        self.licence, self.gated = licence, gated
        self._site = site
        for path, body in files.items():
            site.files[f"datasets/{repo_id}/resolve/{commit}/{path}"] = Behaviour(body)
        site.pages = self.answer

    def answer(self, path: str, query: str, headers: dict[str, str]) -> Answer | None:
        """Answer a request of the client; None for the files themselves."""
        api = f"api/datasets/{self.repo_id}"
        known = path.startswith((api, f"datasets/{self.repo_id}/"))
        if known and self.gated and "authorization" not in headers:
            return self._refuse(403, "GatedRepo", "Access to this data set is restricted")
        if path in (api, f"{api}/revision/{self.commit}", f"{api}/revision/main"):
            return 200, _JSON, json.dumps(self._info()).encode()
        if path.startswith(f"{api}/tree/"):
            revision = unquote(path.removeprefix(f"{api}/tree/")).split("/")[0]
            return 200, _JSON, json.dumps(self._tree()).encode() if revision == self.commit else b"[]"
        if path.startswith(f"{api}/revision/"):
            return self._refuse(404, "RevisionNotFound", "Invalid rev id")
        if path.startswith("api/datasets/"):
            return self._refuse(404, "RepoNotFound", "Repository not found")
        return None

    def _info(self) -> dict[str, object]:
        card = {"license": self.licence} if self.licence else {}
        return {"id": self.repo_id, "sha": self.commit, "cardData": card, "siblings": [], "private": False, "tags": []}

    def _tree(self) -> list[dict[str, object]]:
        rows: list[dict[str, object]] = []
        for path, body in self.files.items():
            row: dict[str, object] = {"type": "file", "oid": hashlib.sha1(body).hexdigest(), "size": len(body)}
            if len(body) >= 1024:
                row["lfs"] = {"oid": hashlib.sha256(body).hexdigest(), "size": len(body), "pointerSize": 134}
            rows.append({**row, "path": path})
        return rows

    def _refuse(self, status: int, code: str, message: str) -> Answer:
        return status, {**_JSON, "X-Error-Code": code, "X-Error-Message": message}, b"{}"
