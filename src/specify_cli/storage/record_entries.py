"""What is handed to the record, and what stands in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from specify_cli import ids
from specify_cli.errors import StorageFailed


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request that was answered: `digest` is of what it said, `answer` the bytes of the reply."""

    id: str
    digest: str
    answer: bytes
    scope: str = ids.SHARED_SCOPE


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What one decision says, before it has its place in the record.

    Attributes:
        at: When, as a timestamp of the contract.
        kind: What it is: `request`, `intent`, `settled`, and so on.
        mission: The number of the mission that it is about.
        published: Makes the line for the published journal, newline and all, of its `seq` and `prev`.
        log: The lines for the mission's log.
        asked: The request that it answers.
        packages: The new state of each package that it changes, by the package's id.
    """

    at: str
    kind: str
    mission: int | None = None
    published: Callable[[int, str], bytes] | None = None
    log: bytes = b""
    asked: Asked | None = None
    packages: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One decision as it stands in the record, with the `head` over it and everything before it."""

    position: int
    at: str
    kind: str
    mission: int | None
    seq: int | None
    published: bytes | None
    log: bytes
    salt: bytes
    head: bytes


class AlreadyAsked(Exception):
    """`asked` has that id already, from another process, say; its answer counts."""

    def __init__(self, asked: Asked) -> None:
        super().__init__(asked.id)
        self.asked = asked


class OutcomeUnknown(StorageFailed):
    """A commit failed half-way: who asks again under the same id is told whether it happened."""
