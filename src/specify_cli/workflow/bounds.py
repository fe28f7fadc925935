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
        owner: Callable[[Item], str] = lambda _: "",
    ) -> Iterator[Going[Item]]:
        """Yield what goes of items with their times and bytes, the oldest of each owner first.

        An owner who has no more than a fair share of a bound loses nothing by it. An item that may not
        go counts all the same.
        """
        owned: dict[str, list[tuple[Item, float, int]]] = {}
        for it in items:
            owned.setdefault(owner(it[0]), []).append(it)
        most_count = _share([len(its) for its in owned.values()], self.max_count)
        sizes = {name: sum(it[2] for it in its) for name, its in owned.items()}
        most_bytes = _share([*sizes.values()], self.max_bytes)
        before = None if self.days is None else now - timedelta(days=self.days).total_seconds()
        for name, its in owned.items():
            count, size = len(its), sizes[name]
            for item, at, length in sorted(its, key=lambda it: it[1]):
                rule = self._rule(
                    is_old=before is not None and at < before,
                    is_counted_out=most_count is not None and count > most_count,
                    is_too_large=most_bytes is not None and size > most_bytes,
                )
                if not rule:
                    break
                if may_go(item):
                    yield Going(item=item, bytes=length, rule=rule)
                    count, size = count - 1, size - length

    def _rule(self, *, is_old: bool, is_counted_out: bool, is_too_large: bool) -> str:
        if is_old:
            return f"{self.name}_days = {self.days}"
        if is_counted_out:
            return f"{self.name}_max_count = {self.max_count}"
        if is_too_large:
            return f"{self.name}_max_bytes = {self.max_bytes}"
        return ""


def _share(amounts: Sequence[int], most: int | None) -> int | None:
    """Return how much each may have, so that all together have `most`; who has less leaves room for others."""
    left, room = sorted(amounts), most or 0
    while left and left[0] <= room // len(left):
        room -= left.pop(0)
    return None if most is None or not left else room // len(left)
