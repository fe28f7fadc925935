"""An orchestrator that sends requests without pause, in its own sandbox. Standard library only.

    soaker.py '{"name": ..., "seed": ..., "seconds": ..., "mission": ..., "foreign": ..., "changes": [...]}'

Asks for what it may and for what it may not, in order and in bursts, again and otherwise. What it
does goes to stdout, a line of JSON each: {"id", "kind", "command"} before a file is dropped, and {"id",
"latency_s", "code"} when its answer was seen.
"""

import json
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from spec_kitty_client import Mailbox, NotAnsweredError

INBOX, OUTBOX = Path("/inbox"), Path("/outbox")
LONGEST_PAUSE_S = 0.05
BURST = 12
# The share of reads that wait for a change.
WAITS = 0.1
REMEMBERED = 50
# Longer than the worker is ever down.
ANSWERED_WITHIN_S = 120
TOO_MANY_BYTES = 300 * 1024
PACKAGES = ("WP01", "WP02", "WP03")
KINDS = {
    "note": 30,
    "look": 20,
    "work": 20,
    "burst": 3,
    "again": 6,
    "other": 4,
    "foreign": 5,
    "garbage": 1,
    "large": 1,
    "expired": 3,
}


class Soaker:
    """The requests that it sent, and those to send next."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.told = told
        self.random = random.Random(f"{told['seed']}-{told['name']}")
        self.mailbox = Mailbox(INBOX, OUTBOX)
        self.count = 0
        self.answered: list[dict[str, Any]] = []
        # The position of the newest answer to each command with a position.
        self.seen: dict[str, str] = {}
        self.policy = {
            "orchestrator_id": told["name"],
            "orchestrator_version": "1.0.0",
            "agent_family": "none",
            "approval_mode": "full_auto",
            "sandbox_mode": "workspace_write",
            "network_mode": "none",
            "dangerous_flags": [],
        }

    def run(self) -> None:
        """Send requests until the time is up and all are answered."""
        until = time.monotonic() + self.told["seconds"]
        ways: dict[str, Callable[[], None]] = {kind: getattr(self, kind) for kind in KINDS}
        while time.monotonic() < until:
            kind = self.random.choices([*KINDS], weights=[*KINDS.values()])[0]
            ways[kind]()
            time.sleep(self.random.uniform(0, LONGEST_PAUSE_S))

    # Requests that it may send, as far as granted.

    def note(self) -> None:
        """Add a note with the id of its request, so that it can be counted."""
        self.settle(self.drop("note", self.a_note()))

    def look(self) -> None:
        """Read the state, often with a wait for a change."""
        command = self.random.choice(["mission-state", "list-ready"])
        if command in self.seen and self.random.random() < WAITS:
            args = {"after": self.seen[command], "wait_s": 1}
            self.settle(self.drop("look", self.asking(command, **args)))
        else:
            self.settle(self.drop("look", self.asking(command)))

    def work(self) -> None:
        """Claim a package and release it."""
        package, actor = self.random.choice(PACKAGES), f"{self.told['name']}-worker"
        whose = {"wp": package, "actor": actor}
        self.settle(self.drop("work", self.asking("start-implementation", **whose)))
        back = self.asking("transition", **whose, to="planned", note="given back")
        self.settle(self.drop("work", back))

    def burst(self) -> None:
        """Send many at once, before any is answered."""
        dropped = [self.drop("burst", self.a_note()) for _ in range(BURST)]
        for request in dropped:
            self.settle(request)

    # Requests of a careless or hostile orchestrator.

    def again(self) -> None:
        """Repeat an answered request unchanged."""
        if known := self.one_answered():
            self.settle(self.drop("again", known))

    def other(self) -> None:
        """Send a different request with the id of an answered one."""
        if known := self.one_answered():
            args = {
                "mission": self.told["mission"],
                "wp": "WP01",
                "actor": f"other-{self.next_id()}",
            }
            self.drop("other", known | {"command": "start-review", "args": args})

    def one_answered(self) -> dict[str, Any] | None:
        """Choose an answered request whose name is free in the inbox, so that it replaces no waiting one."""
        names = {path.name for path in INBOX.iterdir()}
        known = [it for it in self.answered if f"{it['correlation_id']}.json" not in names]
        return self.random.choice(known) if known else None

    def foreign(self) -> None:
        """Send a request for a mission of another orchestrator."""
        asked = self.asking("mission-state")
        asked["args"]["mission"] = self.told["foreign"]
        self.settle(self.drop("foreign", asked))

    def garbage(self) -> None:
        """Write half a request and never the rest."""
        self.drop("garbage", self.a_note(), cut=40)

    def large(self) -> None:
        """Send a request that is too large."""
        asked = self.a_note()
        asked["args"]["note"] = "x" * TOO_MANY_BYTES
        self.settle(self.drop("large", asked))

    def expired(self) -> None:
        """Send an expired request."""
        self.settle(self.drop("expired", self.a_note() | {"not_after": "2020-01-01T00:00:00Z"}))

    # Helpers.

    def next_id(self) -> str:
        self.count += 1
        return f"{self.told['name']}-{self.count:07}"

    def a_note(self) -> dict[str, Any]:
        asked = self.asking(
            "append-history", wp=self.random.choice(PACKAGES), actor=f"{self.told['name']}-worker"
        )
        asked["args"]["note"] = asked["correlation_id"]
        return asked

    def asking(self, command: str, **args: Any) -> dict[str, Any]:
        return {
            "contract_version": "1.3.0",
            "correlation_id": self.next_id(),
            "command": command,
            "args": {"mission": self.told["mission"], **args},
            "policy": self.policy,
        }

    def drop(self, kind: str, asked: dict[str, Any], *, cut: int | None = None) -> dict[str, Any]:
        """Report the request, then drop it into the inbox."""
        name = asked["correlation_id"]
        tell({"id": name, "kind": kind, "command": asked["command"]})
        temporary = INBOX / f".{name}.tmp"
        temporary.write_text(json.dumps(asked)[:cut])
        temporary.rename(INBOX / f"{name}.json")
        return asked

    def settle(self, asked: dict[str, Any]) -> None:
        """Wait for the answer and report it, or that it is overdue."""
        name, since = asked["correlation_id"], time.monotonic()
        try:
            envelope = self.mailbox.wait(name, timeout_s=ANSWERED_WITHIN_S)
        except NotAnsweredError:
            tell({"id": name, "latency_s": None, "code": "overdue"})
            return
        tell({"id": name, "latency_s": time.monotonic() - since, "code": envelope["error_code"]})
        if position := envelope["data"].get("position"):
            self.seen[asked["command"]] = position
        # A host cannot recognize a request that it refused unread.
        if envelope["error_code"] != "STORAGE_FAILED":
            self.answered = [*self.answered[1 - REMEMBERED :], asked]


def tell(line: dict[str, Any]) -> None:
    """Print a line for the observer outside of the sandbox."""
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    Soaker(json.loads(sys.argv[1])).run()
