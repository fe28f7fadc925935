"""First-in, first-out queues that count the bytes of their items."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

Item = TypeVar("Item")


class SizedQueue(Generic[Item]):
    """A queue of items."""

    def __init__(self) -> None:
        self._items: deque[tuple[Item, int]] = deque()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._items)

    def append(self, item: Item, size: int) -> None:
        """Add the item at the end."""
        self._items.append((item, size))
        self.bytes += size

    def first(self) -> Item:
        """Return the first item.

        Raises:
            IndexError: the queue is empty.
        """
        return self._items[0][0]

    def take(self) -> Item:
        """Remove and return the first item.

        Raises:
            IndexError: the queue is empty.
        """
        item, size = self._items.popleft()
        self.bytes -= size
        return item

    def all(self) -> list[Item]:
        """Return all items; may be called from another thread."""
        return [item for item, _ in [*self._items]]

    def clear(self) -> None:
        """Remove all items."""
        self._items.clear()
        self.bytes = 0


class Queues(Generic[Item]):
    """Named queues of items; adding and taking an item costs constant time."""

    def __init__(self) -> None:
        self._queues: dict[str, SizedQueue[Item]] = {}
        self.count = self.bytes = 0

    def has(self, name: str) -> bool:
        """Return whether the queue holds an item."""
        return name in self._queues

    def names(self) -> list[str]:
        """Return the names of the queues that hold items."""
        return [*self._queues]

    def append(self, name: str, item: Item, size: int) -> None:
        """Add the item at the end of the queue."""
        self._queues.setdefault(name, SizedQueue()).append(item, size)
        self.count += 1
        self.bytes += size

    def first(self, name: str) -> Item:
        """Return the first item of the queue.

        Raises:
            KeyError: the queue is empty.
        """
        return self._queues[name].first()

    def take(self, name: str) -> Item:
        """Remove and return the first item of the queue.

        Raises:
            KeyError: the queue is empty.
        """
        queue = self._queues[name]
        before = queue.bytes
        item = queue.take()
        self.count -= 1
        self.bytes -= before - queue.bytes
        if not queue:
            del self._queues[name]
        return item

    def clear(self) -> None:
        """Remove all items."""
        self._queues.clear()
        self.count = self.bytes = 0
