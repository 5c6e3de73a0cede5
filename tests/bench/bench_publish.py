"""Publishing an artifact beside a plain zarr write of the same arrays, and comparing its bytes when it is read."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import zarr

from brainflix.store.arrays import write_array
from brainflix.store.disk import list_files
from brainflix.store.keys import artifact_key
from brainflix.store.refs import Ref
from brainflix.store.store import Store


def timed(function: Callable[[Path], None], runs: int) -> float:
    """Return the median wall time of `function` on fresh folders, in seconds, the first run not counted."""
    seconds = []
    for _ in range(runs + 1):
        folder = Path(tempfile.mkdtemp())
        started = time.perf_counter()
        function(folder)
        seconds.append(time.perf_counter() - started)
        shutil.rmtree(folder)
    return statistics.median(seconds[1:])


def main() -> None:
    """Time both ways and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rows = arguments.megabytes * 1_000_000 // (4 * 50_000)
    data = np.random.default_rng(0).standard_normal((rows, 50_000)).astype(np.float32)

    def plain(folder: Path) -> None:
        # Rows of about 4 MiB, no compression: the same chunking, without checksum, digest or manifest.
        zarr.create_array(
            folder / "plain.zarr", shape=data.shape, chunks=(16, 50_000), dtype="float32", compressors=None
        )[:] = data

    def plain_on_disk(folder: Path) -> None:
        plain(folder)
        for path in list_files(folder):
            with path.open("rb") as file:
                os.fsync(file.fileno())

    def publish(folder: Path, fsync: bool) -> None:
        ref = Ref("bold", "bench", artifact_key("bold", 1, {}, {}, ""))
        store = Store(folder)
        with store.publish(ref, stage="bench", stage_version=1, parameters={}, inputs={}, fsync=fsync) as out:
            write_array(out.path, "response", data, dims=("trial", "grayordinate"), layout="rows", rows_per_shard=240)

    found: dict[str, float] = {}
    for what, peer, fsync in (("forced to the disk", plain_on_disk, True), ("left to the cache", plain, False)):
        zarr_s, publish_s = timed(peer, arguments.runs), timed(partial(publish, fsync=fsync), arguments.runs)
        print(f"{what}: zarr {zarr_s:.2f} s, publish {publish_s:.2f} s, ratio {publish_s / zarr_s:.2f}")
        found |= {f"zarr, {what}": zarr_s, f"publish, {what}": publish_s, f"ratio, {what}": publish_s / zarr_s}
    with tempfile.TemporaryDirectory() as text:
        publish(Path(text), fsync=False)
        artifact = Store(text).open("bold/bench")
        time.sleep(3)  # what was written a moment ago is compared every time
        for what in ("first", "again"):
            started = time.process_time()
            artifact.check_bytes()
            found[f"compare, {what}"] = time.process_time() - started
            print(f"compare with the manifest, {what}: {found[f'compare, {what}']:.4f} s of processor time")
    if arguments.json:
        arguments.json.write_text(json.dumps(found))


if __name__ == "__main__":
    main()
