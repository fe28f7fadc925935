"""Chain and replies of a mailbox are proved against each other."""

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
    """The journal of this mailbox; nothing is created."""
    return Journal(layout)


def find_breaks(layout: MailboxLayout) -> list[str]:
    """Every break of the journal's chain, and every reply that is not what the journal says.

    A line without a reply is not a break: the reply may have been pruned, or was answered at the command line.

    Raises:
        StorageFailed: the disk refused, so nothing is proved.
        StateUnreadable: the journal's line for a reply is damaged.
    """
    journal = open_journal(layout)
    found = journal.verify()
    return [*found, *_wrong_replies(layout, journal)]


def find_notes(layout: MailboxLayout) -> list[str]:
    """What is not a break, but should be known to somebody who looks for one. Raises: StorageFailed, StateUnreadable."""
    journal = open_journal(layout)
    missing = [*_missing(layout, journal)]
    more = [f"{len(missing) - _NAMED} more replies are missing"] if len(missing) > _NAMED else []
    return [*journal.redactions(), *journal.delays(), *missing[:_NAMED], *more]


def _missing(layout: MailboxLayout, journal: Journal) -> Iterator[str]:
    """The replies that are not there, and that nobody has pruned: the host has them, and publishes them when asked again."""
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
            path = layout.places(identity).outbox / name
            expected.setdefault(shown, (path, line["at"], line["seq"]))
    absent = {it: said for it, said in expected.items() if not os.path.lexists(said[0])}
    absent = {x: it for x, it in absent.items() if _moment(it[1]) >= pruned}
    if not os.path.lexists(layout.heartbeat):
        # No worker has ever served here.
        return
    if absent:
        # A worker publishes it right after the line.
        time.sleep(_A_MOMENT_S)
    for shown, (path, _, seq) in absent.items():
        if not os.path.lexists(path):
            yield f"{shown}: is missing, the reply that journal line {seq} tells of; it comes back when it is asked for again"


def _moment(text: object) -> datetime:
    """What the text of a line says; the beginning of all time where it says nothing."""
    with suppress(TypeError, ValueError):
        moment = datetime.fromisoformat(text)  # type: ignore[arg-type]
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return datetime.min.replace(tzinfo=UTC)


def _wrong_replies(layout: MailboxLayout, journal: Journal) -> Iterator[str]:
    for _, shown, what in reply_differences.differences(layout, journal):
        yield f"{shown}: {what}; 'spec-kitty doctor --fix' moves it to the attic"
