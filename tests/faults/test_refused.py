"""Every command under a disk that is full, over its quota or broken, also for what writes below Python."""

from __future__ import annotations

import errno
import os
import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from safetensors.torch import save_file

from brainflix.models.mbm import MBMConfig, build_mbm
from brainflix.store.publish import staging_folder
from brainflix.store.store import Store
from brainflix.store.verify import verify
from tests.faults.refusing import ROOT, SHORT, Commands, Fault, Said, compiled, faults_of, full_after

torch = pytest.importorskip("torch")
TINY = str(ROOT / "tests" / "recipes" / "tiny.yaml")
COMMANDS = {
    "download": ("download", TINY),
    "preprocess": ("preprocess", TINY),
    "align": ("align", TINY),
    "frames": ("extract-targets", TINY, "--step", "frames"),
    "targets": ("extract-targets", TINY),
    "train": ("train", TINY, "--step", "mbm"),
    "tune": ("train", TINY),
    "regress": ("regress", TINY),
    "reconstruct": ("reconstruct", TINY),
    "evaluate": ("evaluate", TINY),
    "report": ("report", TINY),
    "import-checkpoint": ("import-checkpoint", "mbm", "weights.safetensors", "--name", "imported"),
}
TURNS = (
    *("full-at-the-end", "quota", "broken-write", "no-room-for-a-file"),
    *("full-at-once", "no-room-for-a-name", "broken-sync"),
)
# `make crash` asks for more: all faults for each command, and as many at random places.
THOROUGH = int(os.environ.get("BRAINFLIX_CRASH_COUNT", "0"))
CODES = {errno.ENOSPC: {5}, errno.EDQUOT: {5}, errno.EIO: {3, 4, 5}}
Contents = dict[str, list[tuple[str, str]]]


@dataclass(frozen=True)
class World:
    """A store in which every command was run once, and what each of them made, called and wrote."""

    commands: Commands
    store: Path
    said: dict[str, Said]
    made: dict[str, set[str]]
    contents: Contents


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("refused")
    commands = Commands(compiled(folder), folder)
    config = MBMConfig(48, 8, width=16, depth=1, heads=2, decoder_width=16, decoder_depth=1, decoder_heads=2)
    save_file(build_mbm(config, torch.Generator().manual_seed(0)).state_dict(), commands.box / "weights.safetensors")
    store, said, made = commands.box / "whole", {}, {}
    for name, argv in COMMANDS.items():
        before = set(contents(store))
        said[name] = commands.run(*argv, "-q", store=store)
        assert said[name].code == 0, said[name].err
        made[name] = set(contents(store)) - before
    yield World(commands, store, said, made, contents(store))
    commands.close()


def contents(store: Path) -> Contents:
    """Return the file digests of every artifact; a report tells wall times, so its bytes may differ."""
    opened = [Store(store).open(ref) for ref in Store(store).refs()]
    return {
        str(each.ref): [(f.path, f.sha256) for f in each.manifest.files] if each.ref.kind != "report" else []
        for each in opened
    }


def without(world: World, name: str) -> Path:
    """Return a copy of the store, by links to its files, that lacks what a command makes; caches are emptied."""
    store = world.commands.box / name
    for folder in (store, world.commands.box / "cache"):
        shutil.rmtree(folder, ignore_errors=True)
    for ref in Store(world.store).refs():
        if str(ref) not in world.made[name] and name != "download":
            shutil.copytree(Store(world.store).path(ref), Store(store).path(ref), copy_function=os.link)
    return store


def check_whole(world: World, name: str, store: Path, said: Said, fault: Fault) -> None:
    """Check that a command that was refused something said so in one sentence, and left nothing torn."""
    assert said.refused, "the fault never happened"
    place = Store(store)
    assert [f"{ref}: {each}" for ref in place.refs() for each in verify(place, ref)] == []
    waiting = staging_folder(store)
    assert not waiting.exists() or not list(waiting.iterdir())
    if said.code == 0:
        # Refused where it costs time and no result, as in a cache.
        assert {ref: files for ref, files in contents(store).items() if ref in world.made[name]} == {
            ref: world.contents[ref] for ref in world.made[name]
        }
        return
    assert said.code in CODES[fault.error], said.err
    assert said.err.startswith("Error: ") and said.err.count("\n") == 1 and "Next: " in said.err, said.err
    if fault.error in (errno.ENOSPC, errno.EDQUOT):
        assert " GB free" in said.err and ("no space left" in said.err or "quota is used up" in said.err)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_disk_that_refuses_costs_a_sentence_and_nothing_else(world: World, name: str) -> None:
    seen, written = world.said[name].seen, world.said[name].written
    faults = faults_of(seen, written)
    turn = TURNS[list(COMMANDS).index(name) % len(TURNS)]
    chosen = list(faults.values()) if THOROUGH else [faults[each] for each in ("full-midway", turn)]
    rng = random.Random(name)
    chosen += [full_after(rng.randrange(written)) for _ in range(THOROUGH // len(COMMANDS))]
    for fault in chosen:
        store = without(world, name)
        said = world.commands.run(*COMMANDS[name], "-q", store=store, fault=fault)
        check_whole(world, name, store, said, fault)
    if said.code == 0:
        store = without(world, name)
    # The same command goes on from there, on a disk that takes half of its first write.
    said = world.commands.run(*COMMANDS[name], "-q", store=store, fault=SHORT)
    assert said.code == 0 and said.refused, said.err
    found = contents(store)
    assert {ref: found[ref] for ref in world.made[name]} == {ref: world.contents[ref] for ref in world.made[name]}


def test_export_on_a_full_disk_leaves_no_folder(world: World) -> None:
    ref = next(each for each in world.made["reconstruct"] if each.startswith("videos/"))
    out = world.commands.box / "exported"
    said = world.commands.run("store", "export", ref, "exported", "-q", store=world.store)
    assert said.code == 0 and len(list(out.rglob("*.png"))) > 0
    shutil.rmtree(out)
    # Copies of files may be made by the kernel alone; pictures are written.
    for fault in faults_of(said.seen, said.written).values():
        if "s" in fault.calls:
            continue
        failed = world.commands.run("store", "export", ref, "exported", "-q", store=world.store, fault=fault)
        assert failed.refused and failed.code == 5 and failed.err.count("\n") == 1, failed.err
        assert not [path.name for path in world.commands.box.iterdir() if "exported" in path.name]
    assert world.commands.run("store", "export", ref, "exported", "-q", store=world.store).code == 0


def test_a_page_that_finds_no_room_leaves_the_one_before(world: World) -> None:
    page = world.commands.box / "page.html"
    page.write_text("the page before")
    argv = ("report", TINY, "--out", "page.html", "-q")
    said = world.commands.run(*argv, store=world.store, fault=full_after(1000))
    assert said.refused and said.code == 5 and "page.html" in said.err and " GB free" in said.err
    assert page.read_text() == "the page before"
    assert not [path.name for path in world.commands.box.iterdir() if path.name.startswith(".")]
    assert world.commands.run(*argv, store=world.store).code == 0
    assert page.read_text().startswith("<!doctype html>")
