"""Weights by name: every file that is read counts, and the network is used only where it may be."""

import errno
import hashlib
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest
from huggingface_hub.errors import LocalEntryNotFoundError, RepositoryNotFoundError
from huggingface_hub.utils import filter_repo_objects

from brainflix.cli.errors import explain
from brainflix.errors import IntegrityError, MissingError, UsageError
from brainflix.io import weights


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A small pipeline at w/pipe, below the working directory."""
    monkeypatch.chdir(tmp_path)
    pipe = tmp_path / "w" / "pipe"
    for name in ("vae/config.json", "vae/model.safetensors", "unet/model.safetensors"):
        (pipe / name).parent.mkdir(parents=True, exist_ok=True)
        (pipe / name).write_text(name)
    return pipe


@pytest.mark.parametrize("changed", ["vae/config.json", "vae/model.safetensors", "vae/new.txt"])
def test_any_file_changes_the_digest(folder, changed):
    before = weights.pin("w/pipe", "")
    (folder / changed).write_text("something else")
    assert weights.pin("w/pipe", "") != before


def test_files_of_equal_size_and_names_that_swap_contents_are_told_apart(folder):
    before = weights.folder_digest(folder)
    place = folder / "vae" / "config.json"
    stat = place.stat()
    place.write_text("vae/config.jsoN")
    os.utime(place, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    after = weights.folder_digest(folder)
    (folder / "vae" / "config.json").rename(folder / "vae" / "settings.json")
    assert len({before, after, weights.folder_digest(folder)}) == 3


def test_only_the_folders_that_are_read_count_and_no_hidden_file(folder):
    vae, all_of_it = weights.pin("w/pipe", "", ["vae"]), weights.pin("w/pipe", "")
    (folder / ".cache").mkdir()
    (folder / ".cache" / "when.json").write_text("today")
    assert weights.pin("w/pipe", "") == all_of_it
    (folder / "unet" / "model.safetensors").write_text("trained further")
    assert weights.pin("w/pipe", "", ["vae"]) == vae and weights.pin("w/pipe", "") != all_of_it
    with pytest.raises(MissingError, match="no folder 'tokenizer'"):
        weights.pin("w/pipe", "", ["vae", "tokenizer"])
    with pytest.raises(UsageError, match="inside"):
        weights.pin("w/pipe", "", ["../pipe"])


def test_bytes_are_read_once_while_nothing_changes(folder, monkeypatch):
    weights.folder_digest(folder)
    monkeypatch.setattr(Path, "open", None)
    weights.folder_digest(folder)


def test_bytes_are_read_again_where_only_the_time_was_put_back(folder):
    before = weights.folder_digest(folder)
    path = folder / "vae" / "model.safetensors"
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    path.write_text("vae/model.safetensorz")
    os.utime(path, ns=times)
    assert weights.folder_digest(folder) != before


def test_another_revision_than_the_files_is_refused(folder):
    digest = weights.pin("w/pipe", "")
    assert weights.pin("w/pipe", digest) == digest
    for name in ("w/pipe", "demo/clip"):
        with pytest.raises(UsageError, match="not those of revision 'abc'"):
            weights.pin(name, "abc")


def test_names_that_are_no_folder(folder):
    assert weights.pin("org/model", "abc") == "abc"
    for name in ("org/model", "gpt2"):
        with pytest.raises(UsageError, match="need a revision"):
            weights.pin(name, "")
    for name in ("./nowhere", "/nowhere", "~/nowhere"):
        with pytest.raises(MissingError, match="no folder of weights"):
            weights.pin(name, "")
    with pytest.raises(UsageError, match="demo/zeroscope"):
        weights.pin("demo/nothing", "")


FILES = ["config.json", "model[1].bin", "tf_model.h5", "README.md"]


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """What the Hub is asked, on a machine where it answers."""
    asked = []

    def download(name, **options):
        asked.append((name, options))
        return str(tmp_path)

    def info(name, **options):
        return SimpleNamespace(siblings=[SimpleNamespace(rfilename=path) for path in FILES])

    monkeypatch.setattr("huggingface_hub.model_info", info)
    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    return asked


@pytest.mark.parametrize("offline", [True, False])
def test_the_hub_is_asked_with_what_the_environment_allows_now(monkeypatch, tmp_path, asked, offline):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1" if offline else "0")
    assert weights.resolve_weights("org/model", "abc") == tmp_path
    ((name, options),) = asked
    assert (name, options["revision"], options["local_files_only"]) == ("org/model", "abc", offline)
    if offline:
        assert options["allow_patterns"] is None
        return
    # As the client itself applies them: brackets in a name are no pattern.
    assert list(filter_repo_objects(FILES, allow_patterns=options["allow_patterns"])) == ["config.json", "model[1].bin"]


@pytest.mark.parametrize("folders", [("vae",), ()])
def test_of_a_pipeline_only_folders_that_are_read_are_fetched(monkeypatch, tmp_path, asked, folders):
    """Without a list of them, those that the pipeline's index names."""
    (tmp_path / "index.json").write_text('{"_class_name": "A", "vae": ["diffusers", "B"], "extra": [null, null]}')
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda *_, **__: str(tmp_path / "index.json"))
    files = ["model_index.json", "all.safetensors", "vae/config.json", "vae/model.safetensors", "extra/model.bin"]
    monkeypatch.setattr(sys.modules[__name__], "FILES", files)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    weights.resolve_weights("org/pipeline", "abc", folders)
    ((_, options),) = asked
    assert options["allow_patterns"] == ["model_index.json", "vae/config.json", "vae/model.safetensors"]


