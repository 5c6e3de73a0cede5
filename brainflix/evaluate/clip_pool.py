"""Threads that each take a clip, or a block of pairings."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import cv2
from threadpoolctl import threadpool_limits


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
