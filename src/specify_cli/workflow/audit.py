"""Compare the record with the journal, the event logs and the host's commits."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from specify_cli import progress
from specify_cli.core.events import Event
from specify_cli.errors import StateUnreadable
from specify_cli.storage import journal_adoption, log_proof, record_heads, records
from specify_cli.storage.event_lines import json_object
from specify_cli.storage.event_pairs import EventPairs
from specify_cli.storage.intents import Intents
from specify_cli.storage.journal import Journal
from specify_cli.storage.log_file import FILE_NAME
from specify_cli.storage.log_view import LogView
from specify_cli.storage.mission_files import MissionFiles, all_missions
from specify_cli.storage.project import Project
from specify_cli.storage.record import Record
from specify_cli.storage.record_entries import EVENTS, REQUEST, RESTORED, TAKEN_IN
from specify_cli.storage.record_heads import RecordHead
from specify_cli.storage.record_proof import is_marked
from specify_cli.storage.recorded_log import RecordedLog
from specify_cli.vcs import commit_search
from specify_cli.vcs.file_versions import FileVersions
from specify_cli.vcs.git import GitFailed
from specify_cli.vcs.repository import Repository
from specify_cli.workflow import repositories

_ATTEMPTS: Final = 3
_PAUSE_S: Final = 0.1
"""Time for a line that was just committed to appear in the log's file."""


def find_missing_events(project: Project, journal: Journal) -> Iterator[str]:
    """Describe every event that the journal names and no log has, and every one that only a log has.

    Events of missions that are not checked out are read from the record. An event whose request has an
    intent is not reported, because its line will be written. Nor is an event of another clone's host, which
    a commit has.

    Raises:
        StateUnreadable: a log or the record is damaged.
        StorageFailed: the disk refused.
    """
    with EventPairs() as pairs:
        for slug in progress.counted(all_missions(project), "reading logs"):
            caused = (it for it in _events(MissionFiles(project, slug).log) if it.correlation_id)
            pairs.add_logged(
                (it.event_id, slug, it.correlation_id or "", it.identity or "") for it in caused
            )
        # Read between the two: an intent exists from before the event until its line is written.
        record = records.found(project)
        begun = {(it.scope, it.id) for it in Intents(record).all()} if record else set()
        for line in journal.lines():
            pairs.add_journaled((it, line["seq"]) for it in _named_by(line))
        lost = dict(pairs.lost())
        known = _ids_in_record(project, lost) if lost else frozenset()
        for event_id, seq in lost.items():
            if event_id not in known:
                yield f"journal line {seq}: its event {event_id} is not in any mission's log"
        found = (it for it in pairs.strange() if (it[3], it[2]) not in begun)
        yield from _strange_events(project, {it[0]: (it[1], it[2]) for it in found})


def _settled_view(log: RecordedLog) -> LogView:
    """Return the view of the log, after a wait for lines that were just committed."""
    view = log.view()
    for _ in range(_ATTEMPTS):
        if not view.found.missing:
            break
        time.sleep(_PAUSE_S)
        view = log.view()
    return view


def _events(log: RecordedLog) -> Iterator[Event]:
    with suppress(StateUnreadable):  # `compare_logs` and the doctor report a damaged log.
        # A check must read the file, whatever was noted about it.
        if log_proof.is_as_recorded(log):
            yield from log_proof.events(log)
        else:
            yield from log.content_of(log.view()).events


def _strange_events(
    project: Project, strange: Mapping[str, tuple[str, str | None]]
) -> Iterator[str]:
    own = _ids_in_record(project, strange, kind=EVENTS) if strange else frozenset()
    restored = _ids_taken_in_when_restored(project) if strange else frozenset()
    committed: dict[str, frozenset[str]] = {}
    for event_id, (slug, request) in strange.items():
        if event_id not in own:
            if slug not in committed:
                committed[slug] = _ids_in_commits(project, slug)
            if event_id in committed[slug] or event_id in restored:
                continue
        why = "is not journaled" if event_id in own else "is not journaled and is not in any commit"
        yield f"mission {slug}: event {event_id} of request {request} {why}"


def _ids_in_record(
    project: Project, wanted: Collection[str], *, kind: str | None = None
) -> frozenset[str]:
    record = records.found(project)
    entries = record.entries() if record else ()
    logs = (it.log for it in entries if it.log and kind in (None, it.kind))
    return frozenset(it for it in _ids_in(logs) if it in wanted)


def _ids_taken_in_when_restored(project: Project) -> frozenset[str]:
    """Return the events that a restored record imported from logs before the next request."""
    record = records.found(project)
    found: list[bytes] = []
    is_restoring = False
    for entry in record.entries() if record else ():
        is_restoring = entry.kind == RESTORED or (is_restoring and entry.kind != REQUEST)
        if is_restoring and entry.kind == TAKEN_IN:
            found.append(entry.log)
    return frozenset(_ids_in(found))


def _ids_in_commits(project: Project, slug: str) -> frozenset[str]:
    try:
        repository = Repository.find(project.root)
        if repository is None:
            return frozenset()
        path = MissionFiles(project, slug).log.path
        return frozenset(_ids_in(FileVersions(repository=repository, path=path).committed()))
    except GitFailed:  # The doctor reports faults of the repository.
        return frozenset()


