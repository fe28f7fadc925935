"""The requests that the orchestrators say they sent, and the answers that they saw."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(kw_only=True)
class Asked:
    """All requests that were dropped with one id."""

    identity: str
    correlation_id: str
    kinds: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """The kind of the first request of this id."""
        return self.kinds[0]

    @property
    def others(self) -> int:
        """The number of further requests with its id, none of which can be answered."""
        return self.kinds.count("other")


@dataclass(kw_only=True)
class Ledger:
    """All reports of one orchestrator."""

    identity: str
    asked: dict[str, Asked] = field(default_factory=dict)
    latencies_s: list[float] = field(default_factory=list)
    codes: Counter[str] = field(default_factory=Counter)
    overdue: list[str] = field(default_factory=list)

    def read(self, path: Path) -> Ledger:
        """Read every complete line of `path`."""
        for line in path.read_text().splitlines(keepends=True):
            if line.endswith("\n"):
                self.take_down(json.loads(line))
        return self

    def take_down(self, told: dict[str, str | float | None]) -> None:
        """Add a line."""
        name = str(told["id"])
        if "kind" in told:
            asked = self.asked.setdefault(name, Asked(identity=self.identity, correlation_id=name))
            asked.kinds.append(str(told["kind"]))
            asked.commands.append(str(told["command"]))
        elif told["latency_s"] is None:
            self.overdue.append(name)
        else:
            self.latencies_s.append(float(str(told["latency_s"])))
            self.codes[str(told["code"])] += 1


def dropped(ledgers: Iterable[Ledger]) -> int:
    """The number of files that were dropped into all inboxes."""
    return sum(len(asked.kinds) for ledger in ledgers for asked in ledger.asked.values())
