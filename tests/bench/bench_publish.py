"""Publishing an artifact beside writing the same arrays with plain zarr: the price of hashes and fsync."""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import zarr

from brainflix.store.arrays import write_array
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
    """Time both and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rows = arguments.megabytes * 1_000_000 // (4 * 50_000)
    data = np.random.default_rng(0).standard_normal((rows, 50_000)).astype(np.float32)

    def plain(folder: Path) -> None:
        # Rows of about 4 MiB, no compression: the same chunking, without checksum, hash, fsync or manifest.
        zarr.create_array(
            folder / "plain.zarr", shape=data.shape, chunks=(16, 50_000), dtype="float32", compressors=None
        )[:] = data

    def published(folder: Path) -> None:
        ref = Ref("bold", "bench", artifact_key("bold", 1, {}, {}, ""))
        with Store(folder).publish(ref, stage="bench", stage_version=1, parameters={}, inputs={}) as out:
            write_array(out.path, "response", data, dims=("trial", "grayordinate"), layout="rows", rows_per_shard=240)

    times = {"plain zarr": timed(plain, arguments.runs), "publish": timed(published, arguments.runs)}
    ratio = times["publish"] / times["plain zarr"]
    for name, seconds in times.items():
        print(f"{name:12s} {seconds:6.2f} s  {arguments.megabytes / seconds:6.0f} MB/s")
    print(f"publish / plain zarr = {ratio:.2f}")
    if arguments.json:
        arguments.json.write_text(json.dumps(times | {"ratio": ratio}))


if __name__ == "__main__":
    main()
