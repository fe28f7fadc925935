"""The trailer in commits of the host that names the head of its record."""

from __future__ import annotations

from specify_cli.storage import record_heads, records
from specify_cli.storage.layout import Layout


def with_head(subject: str, project: Layout) -> str:
    """Return the message of a commit, with the current head of the record as its trailer.

    Raises:
        StateUnreadable, StorageFailed: the state of the project cannot be read or written.
    """
    record = records.found(project)
    head = record_heads.newest(record) if record else None
    return f"{subject}\n\n{record_heads.trailer(record, head)}" if record and head else subject
