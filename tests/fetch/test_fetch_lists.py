"""Lists of files: the Hub's by its real client, OpenNeuro's that ship, annex keys."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from fetch_worlds import BODY, digest

from brainflix.datasets.algonauts2025 import layout as algonauts2025
from brainflix.errors import DataError, IntegrityError, MissingError
from brainflix.io.fetch import manifest
from brainflix.io.fetch.annex import annex_file, key_of
from brainflix.io.fetch.download import fetch_files
from brainflix.io.fetch.hub import headers_for, hub_listing
from brainflix.io.fetch.one import Line
from brainflix.progress import Silent
from brainflix.testing.fake_hub import FakeHub
from brainflix.testing.server import Site

COMMIT = "a82b9e20e98710f18913a10c0a5bf5f19a6e4000"
FILES = {"big/one.pt": BODY, "README.md": b"read me", "big/two.pt": BODY[::-1]}


@pytest.fixture
def at_site(site, monkeypatch) -> Iterator[Site]:
    """The real client, pointed to the site, without the tester's token."""
    monkeypatch.setenv("HF_ENDPOINT", site.url)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", site.url)
    monkeypatch.setattr("huggingface_hub.hf_api.constants.ENDPOINT", site.url)
    monkeypatch.setattr(
        "huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", site.url + "/{repo_id}/resolve/{revision}/{filename}"
    )
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_TOKEN", "")
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", "/nowhere")
    return site


def test_a_hub_data_set_is_listed_and_fetched_at_its_commit(at_site, tmp_path):
    FakeHub(at_site, "lab/movies", FILES, commit=COMMIT, licence="cc0-1.0")
    listing = hub_listing("lab/movies", COMMIT)
    assert (listing.commit, listing.licence) == (COMMIT, "cc0-1.0")
    by_path = {file.path: file for file in listing.files}
    assert by_path["big/one.pt"].digest == digest(BODY) and by_path["README.md"].digest == ""
    fetch_files(listing.files, tmp_path, progress=Silent())
    assert {path: (tmp_path / path).read_bytes() for path in FILES} == FILES


def test_patterns_choose_files_and_a_branch_becomes_a_commit(at_site):
    FakeHub(at_site, "lab/movies", FILES, commit=COMMIT)
    listing = hub_listing("lab/movies", "main", ["big/*"])
    assert [file.path for file in listing.files] == ["big/one.pt", "big/two.pt"]
    assert listing.commit == COMMIT and listing.licence == ""
    assert all(COMMIT in file.url for file in listing.files)


def test_another_commit_than_the_pinned_one_is_refused(at_site):
    hub = FakeHub(at_site, "lab/movies", FILES, commit=COMMIT)
    hub.commit = "b" * 40
    at_site.pages = lambda path, query, headers: hub.answer(path.replace(COMMIT, "b" * 40), query, headers)
    with pytest.raises(IntegrityError, match="instead of"):
        hub_listing("lab/movies", COMMIT)


@pytest.mark.parametrize(
    "repo, revision, gated, message",
    [
        ("lab/nothing", COMMIT, False, "no data set lab/nothing"),
        ("lab/movies", "c" * 40, False, "no such revision"),
        ("lab/movies", COMMIT, True, "is gated"),
    ],
)
def test_what_the_client_refuses_is_one_sentence(at_site, repo, revision, gated, message):
    FakeHub(at_site, "lab/movies", FILES, commit=COMMIT, gated=gated)
    with pytest.raises(MissingError, match=message) as caught:
        hub_listing(repo, revision)
    assert at_site.url in caught.value.next


