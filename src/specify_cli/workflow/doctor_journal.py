"""Faults of the record, of the published journal and of replies."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

from specify_cli.errors import RecordBehind, StateUnreadable, StorageFailed
from specify_cli.storage import record_contents, records, reply_differences
from specify_cli.storage.journal import Journal
from specify_cli.storage.project import Project
from specify_cli.workflow import audit, lost_heads, restored_redactions
from specify_cli.workflow.audit import find_missing_events
from specify_cli.workflow.doctor_findings import Finding, Severity, error, fixable, warning


def examine_journal(project: Project) -> Iterator[Finding]:
    """What is wrong with the record; where nothing is, how the journal, logs, commits and replies stand to it.

    Raises: StorageFailed.
    """
    journal = Journal(project)
    try:
        damaged = [*_examine_contents(project)]
        yield from damaged
        faults = [] if damaged else journal.faults()
        for complaint in faults:
            what, _, repair = complaint.rpartition("): ")
            repair = repair or "put a backup in its place"
            yield error("record", project.record, what or complaint, repair=repair)
        if not faults and not damaged:
            yield from _examine_published(project, journal)
    except RecordBehind as fault:
        yield _restored(project, fault)
    except StorageFailed as fault:
        repair = "move away what is there, or free or repair the disk"
        yield error("journal", project.journal, fault.message, repair=repair)


def _examine_contents(project: Project) -> Iterator[Finding]:
    """Answers to reads that are damaged in the record: what is published may still have them."""
    with suppress(StateUnreadable):  # A damaged record is a finding of its own.
        record = records.found(project)
        wanted = record_contents.damaged(record) if record else []
        found = record_contents.found_again(project, record, wanted) if record and wanted else {}
        for damage in wanted:
            if damage.number in found:
                yield fixable("answer", project.record, str(damage), severity=Severity.ERROR)
            else:
                what = f"{damage}, and neither journal nor reply has its bytes: it is lost"
                repair = "put a backup of the record in its place; all that was changed is sound"
                yield error("answer", project.record, what, repair=repair)


def _examine_published(project: Project, journal: Journal) -> Iterator[Finding]:
    journal.require_current()
    lost_heads.prove_current(project)
    is_sound = True
    has_record = records.found(project) is not None
    for complaint in journal.differences():
        is_sound = False
        place = re.match(r"(\S+) line (\d+): ", complaint)
        file = project.journal.with_name(place[1]) if place else project.journal
        line = int(place[2]) if place else None
        what = complaint[place.end() :] if place else complaint
        if has_record:
            yield fixable("journal", file, what, severity=Severity.ERROR, line=line)
        else:
            yield error("journal", file, what, repair="restore it from a backup", line=line)
    if is_sound:
        yield from _examine_effects(project, journal)
        yield from _examine_heads(project)
        yield from _examine_replies(project, journal)
        yield from _examine_redactions(project)


def _restored(project: Project, fault: RecordBehind) -> Finding:
    """What is told once of a record that is older than it was: all else that differs comes of that."""
    what, _, repair = fault.message.partition(", perhaps. ")
    found = fixable("restored", project.record, f"{what}, perhaps", severity=Severity.ERROR)
    return replace(found, repair=repair)


def _examine_replies(project: Project, journal: Journal) -> Iterator[Finding]:
    """Replies that the record does not know, or knows otherwise."""
    for path, _, what in reply_differences.differences(project, journal):
        yield fixable("reply", path, what)


def _examine_redactions(project: Project) -> Iterator[Finding]:
    """Redactions that the record lacks, because a backup from before them was put in its place."""
    for about in restored_redactions.lacking(project):
        what = f"the journal says that {about} was redacted, and the record is from a backup that has its text"
        repair = f"run '{shlex.join(['spec-kitty', 'redact', about])}' and give it that text"
        yield error("redaction", project.record, what, repair=repair)


def _examine_heads(project: Project) -> Iterator[Finding]:
    """Commits of the host that know of entries which the record does not have, or has otherwise."""
    breaks: list[str] = []
    with suppress(StorageFailed):  # What is wrong with the repository is a finding already.
        breaks = [it.what for it in audit.compare_heads(project) if it.is_break]
    repair = "put the newest backup of the record in its place; see 'spec-kitty mailbox verify'"
    for what in breaks[:1]:
        yield error("record", project.record, what, repair=repair)


def _examine_effects(project: Project, journal: Journal) -> Iterator[Finding]:
    try:
        missing = list(find_missing_events(project, journal))
    except StateUnreadable:  # A damaged log is a finding already.
        return
    for complaint in missing:
        repair = "restore the log from git, or ask again under the same correlation id"
        yield warning("journal-and-logs", project.journal, complaint, repair=repair)
