"""Faults in a mission's event log and in `meta.json`."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from specify_cli.core.events import Annotated, Event, Transitioned
from specify_cli.core.lanes import Lane, lane_named
from specify_cli.errors import StateUnreadable
from specify_cli.storage import checkout, event_lines, log_proof
from specify_cli.storage.event_lines import ExaminedLine
from specify_cli.storage.log_content import LogContent
from specify_cli.storage.log_view import LogView
from specify_cli.storage.mission_files import MissionFiles
from specify_cli.storage.mission_identity import NUMBERED, MissionIdentity, read_json
from specify_cli.storage.package_files import read_text
from specify_cli.storage.recorded_log import RecordedLog
from specify_cli.workflow.doctor_elsewhere import way_back
from specify_cli.workflow.doctor_findings import Finding, Severity, error, fixable, note, warning

RESTORE = "restore the line from git or correct it by hand"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExaminedLog:
    """A log, without its events in memory; `named` are the packages in its events."""

    content: LogContent
    has_moves: bool
    named: frozenset[str]

    @classmethod
    def of(cls, events: Iterable[Event], content: LogContent) -> ExaminedLog:
        """Summarize the events of a log with this content."""
        has_moves, named = False, set()
        for event in events:
            if isinstance(event, Transitioned | Annotated):
                has_moves = has_moves or isinstance(event, Transitioned)
                named.add(event.wp_id)
        return cls(content=content, has_moves=has_moves, named=frozenset(named))


def examine_log(log: RecordedLog, *, is_chosen: bool = False) -> tuple[ExaminedLog, list[Finding]]:
    """Read the log as far as possible, and report faults in its file.

    Raises:
        StateUnreadable: the file, or a folder on its path, is a link.
        StorageFailed: the disk refused.
    """
    with suppress(StateUnreadable):  # `_examine_whole` finds the damaged line.
        content = log_proof.folded(log) if log_proof.is_as_recorded(log) else None
        if content is not None:
            return ExaminedLog.of(log_proof.events(log), content), []
    events, found = _examine_whole(log, is_chosen=is_chosen)
    with suppress(StateUnreadable):  # Reported already.
        plan = log.view().known.plan
        return ExaminedLog.of(events, LogContent(events=tuple(events), plan=plan)), found
    return ExaminedLog.of(events, LogContent(events=tuple(events))), found


def _examine_whole(log: RecordedLog, *, is_chosen: bool) -> tuple[list[Event], list[Finding]]:
    """Read all events into memory, and report faults in the file.

    On a branch other than the one that the file was last written on, a repair writes only the file of a
    mission that `is_chosen`.
    """
    raw = log.file.raw()
    try:
        view = log.view()
        changed = {number for number, _ in view.found.changed}
        if view.kept.lines:
            changed.update(view.found.damaged)
    except StateUnreadable as fault:
        # `examine_meta` reports faults of `meta.json`.
        is_known = fault.details.get("file") == str(log.path.with_name("meta.json"))
        repair = "run 'spec-kitty mailbox verify', which names what is damaged"
        found = [] if is_known else [error("record", log.path, fault.message, repair=repair)]
        return _events_in(raw, log.path), found
    found = [_changed_line(log, number) for number in sorted(changed)]
    lines = event_lines.examine(raw, log.path)
    others = (line for line in lines if line.number not in changed)
    found += [_damaged_line(log.path, line, line.fault) for line in others if line.fault]
    if found:
        return _events_in(raw, log.path), found
    content = log.content_of(view)
    lag = list(_lag(log, view, is_chosen=is_chosen))
    # A file that the host does not write now is not repaired at its end.
    ending = () if lag and not lag[0].is_fixable else _ending(log, raw, content.torn)
    return list(content.events), [*ending, *lag, *([] if lag else _disorder(log, view))]


def _events_in(raw: bytes, path: Path) -> list[Event]:
    return [event for line in event_lines.examine(raw, path) for event in line.events]


def examine_strangers(
    log: RecordedLog, examined: ExaminedLog, wp_ids: Collection[str]
) -> Iterator[Finding]:
    """Report packages in the log that have no prompt.

    Raises:
        StorageFailed: the disk refused.
    """
    if examined.named <= {*wp_ids} and examined.content.folded is not None:
        return
    named = [
        (event.wp_id, line.number)
        for line in event_lines.examine(log.file.raw(), log.path)
        for event in line.events
        if isinstance(event, Transitioned | Annotated) and event.wp_id not in wp_ids
    ]
    for wp_id, lines in groupby(sorted(named), key=lambda pair: pair[0]):
        yield warning(
            "package-without-prompt",
            log.path,
            f"{wp_id!r} is in the log but has no prompt",
            repair="restore its prompt from git; the host ignores a package without one",
            line=next(lines)[1],
        )


def examine_meta(files: MissionFiles) -> tuple[MissionIdentity | None, list[Finding]]:
    """Read the identity of the mission, None when it is unreadable, and report faults in `meta.json`."""
    path = files.meta_path
    if not os.path.lexists(path):
        what = "the mission has no meta.json: its number and target branch are guessed"
        repair = "create it with mission_slug and target_branch"
        missing = warning("meta", path, what, repair=repair)
        return files.identity(), [missing]
    try:
        identity, meta = files.identity(), read_json(path, below=files.project.root)
    except StateUnreadable as fault:
        line = fault.details.get("line")
        what = re.sub(r"; correct it by hand.*", "", fault.message.partition(": ")[2])
        repair = "correct it by hand or restore it from git"
        number = line if isinstance(line, int) else 1
        return None, [error("meta", path, what, repair=repair, line=number)]
    return identity, list(_disagreements(files, meta, identity))


def _disagreements(
    files: MissionFiles, meta: dict[str, Any], identity: MissionIdentity
) -> Iterator[Finding]:
    path = files.folder / "meta.json"
    slug = meta.get("mission_slug")
    if slug not in (None, files.slug):
        what = f"mission_slug is {slug!r}, but the folder is {files.slug!r}, which the host uses"
        line = _line_of(path, "mission_slug", below=files.project.root)
        repair = f"set mission_slug to {files.slug!r}"
        yield warning("meta-and-folder", path, what, repair=repair, line=line)
    numbered = NUMBERED.fullmatch(files.slug)
    if numbered and identity.number != int(numbered[1]):
        number = int(numbered[1])
        what = f"mission_number is {identity.number}, but the folder's name has {number}"
        line = _line_of(path, "mission_number", below=files.project.root)
        repair = f"set mission_number to {number}, or rename the folder"
        yield warning("meta-and-folder", path, what, repair=repair, line=line)


def _line_of(path: Path, field: str, *, below: Path) -> int:
    lines = read_text(path, below=below).split("\n")
    return next((n for n, line in enumerate(lines, start=1) if f'"{field}"' in line), 1)


def _damaged_line(path: Path, line: ExaminedLine, fault: StateUnreadable) -> Finding:
    unknown = [
        f"{end} {line.record[end]!r}"
        for end in ("from_lane", "to_lane")
        if line.record.get(end) and lane_named(str(line.record[end])) is None
    ]
    if unknown:
        what = f"{', '.join(unknown)} is not a status lane"
        repair = f"correct it to one of {', '.join(Lane)}"
        return error("unknown-lane", path, what, repair=repair, line=line.number)
    what = fault.message.partition(f", line {line.number}: ")[2].removesuffix(f"; {RESTORE}")
    return error("damaged-log-line", path, what, repair=RESTORE, line=line.number)


def _changed_line(log: RecordedLog, number: int) -> Finding:
    what = "the line is not what the host wrote, so changes of the mission are refused"
    found = fixable("changed-log-line", log.path, what, severity=Severity.ERROR, line=number)
    at = checkout.look(log.project.root)
    if not (at and at.operation):
        return found
    path = shlex.quote(log.path.relative_to(log.project.root).as_posix())
    repair = f"run 'spec-kitty doctor --fix; git add {path}', then finish the {at.operation}"
    return replace(found, repair=repair)


def _lag(log: RecordedLog, view: LogView, *, is_chosen: bool) -> Iterator[Finding]:
    if not view.found.missing:
        return
    what = f"the log {log.lack(view)}"
    at = checkout.look(log.project.root)
    if checkout.hindrance(view.found, view.known, at):
        found = note("log-behind", log.path, what, repair=way_back(log))
        yield replace(found, is_fixable=is_chosen and not (at and at.operation))
    else:
        yield fixable("log-behind", log.path, what)


def _disorder(log: RecordedLog, view: LogView) -> Iterator[Finding]:
    """Report lines that are repeated or out of order, as a merge of git may leave them; they count once."""
    for number in view.found.misplaced[:1]:
        what = "the line is repeated or out of order; it counts once, in its first position"
        found = fixable("log-order", log.path, what, severity=Severity.NOTE, line=number)
        at = checkout.look(log.project.root)
        yield (
            found
            if not (at and at.operation)
            else replace(found, is_fixable=False, repair=way_back(log))
        )


def _ending(log: RecordedLog, raw: bytes, torn: bytes) -> Iterator[Finding]:
    if torn:
        what = f"the last {len(torn)} bytes are of an append that was interrupted"
        yield fixable("torn-tail", log.path, what)
    elif raw and not raw.endswith(b"\n"):
        what = "the last line has no newline"
        yield fixable("no-newline", log.path, what, severity=Severity.NOTE)
