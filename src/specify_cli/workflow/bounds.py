"""The oldest items that go by age, by count or by size."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Going(Generic[Item]):
    """An item that goes: its bytes, and the rule that says so."""

    item: Item
    bytes: int
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The bounds in `config.toml` whose names begin with `name`; None for no bound."""

    name: str
    days: int | None = None
    max_count: int | None = None
    max_bytes: int | None = None

    @property
    def are_set(self) -> bool:
        """Whether there is a bound."""
        return (self.days, self.max_count, self.max_bytes) != (None, None, None)

    def going(
        self,
        items: Sequence[tuple[Item, float, int]],
        *,
        now: float,
        may_go: Callable[[Item], bool] = lambda _: True,
    ) -> Iterator[Going[Item]]:
        """Yield what goes of items with their times and bytes, the oldest first.

        An item that may not go counts all the same.
        """
        count, size = len(items), sum(it[2] for it in items)
        before = None if self.days is None else now - timedelta(days=self.days).total_seconds()
        for item, at, length in sorted(items, key=lambda it: it[1]):
            rule = self._rule(is_old=before is not None and at < before, count=count, size=size)
            if not rule:
                return
            if may_go(item):
                yield Going(item=item, bytes=length, rule=rule)
                count, size = count - 1, size - length

    def _rule(self, *, is_old: bool, count: int, size: int) -> str:
        if is_old:
            return f"{self.name}_days = {self.days}"
        if self.max_count is not None and count > self.max_count:
            return f"{self.name}_max_count = {self.max_count}"
        if self.max_bytes is not None and size > self.max_bytes:
            return f"{self.name}_max_bytes = {self.max_bytes}"
        return ""
