"""The drafts and entries of the record."""

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
"""A request answered by an older release, which had no record."""

EVENTS: Final = "events"
"""Events of a mission."""

TAKEN_IN: Final = "taken_in"
"""Lines of another program, at their place in the mission's log."""

WITHDRAWN: Final = "withdrawn"
"""The lines of the mission's log after `place` no longer count."""

REDACTION: Final = "redaction"
"""Text of other entries was replaced: it says where, by whom and why. It adds no log lines."""

RESTORED: Final = "restored"
"""The record was restored from a backup: later entries were taken in from the published journal."""


PLANNED: Final = "planned"
"""The plan of a mission's execution lanes; it replaces an earlier one."""


class Asked(NamedTuple):
    """An answered request; `digest` covers its content. `is_new` requires that its id is unused."""

    id: str
    digest: str
    scope: str = ids.SHARED_SCOPE
    is_new: bool = False


class Draft(NamedTuple):
    """A decision before it is committed.

    Attributes:
        at: The time, as a timestamp of the contract.
        kind: The kind of entry, for example `EVENTS`.
        mission: The number of its mission.
        place: The number of log lines before its own; None for the end of the log.
        published: Makes the published line, with its newline, from its `seq` and `prev`.
        seq: The `seq` that an older release gave the line; else the next.
        behind: The position of the mission's newest entry when the draft was decided: another one
            refuses the commit. None for no check.
        log: The lines for the mission's log; for a plan, its line.
        asked: The request that it answers.
        also: Changes other rows in the same transaction.
        content: For the answer to a read, the part of the published line that other lines share;
            else None.
        answer: The same part with its private fields, which the published line does not have; else None.
        replaces: New published and log lines of earlier entries, by position.
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
    answer: bytes | None = None
    replaces: Mapping[int, tuple[bytes | None, bytes]] = MappingProxyType({})


class Entry(NamedTuple):
    """A committed decision; `head` covers it and everything before it.

    `is_read` marks the answer to a request that changed nothing. It may be pruned, and has the head
    of the entry before it.
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
    """What the record knows of a mission, without its log.

    Attributes:
        number: Its number in the record; None before it has one.
        mission_id: The id in its `meta.json`; None if it has none.
        folder: The name of its folder.
        branch: The branch that was checked out when its log was last written.
        plan: The plan of its execution lanes; empty before it is planned.
    """

    mission_id: str | None
    folder: str
    number: int | None = None
    branch: str | None = None
    plan: bytes = b""


class MissionMark(NamedTuple):
    """Distinguishes states of a mission that have the same answers.

    Attributes:
        newest: The position of its newest entry.
        rewritten: For each mission that had the folder, its number and the position of the newest entry
            that changed more than the end of its log.
        key: A secret of the record.
    """

    newest: int = 0
    rewritten: tuple[tuple[int, int], ...] = ()
    key: bytes = b""


class AlreadyAsked(Exception):
    """The id of a request is used already; the answer to its first request counts."""


class Overtaken(StorageFailed):
    """Another process changed the mission after the draft was decided."""


class OutcomeUnknown(StorageFailed):
    """A commit failed half-way; a repeat with the same id reports whether it happened."""
