"""The journal, the event logs and the commits of the host proved against each other."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from specify_cli.core.events import Event
from specify_cli.errors import StateUnreadable
from specify_cli.storage import event_lines, journal_adoption, record_heads, records
from specify_cli.storage.intents import Intents
from specify_cli.storage.journal import Journal
from specify_cli.storage.log_file import FILE_NAME
from specify_cli.storage.mission_files import MissionFiles, all_missions
from specify_cli.storage.project import Project
from specify_cli.storage.recorded_log import RecordedLog
from specify_cli.vcs import messages
from specify_cli.workflow import repositories


def find_missing_events(project: Project, journal: Journal) -> Iterator[str]:
    """A sentence for every event that the journal names and no log has, and the other way round.

    An event whose request has an intent is none of these: its line will be written.
    Raises: StateUnreadable, StorageFailed.
    """
    logs = {slug: MissionFiles(project, slug).log for slug in all_missions(project)}
    logged = {
        event.event_id: (slug, event)
        for slug, log in logs.items()
        for event in _events(log)
        if event.correlation_id
    }
    # Looked up between the two: an intent is there from before the event until the line is.
    record = records.found(project)
    begun = {(it.scope, it.id) for it in Intents(record).all()} if record else set()
    journaled = {event_id: line for line in journal.lines() for event_id in _named_by(line)}
    withdrawn = set().union(*(log.view().kept.withdrawn_events() for log in logs.values()))
    for event_id, line in journaled.items():
        if event_id not in logged and event_id not in withdrawn:
            yield f"journal line {line['seq']}: its event {event_id} is in no mission's log"
    for event_id, (slug, event) in logged.items():
        is_begun = (event.identity or "", event.correlation_id) in begun
        if event_id not in journaled and not is_begun:
            request = event.correlation_id
            yield f"mission {slug}: event {event_id} of request {request} is not journaled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How something stands to the record, in words; no `is_break` where that proves nothing."""

    what: str
    is_break: bool = True


def compare_logs(project: Project) -> Iterator[Difference]:
    """Every line of a mission's log that is not as the host has written it, or not there. Raises: StateUnreadable, StorageFailed."""
    for slug in all_missions(project):
        log = MissionFiles(project, slug).log
        view, name = log.view(), os.path.relpath(log.path, project.root)
        found = view.found
        others = (
            (found.changed, "is not what the host wrote"),
            (found.unredacted, "has text that was redacted"),
            (((it, 0) for it in found.misplaced), "is there twice, or in another order"),
            (((it, 0) for it in found.damaged), "is not a JSON object"),
        )
        for lines, what in others:
            yield from (Difference(what=f"{name} line {number} {what}") for number, _ in lines)
        if found.missing and found.missing[0] < found.held:
            count = len(found.missing)
            what = "a line of the host is" if count == 1 else f"{count} lines of the host are"
            yield Difference(
                what=f"{name} line {found.missing[0] + 1}: {what} missing here, or behind it"
            )
        elif found.missing:
            # As on a branch that was checked out.
            yield Difference(what=f"{name} {log.lack(view)}", is_break=False)


def compare_heads(project: Project) -> Iterator[Difference]:
    """Every commit of the host that says of the record what the record does not.

    Those of the branches that missions are merged into, and of the one that is checked out. Raises: StateUnreadable,
    StorageFailed.
    """
    record = records.found(project)
    with repositories.looking(project) as repository:
        if record is None or repository is None or not repository.has_commits():
            return
        slugs = [*all_missions(project)]
        targets = {MissionFiles(project, it).identity().own_target for it in slugs}
        tips = [*map(repository.branch_tip, sorted(targets)), repository.head()]
        commits = [tip for tip in dict.fromkeys(tips) if tip]
        known = dict.fromkeys([*slugs, *(folder for folder, _ in record.folders())])
        logs = (os.path.relpath(project.mission(it) / FILE_NAME, repository.root) for it in known)
        begins = f"{record_heads.TRAILER}: "
        found = messages.with_line(repository.git, commits, begins=begins, files=[*logs])
        restored = journal_adoption.restored_after(record)
        for commit, message in found:
            head = record_heads.RecordHead.in_message(message)
            what = record_heads.difference(record, head) if head else ""
            if head and what:
                is_later = restored is not None and head.position > restored
                is_break = head.record_id == record.id and not is_later
                if is_later:
                    what += f"; it was restored from a backup, behind entry {restored}"
                yield Difference(what=f"commit {commit[:12]}: {what}", is_break=is_break)


def _events(log: RecordedLog) -> Sequence[Event]:
    try:
        return log.read().events
    except StateUnreadable:
        # Which line it is, is told by itself.
        return event_lines.parse_lines(enumerate(log.view().kept.lines, start=1), log.path).events


def _named_by(line: Mapping[str, Any]) -> list[str]:
    """The events that the line names; none where it is damaged, which the journal tells of itself."""
    named = line.get("event_ids")
    return [one for one in named if isinstance(one, str)] if isinstance(named, list) else []
