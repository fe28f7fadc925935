"""Repeat redactions in a record that was restored from an older backup.

Logs and published lines that were redacted since then have marks. Only the record has their salt, so a mark
that fits its text was made by this host. A read has no salt: its mark is accepted only after a person has
imported the newest lines.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

from specify_cli import clock
from specify_cli.errors import SpecKittyError
from specify_cli.files import locks
from specify_cli.storage import journal_adoption, published_line, records
from specify_cli.storage.event_lines import json_object
from specify_cli.storage.journal_files import JournalFiles
from specify_cli.storage.journal_pruned import lines_beside
from specify_cli.storage.mission_files import MissionFiles, all_missions
from specify_cli.storage.project import Project
from specify_cli.storage.record import Record
from specify_cli.storage.record_entries import Entry
from specify_cli.storage.record_lines import lines_of
from specify_cli.storage.record_proof import ORIGINAL, has_mark, is_marked
from specify_cli.storage.record_redaction import Redaction
from specify_cli.workflow import redaction_files, redaction_plan
from specify_cli.workflow.redaction_plan import RedactionPlan

REASON = "it was redacted before, and the record was restored from a backup that still has it"
_COMMAND = '"command":"spec-kitty.redact"'
_ORIGINAL = f'"{ORIGINAL}":"sha256:'.encode()


def redo(project: Project, *, actor: str) -> None:
    """Redact in the record what logs and published lines have marked as redacted.

    Raises:
        StorageFailed, StateUnreadable: the state of the project cannot be read or written.
    """
    record = records.made(project)
    with ExitStack() as stack:
        stack.enter_context(locks.held(project.lock("redaction")))
        missions = [MissionFiles(project, it) for it in sorted(all_missions(project))]
        marked = [it for it in missions if _changed(it)]
        for files in marked:
            stack.enter_context(locks.held(files.lock))
        found = RedactionPlan()
        for files in marked:
            _find_in_log(found, record, files)
        _find_in_journal(found, project, record)
        about = ", ".join(sorted(found.requests)) or "reads"
        redaction = Redaction(
            at=clock.timestamp(), actor=actor, reason=REASON, about=about, entries={}
        )
        if drafts := [*redaction_plan.drafts(record, found, redaction)]:
            record.commit(drafts)
            redaction_files.complete(project, record, locked={it.slug for it in marked})


def lacking(project: Project) -> Iterator[str]:
    """Yield the ids of redactions that the journal has and the record lacks.

    Raises:
        StorageFailed, StateUnreadable: the state of the project cannot be read or written.
    """
    record = records.found(project)
    counts: dict[str, tuple[int, int]] = {}
    for entry in record.entries_with(_COMMAND) if record else ():
        fields = json_object(entry.published or b"") or {}
        envelope = fields.get("envelope")
        data = envelope.get("data") if isinstance(envelope, dict) else None
        # An imported line can have any content.
        if isinstance(data, dict) and fields.get("command") == "spec-kitty.redact":
            about, *numbers = (data.get(it) for it in ("about", "log_lines", "published_lines"))
            logs, lines = (it if isinstance(it, int) else 0 for it in numbers)
            if isinstance(about, str) and about:
                known = counts.get(about, (0, 0))
                counts[about] = max(logs, known[0]), max(lines, known[1])
    for about, (logs, lines) in counts.items():
        here = _marked(record, about) if record else (0, 0)
        if logs > here[0] or lines > here[1]:
            yield about


def _marked(record: Record, about: str) -> tuple[int, int]:
    """Return how many log lines and published lines of the event or request have marks."""
    entries = [*redaction_plan.entries_about(record, about)]
    logs = sum(has_mark(line) for it in entries for line in lines_of(it.log))
    published = [it.published for it in entries if it.published and not it.is_read]
    reads = {seq: line for seq, line in record.redacted_lines().items() if about.encode() in line}
    return logs, len(reads) + sum(_ORIGINAL in it for it in published)


def _changed(files: MissionFiles) -> list[tuple[bytes, bytes]]:
    """Return the marked lines of the log file, each with the line of the record that still has the text."""
    try:
        view = files.log.view()
    except SpecKittyError:
        # A damaged mission is reported on its own.
        return []
    lines = view.raw.split(b"\n") if view.found.changed else []
    pairs = ((lines[number - 1] + b"\n", view.kept.lines[it]) for number, it in view.found.changed)
    return [(line, known) for line, known in pairs if is_marked(line, of=known)]


def _find_in_log(found: RedactionPlan, record: Record, files: MissionFiles) -> None:
    marked = {known: line for line, known in _changed(files)}
    mission = files.log.number()
    for entry in record.entries(mission=mission) if mission is not None else ():
        lines = [*lines_of(entry.log)]
        for index, known in enumerate(lines):
            line = marked.get(known)
            if line and is_marked(line, of=known, salt=entry.salt):
                lines[index] = line
                fields = json_object(line) or {}
                ids = (fields.get("event_id"), fields.get("correlation_id"))
                found.requests.update(filter(None, ids))
                found.missions.setdefault(mission or 0, set()).add(entry.position)
        after = entry._replace(log=b"".join(lines))
        if after != entry:
            found.keep(entry, after)


def _find_in_journal(found: RedactionPlan, project: Project, record: Record) -> None:
    files = JournalFiles(project.journal)
    is_restored = journal_adoption.restored_after(record) is not None
    marked = (line for _, line in files.numbered() if _ORIGINAL in line)
    for line in marked:
        entry = record.entry_published(published_line.seq_of(line) or 0)
        if entry and _is_of(line, entry, is_restored=is_restored):
            log = found.replaces.get(entry.position, (None, entry.log))[1]
            found.keep(entry, entry._replace(published=line, log=log))
            found.requests.add(published_line.parse(line)["correlation_id"])
            if entry.is_read and entry.seq:
                found.lines[entry.seq] = line
    known = record.redacted_lines()
    for it in lines_beside(record, files, [_ORIGINAL]) if is_restored else ():
        if it.is_pruned and it.seq not in known:
            found.lines[it.seq] = it.line


def _is_of(line: bytes, entry: Entry, *, is_restored: bool) -> bool:
    known = entry.published or b""
    if entry.is_read:
        return is_restored and published_line.is_redacted(known, line)
    return published_line.is_redacted(known, line) and is_marked(line, of=known, salt=entry.salt)
