"""Count what each orchestrator has added to the record."""

from __future__ import annotations

from collections import Counter
from typing import Final

from specify_cli import ids
from specify_cli.patterns import pattern
from specify_cli.storage.record import Record

_A_STEP: Final = 2_000
_HEAD_BYTES: Final = 600
"""The start of a line that contains the caller, after an id of up to 128 characters."""

_WHO: Final = pattern(rb'"door":"([^"]*)","identity":"([^"]*)"')
_QUERY: Final = (
    f"SELECT CAST(substr(published, 1, {_HEAD_BYTES}) AS BLOB), length(published) FROM entry"  # noqa: S608
    " WHERE position > ? AND position <= ? AND seq IS NOT NULL AND at >= ?"
)


def added_since(record: Record, since: str) -> tuple[Counter[str], Counter[str]]:
    """Return the number of requests from each orchestrator's mailbox since then, and the bytes of
    their lines.

    Content that answers of reads share is not counted.

    Raises:
        StateUnreadable: the record is damaged or has a newer format.
        StorageFailed: the disk fails.
    """
    requests, sizes = Counter[str](), Counter[str]()
    last = record.last()
    end = last.position if last else 0
    while end > 0:
        with record.reading() as connection:
            found = connection.execute(_QUERY, (end - _A_STEP, end, since)).fetchall()
        for head, length in found:
            who = _WHO.search(head)
            if who and who[1] == ids.MAILBOX.encode():
                identity = who[2].decode()
                requests[identity] += 1
                sizes[identity] += length
        end -= _A_STEP
        if not found:
            entry = record.entry_at(end + _A_STEP)
            if entry is None or entry.at < since:
                break
    return requests, sizes