def _ids_in(logs: Iterable[bytes]) -> Iterator[str]:
    events = (json_object(line) for log in logs for line in log.split(b"\n") if line)
    return (str(it["event_id"]) for it in events if it and it.get("event_id"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Discrepancy:
    """What disagrees with the record; `is_break` unless it has a harmless explanation."""

    what: str
    is_break: bool = True


_CHANGED = "is not what the host wrote"
_RESTORED = (
    "says that text of it was redacted, but the host's record has that text and may have been restored from a backup; run"
    " 'spec-kitty doctor --fix', which redacts it again"
)


def compare_logs(project: Project) -> Iterator[Discrepancy]:
    """Report every line of a mission's log that is missing or not as the host wrote it.

    Raises:
        StateUnreadable: the record is damaged.
        StorageFailed: the disk refused.
    """
    for slug in all_missions(project):
        log = MissionFiles(project, slug).log
        name = os.path.relpath(log.path, project.root)
        try:
            if log_proof.is_as_recorded(log):
                continue
            view = _settled_view(log)
            if view.kept.lines:
                yield from _compare_log(log, view, name)
        except StateUnreadable as fault:
            yield Discrepancy(what=fault.message)


def _compare_log(log: RecordedLog, view: LogView, name: str) -> Iterator[Discrepancy]:
    found, lines = view.found, view.raw.split(b"\n")
    numbered = [
        (it, _RESTORED if is_marked(lines[it - 1], of=view.kept.lines[index]) else _CHANGED)
        for it, index in found.changed
    ]
    numbered += [(number, "has text that was redacted") for number, _ in found.unredacted]
    numbered += [(it, "is repeated or out of order") for it in found.misplaced]
    numbered += [(it, "is not a JSON object") for it in found.damaged]
    for number, what in sorted(numbered):
        yield Discrepancy(what=f"{name} line {number}: {what}")
    hindrance = log.hindrance() if found.missing else ""
    if found.missing and found.missing[0] < found.held and not hindrance:
        count = len(found.missing)
        what = "a line of the host is" if count == 1 else f"{count} lines of the host are"
        yield Discrepancy(
            what=f"{name} line {found.missing[0] + 1}: {what} missing here or further down"
        )
    elif found.missing:
        # For example on a branch that was checked out.
        yield Discrepancy(what=f"{name} {log.lack(view)}", is_break=False)


def compare_heads(project: Project) -> Iterator[Discrepancy]:
    """Report every commit of the host whose head of the record differs from the record.

    The commits are those of the missions' target branches and of the branch that is checked out.

    Raises:
        StateUnreadable: the record is damaged.
        StorageFailed: the disk or git refused.
    """
    record = records.found(project)
    if record is None:
        return
    restored = journal_adoption.restored_after(record)
    for commit, head, is_sealed in heads_in_commits(project, record):
        if head.record_id == record.id and not is_sealed:
            what = f"commit {commit[:12]}: its line '{record_heads.TRAILER}' is not from this host"
            yield Discrepancy(what=f"{what}; it cannot be checked", is_break=False)
        elif what := record_heads.difference(record, head):
            is_later = restored is not None and head.position > restored
            is_break = head.record_id == record.id and not is_later
            if is_later:
                what += f"; it was restored from a backup, behind entry {restored}"
            yield Discrepancy(what=f"commit {commit[:12]}: {what}", is_break=is_break)


def heads_in_commits(
    project: Project,
    record: Record,
    *,
    tips: Iterable[str | None] = (),
    known: Iterable[str | None] = (),
) -> Iterator[tuple[str, RecordHead, bool]]:
    """Yield each commit with a head, the head, and whether this record has sealed it, newest first.

    Args:
        project: The project.
        record: Its record.
        tips: The commits from which to search. Default: the target branches and HEAD.
        known: Commits to exclude, with their ancestors.

    Raises:
        StateUnreadable: the record is damaged.
        StorageFailed: the disk or git refused.
    """
    with repositories.looking(project) as repository:
        if repository is None:
            return
        slugs = [*all_missions(project)]
        commits = [*dict.fromkeys(filter(None, tips))]
        if not commits and repository.has_commits():
            targets = {it for slug in slugs for it in _target_of(MissionFiles(project, slug))}
            found_tips = [*map(repository.branch_tip, sorted(targets)), repository.head()]
            commits = [*dict.fromkeys(filter(None, found_tips))]
        if not commits:
            return
        folders = dict.fromkeys([*slugs, *(it.folder for it in record.known())])
        logs = [os.path.relpath(project.mission(it) / FILE_NAME, repository.root) for it in folders]
        begins, git = f"{record_heads.TRAILER}: ", repository.git
        excluded = [f"^{it}" for it in known if it]
        try:
            found = commit_search.commits_with_message_line(
                git, [*commits, *excluded], begins=begins, files=logs
            )
        except GitFailed:
            # One of the known commits does not exist any more.
            found = commit_search.commits_with_message_line(git, commits, begins=begins, files=logs)
    key = record.seal_key
    for commit, message in found:
        for head, is_sealed in record_heads.in_message(message, key):
            yield commit, head, is_sealed


def _target_of(files: MissionFiles) -> Iterator[str]:
    with suppress(StateUnreadable):  # The doctor reports the damaged file.
        yield files.identity().own_target


def _named_by(line: Mapping[str, Any]) -> list[str]:
    """Return the events that the journal's line names; none if it is damaged, which `Journal.verify` reports."""
    named = line.get("event_ids")
    return [one for one in named if isinstance(one, str)] if isinstance(named, list) else []
