"""What the commits of the host say of its record: its head when they were decided."""

from __future__ import annotations

from specify_cli.storage import record_heads, records
from specify_cli.storage.layout import Layout


def with_head(subject: str, project: Layout) -> str:
    """The message of a commit that is decided now.

    Raises: StateUnreadable, StorageFailed.
    """
    record = records.found(project)
    head = record_heads.newest(record) if record else None
    return f"{subject}\n\n{record_heads.trailer(record, head)}" if record and head else subject