def test_without_a_connection_what_was_fetched_before_is_taken_without_trying_again(monkeypatch, tmp_path, asked):
    def unreachable(name, **options):
        raise ConnectionError("Name or service not known")

    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setattr("huggingface_hub.model_info", unreachable)
    assert weights.resolve_weights("org/model", "a" * 40) == tmp_path
    assert [options["local_files_only"] for _, options in asked] == [True]

    def nothing(name, **options):
        raise LocalEntryNotFoundError("outgoing traffic has been disabled")

    monkeypatch.setattr("huggingface_hub.snapshot_download", nothing)
    with pytest.raises(MissingError, match="the Hub does not answer"):
        weights.resolve_weights("org/model", "abc")


def test_a_hub_that_has_no_such_repository_is_no_missing_connection(monkeypatch, asked):
    def unknown(name, **options):
        raise RepositoryNotFoundError("no such repository", response=MagicMock())

    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setattr("huggingface_hub.model_info", unknown)
    with pytest.raises(MissingError, match="no such repository"):
        weights.resolve_weights("org/model", "abc")
    assert asked == []


def test_weights_that_cannot_be_fetched_say_how_to_get_them(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(MissingError, match="hf download nobody/nothing --revision abc"):
        weights.resolve_weights("nobody/nothing", "abc")


def test_weights_that_changed_after_they_were_pinned_are_not_used(tmp_path):
    (tmp_path / "model.bin").write_bytes(b"first")
    pinned = weights.pin(str(tmp_path), "")
    assert weights.resolve_weights(str(tmp_path), pinned) == tmp_path
    (tmp_path / "model.bin").write_bytes(b"second")
    with pytest.raises(UsageError, match="are not those of revision"):
        weights.resolve_weights(str(tmp_path), pinned)


COMMIT = "c" * 40
SMALL, LARGE = b'{"hidden_size": 8}', b"weights" * 100


def cached(cache: Path) -> dict[str, Path]:
    """Make the Hub's cache of one repository, as its client lays it out; return the blob of each file."""
    home = cache / "models--org--model"
    snapshot = home / "snapshots" / COMMIT
    git = hashlib.sha1(b"blob %d\0" % len(SMALL) + SMALL).hexdigest()
    blobs = {"config.json": (SMALL, git), "model.safetensors": (LARGE, hashlib.sha256(LARGE).hexdigest())}
    for folder in (snapshot, home / "blobs", home / "refs"):
        folder.mkdir(parents=True)
    (home / "refs" / "main").write_text(COMMIT)
    for name, (body, digest) in blobs.items():
        (home / "blobs" / digest).write_bytes(body)
        (snapshot / name).symlink_to(Path("../../blobs") / digest)
    return {name: home / "blobs" / digest for name, (_, digest) in blobs.items()}


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_public_weights_that_changed_in_the_cache_are_not_used(monkeypatch, tmp_path, name):
    """The cache keeps each file under its digest, so that a flipped byte is known without a network."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    blobs = cached(tmp_path)
    assert weights.resolve_weights("org/model", COMMIT) == tmp_path / "models--org--model" / "snapshots" / COMMIT
    body = bytearray(blobs[name].read_bytes())
    body[9] ^= 1
    blobs[name].write_bytes(body)
    with pytest.raises(IntegrityError, match=rf"{name} has other bytes than the Hub gave.*rm {blobs[name]}") as caught:
        weights.resolve_weights("org/model", COMMIT)
    assert caught.value.exit_code == 4


def test_a_cache_without_links_says_nothing_of_its_bytes(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    for name, blob in cached(tmp_path).items():
        place = tmp_path / "models--org--model" / "snapshots" / COMMIT / name
        place.unlink()
        place.write_bytes(blob.read_bytes() + b" ")
    assert (weights.resolve_weights("org/model", COMMIT) / "config.json").read_bytes() == SMALL + b" "


def test_a_disk_that_is_full_while_weights_come_is_no_missing_network(monkeypatch, asked):
    def full(name, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setattr("huggingface_hub.snapshot_download", full)
    with pytest.raises(MissingError) as caught:
        weights.resolve_weights("org/model", "abc")
    said = explain(caught.value)
    assert said.code == 5 and "no space left on the device" in said.text
