"""Hold on to the latest result, since the subjects of one run ask for the same one after the other."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass
class Latest(Generic[T]):
    """One value and the key that it was made for; a new key replaces it, so memory holds one."""

    key: Hashable = None
    value: T | None = None

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return the value made for `key`, making it if the latest was made for another."""
        if self.value is None or self.key != key:
            self.value, self.key = make(), key
        return self.value
