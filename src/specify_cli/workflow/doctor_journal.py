"""Faults of the record, of the published journal and of replies."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from specify_cli.errors import RecordBehind, StateUnreadable, StorageFailed
from specify_cli.storage import record_contents, records, reply_differences
from specify_cli.storage.journal import Journal
from specify_cli.storage.journal_files import PACKED
from specify_cli.storage.layout import ARCHIVE
from specify_cli.storage.project import Project
from specify_cli.storage.record_database import DATABASE
from specify_cli.workflow import audit, lost_heads, restored_redactions
from specify_cli.workflow.audit import find_missing_events
from specify_cli.workflow.doctor_findings import Finding, Severity, error, fixable, warning

_RESTORE: Final = "stop the worker, then restore the newest backup ('spec-kitty restore --help')"


def examine_journal(project: Project) -> Iterator[Finding]:
    """Report faults of the record; if it has none, compare the journal, logs, commits and replies with it.

    Raises:
        StorageFailed: the disk refused.
    """
    journal = Journal(project)
    try:
        damaged = [*_examine_contents(project)]
        yield from damaged
        faults = [] if damaged else journal.faults()
        for complaint in faults:
            what, between, repair = complaint.rpartition("): ")
            if not between:
                what, repair = complaint, _RESTORE
            file = project.record / DATABASE
            yield error("record", file, what.removeprefix(f"{file}: "), repair=repair)
        if not faults and not damaged:
            yield from _examine_published(project, journal)
    except RecordBehind as fault:
        # The one finding about a record that is older than before: it explains all other differences.
        what, _, repair = fault.message.rpartition(". ")
        found = fixable("restored", project.record, what, severity=Severity.ERROR)
        yield replace(found, repair=repair[:1].lower() + repair[1:])
    except StorageFailed as fault:
        repair = "move away what is in its place, or free space on the disk or repair it"
        yield error("journal", project.journal, fault.message, repair=repair)


def _examine_contents(project: Project) -> Iterator[Finding]:
    """Report damaged answers to reads; the published journal or a reply may still have their bytes."""
    with suppress(StateUnreadable):  # `Journal.faults` reports a damaged record.
        record = records.found(project)
        wanted = record_contents.damaged(record) if record else []
        found = record_contents.found_again(project, record, wanted) if record and wanted else {}
        for damage in wanted:
            if damage.number in found:
                yield fixable("answer", project.record, str(damage), severity=Severity.ERROR)
            else:
                what = f"{damage}, and neither the journal nor a reply has its bytes: it is lost"
                repair = (
                    "restore a backup of the record, or ignore this: the answer changed nothing"
                )
                yield error("answer", project.record, what, repair=repair)


def _examine_published(project: Project, journal: Journal) -> Iterator[Finding]:
    journal.require_current()
    lost_heads.prove_current(project)
    is_sound = True
    has_record = records.found(project) is not None
    archived: set[Path] = set()
    for complaint in journal.differences():
        is_sound = False
        file, line, what = _located(project, complaint)
        is_archived = file.suffix == PACKED
        if is_archived and file in archived:
            continue
        archived |= {file} if is_archived else set()
        if has_record and is_archived:
            yield fixable("archive", file, what, severity=Severity.ERROR, line=line)
        elif has_record:
            yield fixable("journal", file, what, severity=Severity.ERROR, line=line)
        else:
            yield error("journal", file, what, repair="restore it from a backup", line=line)
    if is_sound:
        yield from _examine_effects(project, journal)
        yield from _examine_heads(project)
        for path, _, what in reply_differences.differences(project, journal):
            yield fixable("reply", path, what)
        yield from _examine_redactions(project)


def _located(project: Project, complaint: str) -> tuple[Path, int | None, str]:
    """Return the file that the complaint is about, the line, and what is wrong there."""
    position = re.match(r"(\S+\.jsonl(?:\.gz)?) (?:line (\d+): )?", complaint)
    if position is None:
        return project.journal, None, complaint
    folder = project.kitty / ARCHIVE if position[1].endswith(PACKED) else project.outbox
    line = int(position[2]) if position[2] else None
    return folder / position[1], line, complaint[position.end() :]


def _examine_redactions(project: Project) -> Iterator[Finding]:
    """Report redactions that the record lacks because it is a backup from before them."""
    for about in restored_redactions.lacking(project):
        what = f"the journal says that {about} was redacted, but the record is from a backup that has the text"
        repair = f"run '{shlex.join(['spec-kitty', 'redact', about])}' and enter that text"
        yield error("redaction", project.record, what, repair=repair)


def _examine_heads(project: Project) -> Iterator[Finding]:
    """Report commits of the host that name entries which the record lacks, or has with another content."""
    breaks: list[str] = []
    with suppress(StorageFailed):  # Faults of the repository are reported already.
        breaks = [it.what for it in audit.compare_heads(project) if it.is_break]
    repair = "restore the newest backup of the record; see 'spec-kitty mailbox verify'"
    for what in breaks[:1]:
        yield error("record", project.record, what, repair=repair)


def _examine_effects(project: Project, journal: Journal) -> Iterator[Finding]:
    try:
        missing = list(find_missing_events(project, journal))
    except StateUnreadable:  # A damaged log is reported already.
        return
    for complaint in missing:
        repair = "restore the log from git, or send the request again with the same correlation id"
        yield warning("journal-and-logs", project.journal, complaint, repair=repair)
