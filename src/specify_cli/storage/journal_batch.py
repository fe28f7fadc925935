"""Append several requests to the journal in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from specify_cli import clock
from specify_cli.storage import published_line
from specify_cli.storage.journal_parts import Line
from specify_cli.storage.record import Record
from specify_cli.storage.record_entries import REQUEST, Asked, Draft

if TYPE_CHECKING:
    from specify_cli.storage.intents import Rows


class JournalBatch:
    """The lines of one batch, appended under the lock of the journal."""

    def __init__(self, record: Record, publish: Callable[[Sequence[Line]], None] | None) -> None:
        self._record = record
        self._publish = publish

    def used(self, asked_ids: Collection[str], scope: str) -> set[str]:
        """Return those of the ids that requests in that scope have used.

        Raises:
            StateUnreadable, StorageFailed: as `Journal.find`.
        """
        return self._record.used(asked_ids, scope)

    def append(self, decided: Sequence[tuple[Mapping[str, Any], Sequence[Draft]]]) -> None:
        """Commit all lines and the drafts decided with them, or nothing.

        Raises:
            AlreadyAsked: one of the ids was used meanwhile; nothing was committed.
            StorageFailed: the disk fails, or another process changed a mission meanwhile; nothing
                was committed, or the outcome is unknown.
            StateUnreadable: the record is damaged.
        """
        drafts = [
            draft for line, own in decided for draft in (*own, draft_of(line, is_new=True)[1])
        ]
        entries = self._record.commit(drafts, are_shown=self._publish is not None)
        if self._publish is not None:
            self._publish([(it.seq or 0, it.published) for it in entries if it.published])


def draft_of(
    line: Mapping[str, Any], *, is_new: bool, also: Rows | None = None
) -> tuple[Asked, Draft]:
    """Return the request of a line and the draft that publishes it."""
    asked = Asked(
        is_new=is_new,
        id=line["correlation_id"],
        scope=published_line.scope_of(line),
        digest=line.get("digest") or "",
    )
    public = published_line.without_private(line)
    return asked, Draft(
        at=line.get("at") or clock.timestamp(),
        kind=REQUEST,
        published=lambda seq, prev: published_line.encode(public, seq=seq, prev=prev),
        content=published_line.shared_part(public),
        answer=None if public is line else published_line.shared_part(line),
        asked=asked,
        also=also,
    )
