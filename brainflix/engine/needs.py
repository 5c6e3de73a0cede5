"""What a plan needs before it can run: bytes to fetch, files that a person brings, weights, memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from brainflix.wording import format_bytes

if TYPE_CHECKING:
    from brainflix.engine.job import Job
    from brainflix.engine.plan import Planned
    from brainflix.errors import BrainflixError
    from brainflix.parts.dataset import Dataset
    from brainflix.store.store import Store


def fetch_bytes(item: Planned) -> int | None:
    """Return how many bytes a job would fetch from elsewhere; None if that is not known."""
    from brainflix.parts.find import find

    if item.status == "cached":
        return 0
    if item.job.stage == "download":
        return _raw_bytes(find("dataset", item.job.dataset).load(), item)
    return None if repository(item) else 0


def repository(item: Planned) -> str:
    """Return the Hub repository that a job which is to run takes its weights from; "" for none."""
    from brainflix.io.weights import is_shipped

    weights = str(item.job.plain.get("weights") or "")
    here = is_shipped(weights) or weights.startswith((".", "/", "~")) or Path(weights).expanduser().is_dir()
    return "" if item.status == "cached" or not weights or here else weights


def _raw_bytes(dataset: Dataset, item: Planned) -> int | None:
    """Return the size of a data set's files as far as it is published; None if that of one is not."""
    files = [] if dataset.fetch else dataset.named_files(item.job.plain, item.job.subject)
    sizes = [file.size for file in files]
    return None if None in sizes else sum(size or 0 for size in sizes)


def fetch_line(sizes: Sequence[int | None]) -> str:
    """Return the sum of bytes to fetch for people."""
    unknown = sum(size is None for size in sizes)
    known = format_bytes(sum(size or 0 for size in sizes))
    return f"to fetch: {known}" + (f", and an unknown amount for {unknown} jobs" if unknown else "")


def by_hand(job: Job, store: Store) -> BrainflixError | None:
    """Return what only a person can do before a download, as the error it would be; None where nothing is left."""
    if job.stage != "download":
        return None
    from brainflix.parts.find import find

    dataset: Dataset = find("dataset", job.dataset).load()
    if dataset.fetch:
        return None
    from brainflix.download.intake import by_hand as lacking
    from brainflix.parts.work import DOWNLOADS, Intake

    return lacking(dataset, job.plain, job.subject, Intake(store.root / DOWNLOADS))


def needs_a_person(item: Planned, store: Store) -> bool:
    """Say whether a download that is not there yet waits for a person."""
    return item.status != "cached" and by_hand(item.job, store) is not None


def need_lines(planned: Sequence[Planned], store: Store) -> list[str]:
    """Return what a plan needs from outside, for people: files that somebody has to bring, weights from the Hub."""
    brought = Counter(item.job.dataset for item in planned if needs_a_person(item, store))
    lines = [
        f"by hand: {dataset}, {count} downloads; brainflix download {dataset} --dry-run names the files"
        for dataset, count in brought.items()
    ]
    repositories = sorted({repository(item) for item in planned} - {""})
    return lines + ([f"weights from the Hub: {', '.join(repositories)}"] if repositories else [])


def check_weights(planned: Sequence[Planned]) -> None:
    """Ask once for each repository of weights that a plan needs whether it can be had; nothing is fetched.

    Raises:
        MissingError: one cannot, so that nothing else need be fetched or computed first.
    """
    asked = {(repository(item), str(item.job.plain.get("revision") or "")) for item in planned}
    wanted = sorted((name, revision) for name, revision in asked if name)
    if wanted:
        from brainflix.io.weights_hub import check_access

        for name, revision in wanted:
            check_access(name, revision)


def memory_bytes(item: Planned, store: Store) -> int | None:
    """Return how much a job reads into memory, judged by its inputs' size in the store; None if some are not there."""
    if item.status == "cached":
        return 0
    refs = [ref for refs in item.job.inputs.values() for ref in refs]
    return sum(store.manifest(ref).size for ref in refs) if all(map(store.has, refs)) else None


def memory_line(sizes: Sequence[int | None]) -> str:
    """Return the most memory that one job's inputs need, for people; networks come on top."""
    unknown = sum(size is None for size in sizes)
    most = max((size or 0 for size in sizes), default=0)
    if unknown and not most:
        return f"memory for one job's inputs: not known before its inputs are there ({unknown} jobs)"
    rest = f", not yet known for {unknown} jobs" if unknown else ""
    return f"memory for one job's inputs: {format_bytes(most)}{rest}"