def test_a_token_opens_a_gated_data_set_and_goes_to_the_hub_alone(at_site, tmp_path, monkeypatch):
    FakeHub(at_site, "lab/movies", FILES, commit=COMMIT, gated=True)
    monkeypatch.setenv("HF_TOKEN", "hf_planted")
    fetch_files(hub_listing("lab/movies", COMMIT).files, tmp_path, progress=Silent())
    assert (tmp_path / "big/one.pt").read_bytes() == BODY
    assert headers_for(f"{at_site.url}/x") == {"Authorization": "Bearer hf_planted"}
    assert headers_for("https://elsewhere.example/x") == {}
    assert not any(b"hf_planted" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_no_network_is_one_sentence(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    with pytest.raises(MissingError, match="cannot reach the Hub for lab/movies"):
        hub_listing("lab/movies", COMMIT)


# --- lists that ship ---

TOTALS = {
    "ds004488_1.1.1_ciftify_results": 612,
    "ds004488_1.1.1_stimuli": 21600,
    "ds005165_1.0.4_versionB_MNI_roi": 480,
    "ds005165_1.0.4_versionB_dtseries": 620,
    "ds005165_1.0.4_versionB_fsLR32k_prepared": 70,
}


@pytest.mark.parametrize("name", TOTALS)
def test_every_shipped_list_is_complete_and_pinned(name):
    files = manifest.manifest_files(name, "https://bucket.example/ds")
    assert len(files) == TOTALS[name]
    assert all(file.size and len(file.digest) == len("sha256:") + 64 and "?versionId=" in file.url for file in files)
    assert len({file.path for file in files}) == len(files)


def test_the_shipped_lists_are_the_published_ones():
    published = Path(__file__).resolve().parents[3] / "shared" / "data" / "manifests"
    if not published.is_dir():
        pytest.skip("no ../shared/data/manifests here")
    for path in published.glob("*.tsv.gz"):
        assert (manifest.FOLDER / path.name).read_bytes() == path.read_bytes()


def test_the_paths_of_a_list_can_be_chosen_and_are_quoted():
    name = "ds004488_1.1.1_stimuli"
    files = manifest.manifest_files(name, "https://b.example/d", lambda path: " " in path)
    every = manifest.manifest_files(name, "https://b.example/d")
    assert len(files) == sum(" " in file.path for file in every)
    assert all(" " not in file.url for file in every)


# --- annex ---


def test_an_annexed_file_is_fetched_and_verified_without_annex(site, tmp_path):
    key = f"MD5E-s{len(BODY)}--{hashlib.md5(BODY).hexdigest()}.h5"
    file = annex_file("fmri/one.h5", key, f"{site.url}/keys/")
    site.put(f"keys/{key}", BODY)
    fetch_files([file], tmp_path, progress=Silent(), line=Line(retries=0))
    assert (tmp_path / "fmri/one.h5").read_bytes() == BODY


# What a clone's links and the branch `git-annex` of the challenge say of the subjects' files.
FOLDERS = {
    1: (("M9/gG", "a9d/e49"), ("v2/g2", "222/cc8")),
    2: (("PV/9x", "bbd/fa4"), ("V0/G6", "c06/ef4")),
    3: (("9p/gm", "73f/24a"), ("KV/QJ", "5b7/edb")),
    5: (("fW/VM", "1ca/56d"), ("F5/6w", "c51/f99")),
}


@pytest.mark.parametrize("subject", FOLDERS)
def test_the_folders_of_a_key_are_annexs_own(subject):
    for file, key, (mixed, lower) in zip(
        algonauts2025.files({}, subject), algonauts2025.KEYS[subject], FOLDERS[subject], strict=True
    ):
        chunk = key.replace("--", "-S1073741824-C1--")
        assert file.url == f"{algonauts2025.REMOTE}/{chunk}"
        store = [f"{algonauts2025.STORE}/{folders}/{key}/{key}" for folders in (mixed, lower)]
        assert file.others == (f"{algonauts2025.REMOTE}/{key}", *store)
        assert file.digest == "md5:" + key[-35:-3] and f"-s{file.size}--" in key


def test_the_keys_of_the_challenge_are_all_its_bytes():
    sizes = [file.size or 0 for subject in FOLDERS for file in algonauts2025.files({}, subject)]
    assert len(sizes) == 8 and sum(sizes) == 2_420_017_568


@pytest.mark.parametrize("place", ["chunk", "plain", "mixed", "lower"])
def test_every_place_of_an_annexed_file_is_asked(site, tmp_path, place):
    key = f"MD5E-s{len(BODY)}--{hashlib.md5(BODY).hexdigest()}.h5"
    file = annex_file("a.h5", key, f"{site.url}/keys", chunk_bytes=1 << 30, store_url=f"{site.url}/store")
    addresses = dict(zip(("chunk", "plain", "mixed", "lower"), (file.url, *file.others), strict=True))
    site.put(addresses[place].removeprefix(f"{site.url}/"), BODY)
    fetch_files([file], tmp_path, progress=Silent(), line=Line(retries=0))
    assert (tmp_path / "a.h5").read_bytes() == BODY
    assert len(site.requests) == 1 + list(addresses).index(place)


def test_where_no_address_has_a_file_all_are_named(site, tmp_path):
    key = f"MD5E-s{len(BODY)}--{hashlib.md5(BODY).hexdigest()}.h5"
    file = annex_file("a.h5", key, f"{site.url}/keys", chunk_bytes=1 << 30, store_url=f"{site.url}/store")
    with pytest.raises(MissingError) as caught:
        fetch_files([file], tmp_path, progress=Silent(), line=Line(retries=0))
    assert all(url in str(caught.value) for url in (file.url, *file.others)) and len(site.requests) == 4


def test_a_file_of_several_chunks_is_refused():
    with pytest.raises(DataError, match="pieces"):
        annex_file("a.h5", "MD5E-s2000000000--" + "0" * 32, "https://r.example", chunk_bytes=1 << 30)


@pytest.mark.parametrize("key", ["URL-s3--http&c%%x", "MD5E-s3-S1-C2--" + "0" * 32, "MD5E-s3--00", "../../etc/passwd"])
def test_keys_without_a_digest_are_refused(key):
    with pytest.raises(DataError, match="annex key"):
        annex_file("a", key, "https://r.example")


def test_links_and_pointers_of_a_clone_give_their_keys(tmp_path):
    key = "MD5E-s3--" + "0" * 32 + ".h5"
    os.symlink(f"../.git/annex/objects/Xx/Yy/{key}/{key}", tmp_path / "link.h5")
    (tmp_path / "pointer.h5").write_text(f"/annex/objects/{key}\n")
    (tmp_path / "plain.h5").write_bytes(BODY)
    os.symlink("plain.h5", tmp_path / "other.h5")
    found = [key_of(tmp_path / name) for name in ("link.h5", "pointer.h5", "plain.h5", "other.h5", "absent")]
    assert found == [key, key, None, None, None]
