"""What a host can do beyond answering; what it cannot is not asked for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from specify_cli.errors import UsageError

NEGATION = "no-"


@dataclass(frozen=True, slots=True)
class Capability:
    """What is declared by a name, and whether it is when nothing is said."""

    meaning: str
    is_default: bool = False


DECLARED = {
    "journal": Capability("writes outbox/journal.jsonl", is_default=True),
    "heartbeat": Capability("writes outbox/worker.json", is_default=True),
    "file-kinds": Capability("the inbox's file system has links and FIFOs", is_default=True),
    "slow-writers": Capability("looks again at a file that does not parse yet", is_default=True),
    "host-private-layout": Capability(
        "a mission's lock is .git/spec-kitty/cdb4ee2aea69cc6a/locks/mission-<slug>"
    ),
    "access-control": Capability("reads .kitty/config.toml when it starts (needs --serve)"),
    "fault-injection": Capability("handlers fail while CONFORMANCE_FAULT=handler_raises is set"),
}
DETECTED = {
    "cli": "--host names a command line",
    "mailbox": "--mailbox or --serve names a worker",
    "scratch-project": "the worker's project is the kit's own, to be reset at will",
    "restart": "--serve: the kit starts the worker, so it can kill it",
    "agent-words": "--agent, or a command line that ends like ours: marks subtasks",
}


def declared(given: Iterable[str]) -> frozenset[str]:
    """The capabilities that a host has by default or by `given`; `no-NAME` takes one away.

    Raises:
        UsageError: there is no capability of such a name.
    """
    found = {name for name, capability in DECLARED.items() if capability.is_default}
    for word in given:
        name = word.removeprefix(NEGATION)
        if name not in DECLARED:
            raise UsageError(f"no capability {name!r}: there are {', '.join(sorted(DECLARED))}")
        (found.discard if word.startswith(NEGATION) else found.add)(name)
    return frozenset(found)


def describe() -> list[str]:
    """One line for each capability."""
    lines = [
        f"{name:20} {capability.meaning}{' (default)' if capability.is_default else ''}"
        for name, capability in DECLARED.items()
    ]
    return [*lines, *(f"{name:20} found out: {meaning}" for name, meaning in DETECTED.items())]
