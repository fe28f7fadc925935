"""Lines of the published journal that a release wrote which has no record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import Final

from specify_cli import clock
from specify_cli.storage import published_line
from specify_cli.storage.record import Record
from specify_cli.storage.record_entries import ADOPTED, Asked, Draft

_AT_ONCE: Final = 500


def take_over(record: Record, lines: Iterable[bytes]) -> None:
    """Each line that follows the record's newest is in the record, byte for byte; what is damaged is passed over.

    Who is killed meanwhile has taken over a part, and goes on from there.

    Raises:
        StorageFailed: the disk refused.
        StateUnreadable: the record is damaged.
    """
    drafts = _drafts(lines, after=record.last_published()[0])
    while some := [*islice(drafts, _AT_ONCE)]:
        record.commit(some)


def _drafts(lines: Iterable[bytes], *, after: int) -> Iterator[Draft]:
    for line in lines:
        with suppress(ValueError, RecursionError):
            entry = published_line.parse(line)
            if entry["seq"] > after:
                after = entry["seq"]
                yield Draft(
                    at=str(entry.get("at") or clock.timestamp()),
                    kind=ADOPTED,
                    published=partial(_as_it_is, line),
                    seq=after,
                    asked=Asked(
                        id=entry["correlation_id"],
                        scope=published_line.scope_of(entry),
                        digest=str(entry.get("digest") or ""),
                    ),
                )


def _as_it_is(line: bytes, seq: int, prev: str) -> bytes:
    return line
