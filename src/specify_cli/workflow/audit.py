"""The journal and the event logs proved against each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from specify_cli.storage import records
from specify_cli.storage.intents import Intents
from specify_cli.storage.journal import Journal
from specify_cli.storage.log_content import LogContent
from specify_cli.storage.mission_files import MissionFiles, all_missions
from specify_cli.storage.project import Project
from specify_cli.storage.recorded_log import RecordedLog


def find_missing_events(project: Project, journal: Journal) -> Iterator[str]:
    """A sentence for every event that the journal names and no log has, and the other way round.

    An event whose request has an intent is none of these: its line will be written.
    Raises: StateUnreadable, StorageFailed.
    """
    logged = {
        event.event_id: (slug, event.correlation_id, event.identity)
        for slug in all_missions(project)
        for event in _looked_at(MissionFiles(project, slug).log).events
        if event.correlation_id
    }
    # Looked up between the two: an intent is there from before the event until the line is.
    record = records.found(project)
    begun = {(it.scope, it.id) for it in Intents(record).all()} if record else set()
    journaled = {event_id: line["seq"] for line in journal.lines() for event_id in _named_by(line)}
    for event_id, seq in journaled.items():
        if event_id not in logged:
            yield f"journal line {seq}: its event {event_id} is in no mission's log"
    for event_id, (slug, request, identity) in logged.items():
        is_begun = (identity or "", request) in begun
        if event_id not in journaled and not is_begun:
            yield f"mission {slug}: event {event_id} of request {request} is not journaled"


def _looked_at(log: RecordedLog) -> LogContent:
    # Whatever was noted of its file: this is to prove it.
    return log.content_of(log.view())


def _named_by(line: Mapping[str, Any]) -> list[str]:
    """The events that the line names; none where it is damaged, which the journal tells of itself."""
    named = line.get("event_ids")
    return [one for one in named if isinstance(one, str)] if isinstance(named, list) else []
