"""The demo's record: keys, digests of every data file, scores, and the processor that they were made on.

    make record            # run the demo at one thread, and compare it with the record
    make record-anew       # the same, and write the record

Bytes hold for one kind of processor. On another kind, run the commit before beside this one and compare their records:
`--against OTHER.json` takes any file that `--out` wrote.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import sys
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from brainflix.store.manifest import FileEntry
from brainflix.store.store import Store

RECORD = Path(__file__).with_name("demo.json")
# Scores may differ by rounding where bytes may not.
TOLERANCE = 1e-9
# Which of two numbers counts.
_WORDS = ("chance_from",)
# A report shows wall times.
_TIMED = ("report",)


def processor() -> str:
    """Return the processor's kind: its name, and the vector instructions that libraries choose their kernels by."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or platform.machine()
    name = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    flags = set(re.search(r"^flags\s*:\s*(.+)$", text, re.MULTILINE)[1].split()) if "flags" in text else set()
    vectors = sorted(flags & {"avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile", "fma"})
    return f"{name[1] if name else platform.machine()} ({', '.join(vectors)})"


def taken(store: Store) -> dict[str, Any]:
    """Return the record of every artifact in a store, by ref, and of every score, by ref and name."""
    artifacts, scores = {}, {}
    for ref in store.refs():
        artifact = store.open(ref)
        if ref.kind not in _TIMED:
            artifacts[str(ref)] = _digests(artifact.manifest.files)
        # What all subjects are measured against has no scores of its own.
        if ref.kind == "scores" and (artifact.path / "scores.json").is_file():
            table = artifact.json("scores.json")["scores"]
            scores[f"{ref.kind}/{ref.name}"] = {name: _numbers(line) for name, line in table.items()}
    return {"processor": processor(), "threads": 1, "artifacts": artifacts, "scores": scores}


def _digests(files: Sequence[FileEntry]) -> dict[str, str]:
    """Return the SHA-256 of each file, and of each array one over its chunks' (`data.zarr/response`)."""
    groups: dict[str, list[str]] = {}
    for entry in files:
        groups.setdefault("/".join(entry.path.split("/")[:2]), []).append(f"{entry.path} {entry.sha256}")
    return {place: sha256("\n".join(sorted(lines)).encode()).hexdigest()[:16] for place, lines in groups.items()}


def _numbers(value: Any) -> Any:
    """Return a score's numbers without its sentences, and which chance counts."""
    if isinstance(value, Mapping):
        kept = {key: _numbers(each) for key, each in value.items() if not isinstance(each, str) or key in _WORDS}
        return {key: each for key, each in kept.items() if each not in ({}, [])}
    return [_numbers(each) for each in value] if isinstance(value, list) else value


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return what differs between two records, a line each."""
    lines = [f"{ref}: no longer made" for ref in old["artifacts"] if ref not in new["artifacts"]]
    lines += [f"{ref}: new" for ref in new["artifacts"] if ref not in old["artifacts"]]
    if old["processor"] == new["processor"]:
        for ref in sorted(set(old["artifacts"]) & set(new["artifacts"])):
            before, after = old["artifacts"][ref], new["artifacts"][ref]
            changed = sorted(path for path in {*before, *after} if before.get(path) != after.get(path))
            lines += [f"{ref}: {path} has other bytes" for path in changed]
    else:
        lines.append(f"other processor ({new['processor']}): bytes are not compared")
    return lines + _score_lines(old["scores"], new["scores"])


def _score_lines(old: Any, new: Any, place: str = "scores") -> list[str]:
    """Return where two trees of numbers differ by more than the tolerance."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        names = sorted({*old, *new})
        return [line for name in names for line in _score_lines(old.get(name), new.get(name), f"{place} {name}")]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = enumerate(zip(old, new, strict=True))
        return [line for i, (a, b) in pairs for line in _score_lines(a, b, f"{place} {i}")]
    numbers = isinstance(old, (int, float)) and isinstance(new, (int, float))
    same = abs(old - new) <= TOLERANCE if numbers else old == new
    return [] if same else [f"{place}: {old} -> {new}"]


def main() -> None:
    """Take the record of a store; write it, or compare it and exit with 1 where it differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--against", type=Path, default=RECORD)
    arguments = parser.parse_args()
    record = taken(Store(arguments.store))
    if arguments.out:
        arguments.out.write_text(json.dumps(record, indent=0, sort_keys=True) + "\n")
        return
    lines = differences(json.loads(arguments.against.read_text()), record)
    sys.stdout.write("\n".join(lines or ["equal to the record"]) + "\n")
    sys.exit(1 if lines else 0)


if __name__ == "__main__":
    main()
