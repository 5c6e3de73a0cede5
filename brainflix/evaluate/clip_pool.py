"""Threads that each take a clip, or a block of pairings."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import cv2
from threadpoolctl import threadpool_limits

One = TypeVar("One")
Found = TypeVar("Found")
# Results that may wait for whoever takes them.
AHEAD = 8


@contextmanager
def clip_pool(workers: int) -> Iterator[ThreadPoolExecutor]:
    """Give a pool whose threads score one clip each; OpenCV's own and BLAS's would only get in their way meanwhile."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        with threadpool_limits(1, "blas"), ThreadPoolExecutor(workers) as pool:
            yield pool
    finally:
        cv2.setNumThreads(before)


def in_order(pool: ThreadPoolExecutor, score: Callable[[One], Found], items: Iterable[One]) -> Iterator[Found]:
    """Yield the result of each item in their order; unlike the pool's own map, no more than a few wait to be taken."""
    waiting: deque[Future[Found]] = deque()
    for item in items:
        waiting.append(pool.submit(score, item))
        if len(waiting) > AHEAD:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
