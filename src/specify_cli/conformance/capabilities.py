"""Optional capabilities of a host. A check that needs a missing capability is skipped."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from specify_cli.errors import UsageError

NEGATION = "no-"


@dataclass(frozen=True, slots=True)
class Capability:
    """A capability that the user can declare, and whether it is declared by default."""

    meaning: str
    is_default: bool = False


DECLARED = {
    "journal": Capability("writes outbox/journal.jsonl", is_default=True),
    "heartbeat": Capability("writes outbox/worker.json", is_default=True),
    "file-kinds": Capability("the inbox's file system has links and FIFOs", is_default=True),
    "slow-writers": Capability("retries a file that is not valid JSON yet", is_default=True),
    "host-private-layout": Capability(
        "a mission's lock is .git/spec-kitty/cdb4ee2aea69cc6a/locks/mission-<slug>"
    ),
    "access-control": Capability("reads .kitty/config.toml when it starts (needs --serve)"),
    "fault-injection": Capability(
        "makes handlers fail while CONFORMANCE_FAULT=handler_raises is set"
    ),
}
DETECTED = {
    "cli": "--host names a command line",
    "mailbox": "--mailbox or --serve names a worker",
    "scratch-project": "the worker's project belongs to the kit, which may reset it",
    "restart": "--serve: the kit starts the worker, so it can restart it",
    "agent-commands": "--agent, or a command line that ends like that of spec-kitty: marks subtasks",
}


def declared(given: Iterable[str]) -> frozenset[str]:
    """Return the default capabilities, changed by `given`; `no-NAME` removes one.

    Raises:
        UsageError: A name in `given` is unknown.
    """
    found = {name for name, capability in DECLARED.items() if capability.is_default}
    for item in given:
        name = item.removeprefix(NEGATION)
        if name not in DECLARED:
            raise UsageError(f"unknown capability {name!r}; known: {', '.join(sorted(DECLARED))}")
        (found.discard if item.startswith(NEGATION) else found.add)(name)
    return frozenset(found)


def describe() -> list[str]:
    """Return one line for each capability."""
    lines = [
        f"{name:20} {capability.meaning}{' (default)' if capability.is_default else ''}"
        for name, capability in DECLARED.items()
    ]
    return [*lines, *(f"{name:20} detected: {meaning}" for name, meaning in DETECTED.items())]
