"""What was taken and waits for its turn, in order, and how many bytes it holds."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

Thing = TypeVar("Thing")


class Waiting(Generic[Thing]):
    """Things in the order in which they came."""

    def __init__(self) -> None:
        self._things: deque[tuple[Thing, int]] = deque()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._things)

    def append(self, thing: Thing, size: int) -> None:
        """It waits behind the others."""
        self._things.append((thing, size))
        self.bytes += size

    def first(self) -> Thing:
        """The one that came first. Raises: IndexError."""
        return self._things[0][0]

    def take(self) -> Thing:
        """The one that came first, which waits no more. Raises: IndexError."""
        thing, size = self._things.popleft()
        self.bytes -= size
        return thing

    def all(self) -> list[Thing]:
        """All of them; may be asked from another thread."""
        return [thing for thing, _ in [*self._things]]

    def clear(self) -> None:
        """Nothing waits."""
        self._things.clear()
        self.bytes = 0


class Queues(Generic[Thing]):
    """Things in queues; what it costs to add or take one does not grow with them."""

    def __init__(self) -> None:
        self._queues: dict[str, Waiting[Thing]] = {}
        self.count = self.bytes = 0

    def has(self, name: str) -> bool:
        """Whether something waits in that queue."""
        return name in self._queues

    def names(self) -> list[str]:
        """The queues in which something waits."""
        return [*self._queues]

    def append(self, name: str, thing: Thing, size: int) -> None:
        """It waits behind the others of its queue."""
        self._queues.setdefault(name, Waiting()).append(thing, size)
        self.count += 1
        self.bytes += size

    def first(self, name: str) -> Thing:
        """The one of the queue that came first. Raises: KeyError."""
        return self._queues[name].first()

    def take(self, name: str) -> Thing:
        """The one of the queue that came first, which waits no more. Raises: KeyError."""
        queue = self._queues[name]
        before = queue.bytes
        thing = queue.take()
        self.count -= 1
        self.bytes -= before - queue.bytes
        if not queue:
            del self._queues[name]
        return thing

    def clear(self) -> None:
        """Nothing waits."""
        self._queues.clear()
        self.count = self.bytes = 0
