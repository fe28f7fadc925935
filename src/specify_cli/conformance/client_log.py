"""What an orchestrator did in one run."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from specify_cli.conformance.documents import CONTRACT
from specify_cli.conformance.inotify_log import FileEvent

CHANGING = frozenset(name for name, known in CONTRACT.commands().items() if known["changes_state"])


@dataclass(slots=True, kw_only=True)
class ObservedRequest:
    """One request; `answered_at` is None until it has a reply."""

    stem: str
    raw: bytes
    landed_at: float
    answered_at: float | None = None
    is_refused_by_kit: bool = False

    @property
    def body(self) -> dict[str, Any]:
        """The JSON object of the request; empty if the file holds none."""
        try:
            found = json.loads(self.raw)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def command(self) -> str:
        """The command that the request names."""
        return str(self.body.get("command"))

    @property
    def changes(self) -> bool:
        """Whether the command changes state."""
        return self.command in CHANGING

    @property
    def payload(self) -> str:
        """The request as JSON text, without its id."""
        request = {name: self.body.get(name) for name in ("command", "args", "policy")}
        return json.dumps(request, sort_keys=True)

    def waits_at(self, moment: float) -> bool:
        """Whether the request had no reply yet at that time."""
        return self.answered_at is None or self.answered_at > moment


@dataclass(slots=True, kw_only=True)
class ClientLog:
    """One run: requests, file events, and the exit code (None: the program did not end)."""

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
        """Whether the program ended with exit code 0."""
        return self.exit_code == 0
