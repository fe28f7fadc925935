"""The text of each package on the status board, with control characters escaped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from specify_cli.cli.ages import age
from specify_cli.mailbox.printable import printable

WITH_A_HOLDER = frozenset({"claimed", "in_progress", "for_review", "in_review", "blocked"})
"""Status lanes in which the board shows the holder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A package. `age` is the time in its status lane, and `why` the note with which it was blocked.

    `silent` is the time since the last sign of life, if the claim is stale. `canceled` has the canceled
    packages of the mission.
    """

    wp_id: str
    lane: str
    title: str
    dependencies: tuple[str, ...]
    waits_for: tuple[str, ...]
    holder: str | None
    age: str
    steps: str
    turn: str = ""
    silent: str = ""
    why: str = ""
    canceled: frozenset[str] = frozenset()

    @property
    def held(self) -> str:
        """Return the holder and the time in the status lane; empty if neither is known."""
        who = f"held by {self.holder}" if self.holder else ""
        return " ".join(filter(None, (who, f"for {self.age}" if self.age else "")))

    @property
    def needs(self) -> str:
        """Return its dependencies, the open ones marked."""
        return ", ".join(f"{x}{self._mark(x)}" for x in self.dependencies)

    def _mark(self, dependency: str) -> str:
        if dependency not in self.waits_for:
            return ""
        return " (canceled without a note)" if dependency in self.canceled else " (open)"

    @property
    def details(self) -> tuple[str, ...]:
        """Return the details other than id, status lane and title."""
        after = f"after {self.needs}" if self.needs else ""
        steps = f"steps {self.steps}" if self.steps else ""
        turn = f"after {self.turn} in the same workspace" if self.turn else ""
        silent = f"no sign of life for {self.silent}" if self.silent else ""
        why = f"blocked: {self.why}" if self.why else ""
        return tuple(filter(None, (why, after, self.held, silent, turn, steps)))


def cards(data: Mapping[str, Any], now: datetime) -> list[Card]:
    """Return the packages of a mission's state, in its order."""
    packages = data["work_packages"]
    canceled = frozenset(x["wp_id"] for x in packages if x["lane"] == "canceled")
    return [_card(package, now, canceled) for package in packages]


def headline(data: Mapping[str, Any]) -> str:
    """Return a summary line with the number of packages in each status lane."""
    counts = data["summary"]
    stands = [f"{number} {lane}" for lane, number in counts.items() if number and lane != "total"]
    total = counts["total"]
    noun = "package" if total == 1 else "packages"
    return printable(f"{data['mission_slug']}: {total} {noun}; {', '.join(stands) or 'none'}")


def _card(package: Mapping[str, Any], now: datetime, canceled: frozenset[str]) -> Card:
    steps, lane = package["subtasks"], package["lane"]
    holder = package["reviewer"] or package["claimed_by"]
    return Card(
        wp_id=package["wp_id"],
        lane=lane,
        title=printable(package["title"]),
        dependencies=tuple(map(printable, package["dependencies"])),
        waits_for=tuple(map(printable, package["unsatisfied_dependencies"])),
        holder=printable(holder) if holder and lane in WITH_A_HOLDER else None,
        age=age(package["since"], now),
        silent=age(package.get("last_sign_of_life") or package["since"], now)
        if package.get("stale")
        else "",
        why=printable(" ".join(str(package.get("blocked_note") or "").split())),
        turn=printable(package.get("waiting_for_lane") or ""),
        steps=f"{steps['done']}/{steps['total']}" if steps["total"] else "",
        canceled=canceled,
    )
