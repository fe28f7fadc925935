"""Helpers of the tests of remembered logs."""

from __future__ import annotations

from pathlib import Path

from specify_cli.storage import records
from specify_cli.storage.recorded_log import RecordedLog

SETTLED_S = 0.03
"""Longer than one tick of the clock of a file system: a file of this age is not read again."""


def plain(log: RecordedLog) -> RecordedLog:
    """The same log without a cache."""
    return RecordedLog(project=log.project, slug=log.slug, id_of=log.id_of)


def to_a_link(path: Path) -> None:
    path.parent.rename(path.parent.with_name("moved"))
    path.parent.symlink_to("moved")


def forget_all(log: RecordedLog) -> None:
    """Empty the cache of logs, as in a new process."""
    if (record := records.found(log.project)) is not None:
        record.memory.clear()
