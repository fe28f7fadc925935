"""The same intent at three interfaces: the orchestrators' command line, the mailbox, commands for people."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from click.testing import CliRunner

from specify_cli.cli.main import root as command_line
from specify_cli.conformance.compare import envelope_of
from specify_cli.conformance.interfaces import Interface
from specify_cli.conformance.requests import Request, fresh_id
from tests.contract.interfaces import CommandLine, Mailbox
from tests.integration.stage import POLICY, SLUG, Stage
from tests.records import forget, forget_journal

PACKAGE = "WP01"
OTHER = "WP02"


@dataclass(frozen=True, kw_only=True)
class Intent:
    """An intent: the command of a person, and the requests of an orchestrator for the same."""

    words: Sequence[str]
    requests: Sequence[tuple[str, Mapping[str, Any]]]
    actor: str = "ada"


class Decision(NamedTuple):
    """The part of the result that must be the same at every interface."""

    code: str | None
    guard: str | None
    from_lane: str | None
    to_lane: str | None
    holder: str | None
    stands_in: Sequence[str]


Ways = Callable[[Path, Intent], dict[str, Any]]


@dataclass(kw_only=True)
class Project:
    """A project for one interface; `given` is the content of the log before each intent."""

    stage: Stage
    way: Ways
    given: bytes = field(default=b"")

    @property
    def log(self) -> Path:
        return self.stage.root / "kitty-specs" / SLUG / "status.events.jsonl"

    def decide(self, intent: Intent, lane: str) -> Decision:
        """The decision about the intent while the package is in that status lane."""
        forget(self.stage.root)
        forget_journal(self.stage.root)
        self.log.write_bytes(self.given + standing(PACKAGE, lane))
        envelope = self.way(self.stage.root, intent)
        data = envelope["data"]
        return Decision(
            code=envelope["error_code"],
            guard=data.get("guard"),
            from_lane=data.get("from_lane"),
            to_lane=data.get("to_lane"),
            holder=data.get("claimed_by"),
            stands_in=[self.stage.lane(wp_id) for wp_id in (PACKAGE, OTHER)],
        )


def by_requests(interface: Interface) -> Ways:
    """Send the requests until one is refused; return the last answer."""

    def way(root: Path, intent: Intent) -> dict[str, Any]:
        envelope: dict[str, Any] = {}
        for command, args in intent.requests:
            whole = {"mission": SLUG, "actor": intent.actor, **args}
            ask = Request(command=command, args=whole, policy=POLICY, correlation_id=fresh_id())
            envelope = envelope_of(interface.send(root, ask).raw)
            if not envelope["success"]:
                break
        return envelope

    return way


def by_words(root: Path, intent: Intent) -> dict[str, Any]:
    """Run the command for people; return its envelope."""
    words = [*intent.words, "--mission", SLUG, "--actor", intent.actor, "--json"]
    with contextlib.chdir(root):
        if "--approve" in words:
            # A person names the commit that was shown.
            shown = CliRunner().invoke(command_line, ["review", words[1], *words[-5:]])
            found = json.loads(shown.stdout)["data"].get("commit") if shown.stdout else None
            words += ["--commit", found] if found else []
        result = CliRunner().invoke(command_line, words)
    envelope: dict[str, Any] = json.loads(result.stdout)
    refused = 2 if envelope["error_code"] == "USAGE_ERROR" else 1
    assert result.exit_code == (0 if envelope["success"] else refused)
    return envelope


INTERFACES: Mapping[str, Ways] = {
    "orchestrator-api": by_requests(CommandLine()),
    "mailbox": by_requests(Mailbox()),
    "people": by_words,
}


def standing(wp_id: str, lane: str, actor: str = "ada") -> bytes:
    """A log line by which the actor moved the package into the status lane."""
    return line(wp_id, actor=actor, from_lane="planned", to_lane=lane)


def line(wp_id: str, **more: Any) -> bytes:
    """A line of an event log as hosts of other versions write it."""
    head = {"event_id": "01JA0000000000000000000001", "at": "2026-01-05T09:01:00+00:00"}
    return json.dumps(head | {"mission_slug": SLUG, "wp_id": wp_id} | more).encode() + b"\n"
