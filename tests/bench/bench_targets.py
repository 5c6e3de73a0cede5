"""Extraction with a fake encoder beside decoding alone, on H.264 films, and its memory at two numbers of clips.

Decoding alone is what nobody can do without: each film is decoded, its clips' frames are chosen, converted and resized,
and thrown away. Extraction does that and writes the frames, reads them back batch by batch, encodes them in no time at
all, and writes the targets. Publishing (digests, forcing to the disk) is shown apart.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from brainflix.datasets.demo.about import DATASET
from brainflix.io.cut import cut
from brainflix.io.film import opened
from brainflix.io.video import encode
from brainflix.parts.find import own_parts
from brainflix.parts.part import Part
from brainflix.parts.work import Work
from brainflix.store.clips import Clips
from brainflix.store.refs import Ref
from brainflix.store.store import Artifact, Store
from brainflix.targets import frames as frames_step
from brainflix.targets.blocks import Encoded, of_frames
from brainflix.targets.parts import FramesParams

N_FILMS, CLIP_S, RATE_HZ, SIDE = 20, 2.0, 30.0, 512
WANTED = {"n_frames": 15, "size_px": 268, "sampling": "ends"}
FRAMES, LATENTS = Ref("targets", "bench-frames", "0123456789ab"), Ref("targets", "bench-z", "0123456789ac")
RAW = Ref("raw", "bench-stimuli", "0123456789ad")


def make_films(folder: Path) -> None:
    """Write films of a textured scene that the camera moves over, with grain: a megabit a second."""
    rng = np.random.default_rng(0)
    for number in range(N_FILMS):
        rough = Image.fromarray(rng.integers(0, 256, (60, 60, 3), dtype=np.uint8)).resize((800, 800), Image.BICUBIC)
        scene = np.asarray(rough).astype(np.int16)
        frames = np.empty((round(CLIP_S * RATE_HZ), SIDE, SIDE, 3), np.uint8)
        for at, frame in enumerate(frames):
            grain = rng.integers(-12, 13, (SIDE, SIDE, 1))
            frame[:] = np.clip(scene[at * 3 : at * 3 + SIDE, at * 4 : at * 4 + SIDE] + grain, 0, 255)
        encode(frames, RATE_HZ, folder / f"{number}.mp4", crf=23)


def load_clips(raw: Path, clip_s: float) -> Clips:
    """Return the table of as many clips as the raw folder says, each of a film; films are shown again and again."""
    n = int((raw / "count").read_text())
    ids = tuple(f"clip_{number:05d}" for number in range(n))
    return Clips(ids, ids, np.zeros(n), np.zeros(n), ("",) * n)


def film_path(raw: Path, segment: str) -> Path:
    """Return a clip's film."""
    return raw / f"{int(segment.removeprefix('clip_')) % N_FILMS}.mp4"


FILMS = replace(DATASET, clips="__main__:load_clips", film="__main__:film_path", clip_s=CLIP_S)
own_parts()["dataset"]["bench"] = Part("__main__:FILMS", None, "the films of this bench")


def fake_encode(frames: np.ndarray) -> np.ndarray:
    """Return numbers of the shape of Stable Diffusion's latents, (n_clips, n_frames, 4, 33, 33), in no time."""
    return np.repeat(frames[:, :, 4::8, 4::8, :1].astype(np.float32), 4, axis=4).transpose(0, 1, 4, 2, 3) / 255.0


def work_on(ref: Ref, store: Store) -> Work:
    """Return what the extractor of one of the two targets is given."""
    return Work(store, lambda: None, ref=ref, dataset_name="bench")


def make_frames(raw: Artifact, store: Store) -> frames_step.Film:
    """Return the frames, which are decoded when they are saved."""
    return frames_step.extract(FramesParams(**WANTED), {"stimuli": [raw]}, work_on(FRAMES, store))


def make_latents(frames: Artifact, store: Store) -> Encoded:
    """Return the targets, which are encoded when they are saved."""
    return Encoded(frames, work_on(LATENTS, store), of_frames(fake_encode))


def decode_only(raw: Artifact) -> None:
    """Decode every frame."""
    for segment in load_clips(raw.path, CLIP_S).ids:
        with opened(film_path(raw.path, segment)) as video:
            for _ in video.frames:
                pass


def decode_alone(raw: Artifact) -> None:
    """Decode, choose, convert and resize, and throw away."""
    for segment in load_clips(raw.path, CLIP_S).ids:
        for _ in cut(film_path(raw.path, segment), [0.0], CLIP_S, **WANTED):
            pass


