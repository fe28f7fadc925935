"""The record of a scratch project, from outside."""

from __future__ import annotations

import shutil
from pathlib import Path

from specify_cli.storage.layout import Layout
from specify_cli.storage.record_place import record_folder
from specify_cli.storage.recorded_log import RecordedLog


def forget(root: Path) -> None:
    """The project has no record, as before its first change: what its files say counts."""
    shutil.rmtree(record_folder(Layout(root)), ignore_errors=True)


def log_in(root: Path, slug: str = "001-search", *, mission_id: str | None = None) -> RecordedLog:
    """The log of a mission whose folder is there, in a project without a repository."""
    log = RecordedLog(project=Layout(root), slug=slug, id_of=lambda _: mission_id)
    log.path.parent.mkdir(parents=True, exist_ok=True)
    (root / ".kitty" / "host").mkdir(parents=True, exist_ok=True)
    return log
