"""Verify the journal's chain, and the replies against the journal."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from specify_cli import ids
from specify_cli.errors import CorrelationIdConflict
from specify_cli.mailbox.layout import DEFAULT, MailboxLayout
from specify_cli.protocol import SUFFIX
from specify_cli.storage import reply_differences
from specify_cli.storage.journal import Journal

_PRUNE = "spec-kitty.prune-replies"
_AGE = "older_than_s"
_NAMED = 20
_A_MOMENT_S = 1.0

MAX_REPLY_BYTES = 64 * 1024 * 1024


def open_journal(layout: MailboxLayout) -> Journal:
    """Return the journal of this mailbox; create nothing."""
    return Journal(layout)


def find_breaks(layout: MailboxLayout) -> list[str]:
    """Describe every break of the journal's chain, and every reply that differs from the journal.

    A missing reply is not a break: it may have been pruned, or the request came from the command line.

    Raises:
        StorageFailed: the disk failed, so nothing is verified.
        StateUnreadable: the journal's line for a reply is damaged.
    """
    journal = open_journal(layout)
    found = list(journal.verify())
    for _, shown, what in reply_differences.differences(layout, journal):
        found.append(f"{shown}: {what}; 'spec-kitty doctor --fix' moves it to the attic")
    return found


def find_notes(layout: MailboxLayout) -> list[str]:
    """Describe what is not a break, but helps to judge one.

    Raises:
        StorageFailed: the disk failed.
        StateUnreadable: a line of the journal is damaged.
    """
    journal = open_journal(layout)
    missing = [*_missing(layout, journal)]
    more = [f"{len(missing) - _NAMED} more replies are missing"] if len(missing) > _NAMED else []
    return [*journal.redactions(), *journal.delays(), *missing[:_NAMED], *more]


def _missing(layout: MailboxLayout, journal: Journal) -> Iterator[str]:
    """Yield the missing replies that were not pruned. The host publishes them again on request."""
    expected: dict[str, tuple[Path, str, int]] = {}
    pruned = datetime.min.replace(tzinfo=UTC)
    for line in journal.lines():
        if line["command"] == _PRUNE and line["envelope"]["success"] and _AGE in line["args"]:
            age = timedelta(seconds=line["args"][_AGE])
            pruned = max(pruned, _moment(line["envelope"]["timestamp"]) - age)
        is_conflict = line["envelope"]["error_code"] == CorrelationIdConflict.code
        if line["door"] == ids.MAILBOX and not line["dead_letter"] and not is_conflict:
            name = line["correlation_id"] + SUFFIX
            identity = line["identity"]
            shown = name if identity == DEFAULT else f"{identity}/{name}"
            path = layout.paths(identity).outbox / name
            expected.setdefault(shown, (path, line["at"], line["seq"]))
    absent = {
        shown: (path, at, seq)
        for shown, (path, at, seq) in expected.items()
        if not os.path.lexists(path) and _moment(at) >= pruned
    }
    if not os.path.lexists(layout.heartbeat):
        # No worker ever served this mailbox.
        return
    if absent:
        # A worker publishes the reply a moment after the line.
        time.sleep(_A_MOMENT_S)
    for shown, (path, _, seq) in absent.items():
        if not os.path.lexists(path):
            yield f"{shown}: is missing, although journal line {seq} records it; repeat the request to have it published again"


def _moment(text: object) -> datetime:
    """Parse a timestamp; return the earliest moment if it is not one."""
    with suppress(TypeError, ValueError):
        moment = datetime.fromisoformat(text)  # type: ignore[arg-type]
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return datetime.min.replace(tzinfo=UTC)