def extract(raw: Artifact, folder: Path) -> None:
    """Make the frames and the targets in folders, without publishing them."""
    store = Store(folder)
    for ref in (FRAMES, LATENTS):
        (folder / ref.name).mkdir()
    made = folder / FRAMES.name
    make_frames(raw, store).save(made)
    make_latents(Artifact(FRAMES, made, unpublished(made)), store).save(folder / LATENTS.name)


def extract_and_publish(raw: Artifact, folder: Path) -> None:
    """Make the frames and the targets as artifacts, hashed and forced to the disk."""
    store = Store(folder)
    options = {"stage": "targets", "stage_version": 1, "parameters": {}, "inputs": {}}
    with store.publish(FRAMES, **options) as out:
        make_frames(raw, store).save(out.path)
    with store.publish(LATENTS, **options) as out:
        make_latents(store.open(FRAMES), store).save(out.path)


def unpublished(folder: Path):
    """Return a manifest of files that nobody has hashed, so that the cost of publishing is left out."""
    from brainflix.store.disk import list_files
    from brainflix.store.manifest import FileEntry, Manifest

    found = [(path, path.relative_to(folder).as_posix()) for path in list_files(folder)]
    hashes = {name: digest(path) if name.endswith(".json") else "0" * 64 for path, name in found}
    files = tuple(FileEntry(name, path.stat().st_size, hashes[name]) for path, name in found)
    return Manifest(*"abc", stage="targets", stage_version=1, parameters={}, inputs={}, files=files)


def digest(path: Path) -> str:
    """Return the SHA-256 of a small file."""
    from brainflix.store.disk import hash_file

    return hash_file(path)[1]


def timed(function: Callable[[], None]) -> float:
    """Return the wall time of one call, in seconds."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def fresh(function: Callable[[Path], None]) -> float:
    """Return the wall time of one call on a new folder, in seconds."""
    folder = Path(tempfile.mkdtemp())
    seconds = timed(lambda: function(folder))
    shutil.rmtree(folder)
    return seconds


def stimuli(folder: Path, n_clips: int) -> Artifact:
    """Return the raw artifact of the films, for `n_clips` clips."""
    (folder / "count").write_text(str(n_clips))
    return Artifact(RAW, folder, None)


def peak_mb(films: Path, n_clips: int) -> float:
    """Return the most memory that a process of its own has held while it extracted, in MB."""
    command = [sys.executable, "-m", "tests.bench.bench_targets", "--films", str(films), "--child", str(n_clips)]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, check=True)
    return float(done.stdout)


def main() -> None:
    """Time all ways in turn and print the ratios, then the memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--clips", type=int, nargs=2, default=(20, 200), help="numbers of clips to compare in memory")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--films", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        fresh(lambda folder: extract_and_publish(stimuli(arguments.films, arguments.child), folder))
        # Not `ru_maxrss`, which counts what the process held before it became this one.
        status = Path("/proc/self/status").read_text()
        print(int(status.split("VmHWM:")[1].split()[0]) / 1000)
        return
    films = Path(tempfile.mkdtemp())
    make_films(films)
    raw = stimuli(films, N_FILMS)
    ways: dict[str, Callable[[], float]] = {
        "every frame decoded, nothing else": lambda: timed(lambda: decode_only(raw)),
        "decoding alone": lambda: timed(lambda: decode_alone(raw)),
        "extraction": lambda: fresh(lambda folder: extract(raw, folder)),
        "extraction, published": lambda: fresh(lambda folder: extract_and_publish(raw, folder)),
    }
    # In turn, so that a machine that slows down slows all of them; the first round is not counted.
    rounds = [{name: way() for name, way in ways.items()} for _ in range(arguments.runs + 1)][1:]
    found = {f"{name}, s": statistics.median(each[name] for each in rounds) for name in ways}
    for name in list(ways)[2:]:
        found[f"{name}, ratio"] = statistics.median(each[name] / each["decoding alone"] for each in rounds)
    for n_clips in arguments.clips:
        found[f"peak memory at {n_clips} clips, MB"] = peak_mb(films, n_clips)
    megabytes = sum(path.stat().st_size for path in films.glob("*.mp4")) / 1e6
    print(f"{N_FILMS} films of {CLIP_S:.0f} s, {SIDE} px, {megabytes:.1f} MB; {WANTED}")
    for name, value in found.items():
        print(f"{name}: {value:.2f}")
    if arguments.json:
        arguments.json.write_text(json.dumps(found))
    shutil.rmtree(films)


if __name__ == "__main__":
    main()
