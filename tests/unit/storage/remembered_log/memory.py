"""What the tests of remembered log share."""

from __future__ import annotations

from pathlib import Path

from specify_cli.storage import records
from specify_cli.storage.recorded_log import RecordedLog

SETTLED_S = 0.03
"""Longer than the clock of a file system needs for a tick, and than what is called settled."""


def plain(log: RecordedLog) -> RecordedLog:
    """The same log for who remembers nothing."""
    return RecordedLog(project=log.project, slug=log.slug, id_of=log.id_of)


def to_a_link(path: Path) -> None:
    path.parent.rename(path.parent.with_name("moved"))
    path.parent.symlink_to("moved")


def forget_all(log: RecordedLog) -> None:
    """The process remembers nothing of logs, as one that begins."""
    if (record := records.found(log.project)) is not None:
        record.memory.clear()
