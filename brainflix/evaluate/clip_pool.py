"""Threads that each take a clip."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import cv2


@contextmanager
def clip_pool(workers: int) -> Iterator[ThreadPoolExecutor]:
    """Give a pool whose threads score one clip each; OpenCV's own would only get in their way meanwhile."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        with ThreadPoolExecutor(workers) as pool:
            yield pool
    finally:
        cv2.setNumThreads(before)
