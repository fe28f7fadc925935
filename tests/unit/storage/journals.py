"""Helpers of the tests of journals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from specify_cli.mailbox.layout import MailboxLayout
from specify_cli.storage.journal import Journal


def journal_of(root: Path, **options: Any) -> Journal:
    """The journal of the project at `root`, as another process would open it."""
    layout = MailboxLayout(root)
    layout.ensure()
    return Journal(layout, **options)


def line(correlation_id: str, **more: Any) -> dict[str, Any]:
    """A line as the command line appends it."""
    digest = f"of {correlation_id}"
    return {"correlation_id": correlation_id, "at": "now", "digest": digest, **more}


def by(identity: str, correlation_id: str, **more: Any) -> dict[str, Any]:
    """A line as a worker appends it for this orchestrator."""
    return line(correlation_id, door="mailbox", identity=identity, **more)


def published(root: Path) -> list[bytes]:
    """The lines of the newest part."""
    return MailboxLayout(root).journal.read_bytes().splitlines(keepends=True)
