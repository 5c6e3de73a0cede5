"""Where long work says how far it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    pass


# What counts the items of a loop while they are worked on, in a unit such as "epochs".
Track = Callable[[Any, str], Iterable[Any]]


def untracked(items: Iterable[Any], what: str) -> Iterator[Any]:
    """Yield the items of a loop that nobody watches."""
    yield from items


class Progress(Protocol):
    """Where a stage says how far it is."""

    def track(self, items: Sequence[Any], what: str) -> Iterator[Any]:
        """Yield `items`, counting them in the unit `what`."""
        ...

    def say(self, text: str) -> None:
        """Say one line."""
        ...

    def transfer(self, total: int | None, what: str) -> AbstractContextManager[Callable[[int], None]]:
        """Yield a function that is told how many more bytes came, of `total` or of nobody knows how many."""
        ...


class Silent:
    """Progress for tests and libraries: says nothing."""

    def track(self, items: Sequence[Any], what: str) -> Iterator[Any]:
        """Yield the items."""
        yield from items

    def say(self, text: str) -> None:
        """Keep quiet."""

    @contextmanager
    def transfer(self, total: int | None, what: str) -> Iterator[Callable[[int], None]]:
        """Yield a function that takes bytes and says nothing."""
        yield lambda count: None
