"""What an orchestrator has done in one run."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from specify_cli.conformance.documents import CONTRACT
from specify_cli.conformance.inotify_log import FileEvent

CHANGING = frozenset(name for name, known in CONTRACT.commands().items() if known["changes_state"])


@dataclass(slots=True, kw_only=True)
class ObservedRequest:
    """One request; `answered_at` is None as long as there was no reply."""

    stem: str
    raw: bytes
    landed_at: float
    answered_at: float | None = None
    is_refused_by_kit: bool = False

    @property
    def body(self) -> dict[str, Any]:
        """The object in it; empty where there is none."""
        try:
            found = json.loads(self.raw)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def command(self) -> str:
        """What it asks."""
        return str(self.body.get("command"))

    @property
    def changes(self) -> bool:
        """Whether it is to change something."""
        return self.command in CHANGING

    @property
    def payload(self) -> str:
        """What is asked, whatever its id."""
        request = {name: self.body.get(name) for name in ("command", "args", "policy")}
        return json.dumps(request, sort_keys=True)

    def waits_at(self, moment: float) -> bool:
        """Whether it was not answered yet."""
        return self.answered_at is None or self.answered_at > moment


@dataclass(slots=True, kw_only=True)
class ClientLog:
    """One run: what landed, what else was done, and how the program ended (None: it did not)."""

    scenario: str
    requests: list[ObservedRequest] = field(default_factory=list)
    inbox_events: list[FileEvent] = field(default_factory=list)
    outbox_events: list[FileEvent] = field(default_factory=list)
    published: set[str] = field(default_factory=set)
    exit_code: int | None = None
    ended_at: float = 0.0
    output: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether the program came to a good end."""
        return self.exit_code == 0
