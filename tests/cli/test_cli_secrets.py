"""A planted token and a planted password are looked for in all that commands print and write."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from pydantic import SecretStr

from brainflix.datasets.fudan import miniature
from brainflix.datasets.fudan.layout import REPOSITORY
from brainflix.settings import Settings
from brainflix.testing.fake_hub import FakeHub
from brainflix.testing.server import Site, serve

TOKEN, PASSWORD = "hf_planted0token0of0this0test", "planted/password-of-this-test"
# As they are, as a login is sent, and as an address holds them.
BASIC = "cGxhbnRlZC9wYXNzd29yZC1vZi10aGlzLXRlc3Q"
COMMIT = "c0ffee" + "0" * 34
RECIPE = """recipe: small
schema: 1
about: fMRI-Video in small.
dataset: {name: fudan, subjects: [1]}
preprocess: {part: fudan, size_px: 16, inputs: {raw: download.bold, stimuli: download.stimuli}}
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, bytes]:
    root = tmp_path_factory.mktemp("fudan")
    miniature.make(root, subjects=(1,))
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.fixture
def hub(files, tmp_path, monkeypatch) -> Iterator[Site]:
    """A Hub behind a login, and every secret that settings and the Hub's client know, planted."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("brainflix.io.fetch.one.Line.wait", lambda self, seconds: None)
    with serve() as site:
        login = site.url.replace("://", f"://me:{quote(PASSWORD, safe='')}@")
        for name, field in Settings.model_fields.items():
            if SecretStr in getattr(field.annotation, "__args__", (field.annotation,)):
                monkeypatch.setenv(f"BRAINFLIX_{name.upper()}", TOKEN)
        for name, value in {"HF_TOKEN": TOKEN, "HF_ENDPOINT": login, "BRAINFLIX_OFFLINE": "0"}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", login)
        monkeypatch.setattr(
            "huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE",
            login + "/{repo_id}/resolve/{revision}/{filename}",
        )
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        (tmp_path / "small.yaml").write_text(RECIPE)
        FakeHub(site, REPOSITORY, files, commit=COMMIT, licence="cc0-1.0")
        yield site


def secrets_in(text: bytes) -> list[str]:
    planted = (TOKEN, PASSWORD, quote(PASSWORD, safe=""), BASIC)
    return [secret for secret in planted if secret.encode() in text]


def check(said, folder: Path) -> None:
    assert not secrets_in(said.out.encode()) and not secrets_in(said.err.encode()), said.out + said.err
    for path in folder.rglob("*"):
        if path.is_file():
            assert not secrets_in(path.read_bytes()), path
        assert not secrets_in(str(path).encode())


def test_the_settings_know_a_secret():
    assert "token" in Settings.model_fields


def test_nothing_of_a_good_run_holds_a_secret(hub, brainflix, tmp_path):
    for command in (
        ("download", "small.yaml", "--dry-run", "--json"),
        ("download", "small.yaml", "--json"),
        ("preprocess", "small.yaml"),
        ("preprocess", "small.yaml", "--json"),
        ("store", "show", "raw/fudan-sub-1", "--json"),
        ("doctor", "--json"),
    ):
        said = brainflix(*command)
        assert said.code == 0, said.err
        check(said, tmp_path)
    sent = {headers.get("authorization", "") for _, headers in hub.requests}
    assert any(TOKEN in each or BASIC in each for each in sent), "the secrets were not even used"


def refused(site: Site) -> None:
    """Say what was sent in every way that a server has."""
    before = site.pages

    def pages(path: str, query: str, headers: dict[str, str]):
        if "/resolve/" in path:
            return 403, {"X-Error-Message": headers.get("authorization", "")}, headers.get("authorization", "").encode()
        return before(path, query, headers)

    site.pages = pages


def unknown(site: Site) -> None:
    site.pages = lambda path, query, headers: (404, {"X-Error-Code": "RepoNotFound"}, str(headers).encode())


def broken(site: Site) -> None:
    site.pages = lambda path, query, headers: (500, {}, str(headers).encode())


def busy(site: Site) -> None:
    for behaviour in site.files.values():
        behaviour.statuses = [503] * 99


def cut(site: Site) -> None:
    for behaviour in site.files.values():
        behaviour.cut_at, behaviour.restless = [100 + n for n in range(99)], True


def lying(site: Site) -> None:
    for behaviour in site.files.values():
        behaviour.lie = bytes(len(behaviour.body))


def elsewhere(site: Site) -> None:
    for behaviour in site.files.values():
        behaviour.redirect = f"ftp://me:{quote(PASSWORD, safe='')}@127.0.0.1/x"


@pytest.mark.parametrize("fault", [refused, unknown, broken, busy, cut, lying, elsewhere])
@pytest.mark.parametrize("mode", ["--debug", "--json"])
def test_nothing_of_a_failing_run_holds_a_secret(hub, brainflix, tmp_path, fault, mode):
    fault(hub)
    said = brainflix("download", "small.yaml", "--subject", "1", mode)
    assert said.code in (3, 4), said.err
    check(said, tmp_path)


def test_a_crash_shows_no_secret(hub, brainflix, tmp_path, monkeypatch):
    """An error that nobody foresaw, in the middle of a request, with its traceback."""

    def crash(*arguments: object) -> None:
        raise ZeroDivisionError("nobody foresaw this")

    monkeypatch.setattr("brainflix.io.fetch.one.write_version", crash)
    said = brainflix("download", "small.yaml", "--subject", "1", "--debug")
    assert said.code == 1 and "ZeroDivisionError" in said.err and "Traceback" in said.err
    check(said, tmp_path)
    assert sys.exc_info() == (None, None, None)
