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
    """A log of which only what is asked for is in memory; it `has_moves`, and `named` are the packages in its events."""

    content: LogContent
    has_moves: bool
    named: frozenset[str]

    @classmethod
    def of(cls, events: Iterable[Event], content: LogContent) -> ExaminedLog:
        """The log with that content, of which these are the events."""
        has_moves, named = False, set()
        for event in events:
            if isinstance(event, Transitioned | Annotated):
                has_moves = has_moves or isinstance(event, Transitioned)
                named.add(event.wp_id)
        return cls(content=content, has_moves=has_moves, named=frozenset(named))


def examine_log(log: RecordedLog, *, is_chosen: bool = False) -> tuple[ExaminedLog, list[Finding]]:
    """The log, as far as it is known or can be read, and what is wrong with its file.

    Raises: as `_examine_whole`.
    """
    with suppress(StateUnreadable):  # Below, the line is found.
        content = log_proof.folded(log) if log_proof.is_as_recorded(log) else None
        if content is not None:
            return ExaminedLog.of(log_proof.events(log), content), []
    events, found = _examine_whole(log, is_chosen=is_chosen)
    with suppress(StateUnreadable):  # A finding already.
        plan = log.view().known.plan
        return ExaminedLog.of(events, LogContent(events=tuple(events), plan=plan)), found
    return ExaminedLog.of(events, LogContent(events=tuple(events))), found


def _examine_whole(log: RecordedLog, *, is_chosen: bool) -> tuple[list[Event], list[Finding]]:
    """The events, all in memory, and what is wrong with the file.

    On another branch than the file was last written on, only that of a mission that `is_chosen` is written.

    Raises:
        StateUnreadable: the file, or a folder on the way, is a link.
        StorageFailed: the disk refused.
    """
    raw = log.file.raw()
    try:
        view = log.view()
        changed = {number for number, _ in view.found.changed}
        if view.kept.lines:
            changed.update(view.found.damaged)
    except StateUnreadable as fault:
        # Of `meta.json` that is a finding already.
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
    # What is left alone as a whole is not mended at its end.
    ending = () if lag and not lag[0].is_fixable else _ending(log, raw, content.torn)
    return list(content.events), [*ending, *lag, *([] if lag else _disorder(log, view))]


def _events_in(raw: bytes, path: Path) -> list[Event]:
    return [event for line in event_lines.examine(raw, path) for event in line.events]


def examine_strangers(
    log: RecordedLog, examined: ExaminedLog, wp_ids: Collection[str]
) -> Iterator[Finding]:
    """Every package that the log moves or notes, and no prompt describes.

    Raises: StorageFailed.
    """
    if examined.named <= {*wp_ids} and examined.content.folded is not None:
        return
    named = [
        (event.wp_id, line.number)
        for line in event_lines.examine(log.file.raw(), log.path)
        for event in line.events
        if isinstance(event, Transitioned | Annotated) and event.wp_id not in wp_ids
    ]
    for wp_id, places in groupby(sorted(named), key=lambda place: place[0]):
        yield warning(
            "package-without-prompt",
            log.path,
            f"{wp_id!r} is in the log and has no prompt",
            repair="restore its prompt from git; without one the package is not seen",
            line=next(places)[1],
        )


def examine_meta(files: MissionFiles) -> tuple[MissionIdentity | None, list[Finding]]:
    """Who the mission is, and what is wrong with `meta.json`; None when it cannot be read."""
    path = files.meta_path
    if not os.path.lexists(path):
        what = "the mission has no meta.json: its number and target branch are guessed"
        missing = warning("meta", path, what, repair="write one, with mission_slug, target_branch")
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
    said = meta.get("mission_slug")
    if said not in (None, files.slug):
        what = f"mission_slug is {said!r}, the folder is {files.slug!r}: the folder's name counts"
        line = _line_of(path, "mission_slug", below=files.project.root)
        yield warning("meta-and-folder", path, what, repair="make them agree", line=line)
    numbered = NUMBERED.fullmatch(files.slug)
    if numbered and identity.number != int(numbered[1]):
        what = f"mission_number is {identity.number}, the folder says {int(numbered[1])}"
        line = _line_of(path, "mission_number", below=files.project.root)
        yield warning("meta-and-folder", path, what, repair="make them agree", line=line)


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
        what = f"{', '.join(unknown)}: there is no such lane"
        repair = f"correct it to one of {', '.join(Lane)}"
        return error("unknown-lane", path, what, repair=repair, line=line.number)
    what = fault.message.partition(f", line {line.number}: ")[2].removesuffix(f"; {RESTORE}")
    return error("damaged-log-line", path, what, repair=RESTORE, line=line.number)


def _changed_line(log: RecordedLog, number: int) -> Finding:
    what = "it is not what the host wrote: changes of the mission are refused"
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
    what = f"it {log.lack(view)}"
    at = checkout.look(log.project.root)
    if checkout.hindrance(view.found, view.known, at):
        found = note("log-behind", log.path, what, repair=way_back(log))
        yield replace(found, is_fixable=is_chosen and not (at and at.operation))
    else:
        yield fixable("log-behind", log.path, what)


def _disorder(log: RecordedLog, view: LogView) -> Iterator[Finding]:
    """Lines of the record that are there twice or in another order, as a merge of git may leave them; they count once."""
    for number in view.found.misplaced[:1]:
        what = "it is there twice, or not in its place; it counts once, where it stood first"
        found = fixable("log-order", log.path, what, severity=Severity.NOTE, line=number)
        at = checkout.look(log.project.root)
        yield (
            found
            if not (at and at.operation)
            else replace(found, is_fixable=False, repair=way_back(log))
        )


def _ending(log: RecordedLog, raw: bytes, torn: bytes) -> Iterator[Finding]:
    if torn:
        what = f"{len(torn)} bytes at its end are of an append that was interrupted"
        yield fixable("torn-tail", log.path, what)
    elif raw and not raw.endswith(b"\n"):
        what = "its last line has no newline"
        yield fixable("no-newline", log.path, what, severity=Severity.NOTE)
