"""What is handed to the record, and what stands in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from specify_cli import ids
from specify_cli.errors import StorageFailed

if TYPE_CHECKING:
    import sqlite3

REQUEST: Final = "request"
"""A request and its answer."""

ADOPTED: Final = "adopted"
"""A request that a release answered which had no record."""

EVENTS: Final = "events"
"""What the host did to a mission."""

TAKEN_IN: Final = "taken_in"
"""Lines of somebody else, where they stood in the mission's log."""

WITHDRAWN: Final = "withdrawn"
"""What the mission's log had behind that place does not count any more."""

REDACTION: Final = "redaction"
"""Text of other entries was replaced; it says where, by whom and why. It has no lines for a mission's log."""

RESTORED: Final = "restored"
"""The record was older than the published journal, a backup: what is behind this was taken in from there."""


PLANNED: Final = "planned"
"""The plan of a mission's execution lanes, in place of any before."""


class Asked(NamedTuple):
    """A request that was answered; `digest` is of what it said. Where `is_new`, nobody has used its id before."""

    id: str
    digest: str
    scope: str = ids.SHARED_SCOPE
    is_new: bool = False


class Draft(NamedTuple):
    """What one decision says, before it has its place in the record.

    Attributes:
        at: When, as a timestamp of the contract.
        kind: What it is: `EVENTS`, for instance.
        mission: The number of the mission that it is about.
        place: How many lines of the mission's log stand before these; None where they are its end.
        published: Makes the line for the published journal, newline and all, of its `seq` and `prev`.
        seq: Its `seq`, where an older release gave it one; else the next.
        behind: The position of the newest entry of its mission that was decided on; another one stops all. None where
            nothing was decided on.
        log: The lines for the mission's log; of a plan, its line.
        asked: The request that it answers.
        also: What else its transaction changes.
        content: Of the answer to a read, the part of the published line that others have as well; None for all else.
        replaces: The published line, and the lines for the log, that entries have from now on, by their positions.
    """

    at: str
    kind: str
    mission: int | None = None
    place: int | None = None
    published: Callable[[int, str], bytes] | None = None
    seq: int | None = None
    behind: int | None = None
    log: bytes = b""
    asked: Asked | None = None
    also: Callable[[sqlite3.Connection], None] | None = None
    content: bytes | None = None
    replaces: Mapping[int, tuple[bytes | None, bytes]] = MappingProxyType({})


class Entry(NamedTuple):
    """One decision as it stands in the record, with the `head` over it and everything before it.

    Where it `is_read`, it is the answer to a request that changed nothing, and may be pruned: the head is that before it.
    """

    position: int
    at: str
    kind: str
    mission: int | None
    place: int | None
    seq: int | None
    published: bytes | None
    log: bytes
    salt: bytes
    head: bytes
    is_read: bool = False


class KnownMission(NamedTuple):
    """What the record knows of a mission, beside its log.

    Attributes:
        number: Its number in the record; None before it has one.
        mission_id: The id in its `meta.json`; None where that has none.
        folder: The name of its folder.
        branch: What was checked out when its log was last written.
        plan: The plan of its execution lanes; empty before there is one.
    """

    mission_id: str | None
    folder: str
    number: int | None = None
    branch: str | None = None
    plan: bytes = b""


class AlreadyAsked(Exception):
    """`asked` has that id already, from another process, say; its answer counts."""

    def __init__(self, asked: Asked) -> None:
        super().__init__(asked.id)
        self.asked = asked


class Overtaken(StorageFailed):
    """Somebody else changed the mission after it was decided on."""


class OutcomeUnknown(StorageFailed):
    """A commit failed half-way: who asks again under the same id is told whether it happened."""
