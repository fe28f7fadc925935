"""Find requests that have no answer yet: waiting in an inbox, taken by a worker, or in progress."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from specify_cli import clock, errors
from specify_cli.mailbox.claims import Claim
from specify_cli.mailbox.inbox import Inbox
from specify_cli.mailbox.layout import MailboxLayout, MailboxPaths
from specify_cli.protocol import MAX_REQUEST_BYTES
from specify_cli.storage import heartbeat_file, records
from specify_cli.storage.intents import Intents

WAITING: Final = "waiting"
"""In the inbox."""

TAKEN: Final = "taken"
"""Claimed by a worker that is not carrying it out: others come first, or a worker ended."""

PARKED: Final = "parked"
"""A read that waits for a change of its mission."""

IN_PROGRESS: Final = "in progress"
"""Being carried out."""

BEGUN: Final = "begun"
"""Begun by a process that was killed, or that is still carrying it out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """A request without an answer.

    Attributes:
        since: A timestamp.
        ahead: How many requests in the same inbox are older.
        has_worker: Whether a worker serves its mailbox.
    """

    correlation_id: str
    identity: str
    state: str
    since: str | None
    ahead: int = 0
    has_worker: bool = False


def find(layout: MailboxLayout, prefix: str) -> list[Unanswered]:
    """Return the requests whose id starts with the prefix; the older state of one counts less."""
    found: dict[tuple[str, str], Unanswered] = {}
    for it in (*_of_mailboxes(layout, prefix), *_intents(layout, prefix)):
        known = found.setdefault((it.identity, it.correlation_id), it)
        if known.state == WAITING:
            found[it.identity, it.correlation_id] = it
    return [*found.values()]


def _of_mailboxes(layout: MailboxLayout, prefix: str) -> Iterator[Unanswered]:
    for identity in layout.identities():
        paths = layout.paths(identity)
        # A folder that does not exist yet, or that is not readable, counts as empty.
        with contextlib.suppress(errors.StorageFailed, OSError):
            yield from _waiting(paths, prefix)
        with contextlib.suppress(errors.StorageFailed, OSError):
            yield from _claimed(paths, prefix)


def _waiting(paths: MailboxPaths, prefix: str) -> Iterator[Unanswered]:
    has_worker = heartbeat_file.is_alive(paths.heartbeat)
    for ahead, entry in enumerate(Inbox(paths).landed()):
        if (entry.stem or "").startswith(prefix):
            yield Unanswered(
                correlation_id=entry.stem or "",
                identity=paths.identity,
                state=WAITING,
                since=_timestamp(entry.ctime_ns / 1e9),
                ahead=ahead,
                has_worker=has_worker,
            )


def _claimed(paths: MailboxPaths, prefix: str) -> Iterator[Unanswered]:
    has_worker = heartbeat_file.is_alive(paths.heartbeat)
    begun = _in_progress(heartbeat_file.last_beat(paths.heartbeat) or {}) if has_worker else {}
    for claim in Inbox(paths).claims():
        is_answered = (paths.outbox / f"{claim.stem}.json").exists()
        if claim.stem.startswith(prefix) and not is_answered:
            state = IN_PROGRESS if claim.stem in begun else _state_of(claim)
            yield Unanswered(
                correlation_id=claim.stem,
                identity=paths.identity,
                state=state,
                since=begun.get(claim.stem) or _written(claim),
                has_worker=has_worker,
            )


def _intents(layout: MailboxLayout, prefix: str) -> Iterator[Unanswered]:
    record = records.found(layout)
    for intent in Intents(record).all() if record else ():
        if intent.id.startswith(prefix):
            yield Unanswered(
                correlation_id=intent.id,
                identity=str(intent.call.get("identity", intent.scope)),
                state=BEGUN,
                since=intent.at,
                has_worker=heartbeat_file.is_alive(layout.heartbeat),
            )


def _in_progress(beat: Mapping[str, Any]) -> dict[str, str]:
    """Return since when the requests in progress are; a worker of another version may not report them."""
    found = beat.get("in_hand")
    listed = found if isinstance(found, list) else []
    return {
        str(it["correlation_id"]): str(it["since"])
        for it in listed
        if isinstance(it, dict) and {"correlation_id", "since"} <= it.keys()
    }


def _state_of(claim: Claim) -> str:
    """Return whether the claim is a read that may wait for a change."""
    with contextlib.suppress(ValueError, RecursionError, errors.StorageFailed, OSError):
        said = json.loads(claim.read(MAX_REQUEST_BYTES))
        if isinstance(said, dict) and isinstance(said.get("args"), dict):
            return PARKED if said["args"].get("wait_s") else TAKEN
    return TAKEN


def _written(claim: Claim) -> str | None:
    with contextlib.suppress(errors.StorageFailed, OSError):
        return _timestamp(claim.written_at())
    return None


def _timestamp(seconds: float) -> str:
    return clock.as_text(datetime.fromtimestamp(seconds, UTC))
