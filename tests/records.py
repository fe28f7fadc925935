"""The record of a scratch project, from outside."""

from __future__ import annotations

from pathlib import Path

from specify_cli.core.events import Annotated, Transitioned
from specify_cli.core.lanes import Lane
from specify_cli.storage.layout import Layout
from specify_cli.storage.record_database import DATABASE
from specify_cli.storage.record_folder import make_record_folder
from specify_cli.storage.recorded_log import RecordedLog
from specify_cli.storage.remembered_log import RememberedLog

CLAIM = Transitioned(
    event_id="E1",
    at="2026-01-01T00:00:00+00:00",
    actor="coder",
    wp_id="WP01",
    from_lane=Lane.PLANNED,
    to_lane=Lane.CLAIMED,
    correlation_id="one",
)
BEGIN = CLAIM._replace(event_id="E2", from_lane=Lane.CLAIMED, to_lane=Lane.IN_PROGRESS)
NOTE = Annotated(event_id="E3", at=CLAIM.at, actor="coder", wp_id="WP01", delta={"note": "n"})


def forget(root: Path) -> None:
    """Remove the project's record, as before its first change: its files count."""
    for file in Layout(root).record.glob(f"{DATABASE}*"):
        file.unlink()


def forget_journal(root: Path) -> None:
    """Remove the project's journal: without a record, every request would import all of it."""
    for file in Layout(root).outbox.glob("journal*"):
        file.unlink()


def log_in(
    root: Path,
    slug: str = "001-search",
    *,
    mission_id: str | None = None,
    kind: type[RecordedLog] = RememberedLog,
) -> RecordedLog:
    """The log of a mission whose folder is there, in a project without a repository."""
    log = kind(project=Layout(root), slug=slug, id_of=lambda _: mission_id)
    log.path.parent.mkdir(parents=True, exist_ok=True)
    log.project.kitty.mkdir(exist_ok=True)
    make_record_folder(log.project)
    return log
