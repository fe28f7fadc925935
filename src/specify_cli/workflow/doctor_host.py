"""Faults in the host's own folder `.kitty`: who may look in, the journal, the worker."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from specify_cli import clock
from specify_cli.errors import StateUnreadable, StorageFailed
from specify_cli.files.regular import kind
from specify_cli.patterns import pattern
from specify_cli.storage import heartbeat_file, record_place, records
from specify_cli.storage.intents import Intents
from specify_cli.storage.journal import Journal
from specify_cli.storage.project import Project
from specify_cli.vcs.box import box_for
from specify_cli.workflow import audit
from specify_cli.workflow.audit import find_missing_events
from specify_cli.workflow.doctor_findings import Finding, Severity, error, fixable, note, warning

PRIVATE = 0o700
STALE_DRAFT_S = 10 * 60
DRAFT = pattern(r"\..+\.[0-9a-f]{16}\.tmp")


def examine_host(project: Project) -> Iterator[Finding]:
    """Wrong kinds and permissions, breaks of the journal, requests that nobody answers.

    Raises: StorageFailed.
    """
    if not project.kitty.exists():
        return
    folders = (project.kitty, project.inbox, project.outbox, project.host)
    is_sound = True
    for folder in folders:
        for finding in _examine_folder(folder, is_private=folder == project.host):
            is_sound = is_sound and finding.is_fixable
            yield finding
    if is_sound:
        yield from _examine_journal(project)
        yield from _examine_intents(project)
        yield from _examine_worker(project)


def examine_intake(project: Project) -> Iterator[Finding]:
    """Whether git reads what agents wrote in a sandbox that has nothing else of this machine.

    Raises: StateUnreadable.
    """
    if box_for(project.root).is_closed:
        return
    settings, file = project.settings, project.config
    advice = "install bubblewrap, and where it is there, let it make user namespaces"
    if settings.intake == "require-sandbox":
        what = 'bubblewrap does not work here, so intake = "require-sandbox" lets no commits of agents in'
        yield error("intake", file, what, repair=advice)
        return
    what = (
        "bubblewrap does not work here: a workspace that poses as part of another repository of this"
        " user can bring that one's commits in"
    )
    repair = (
        f'{advice}; intake = "require-sandbox" in .kitty/config.toml refuses commits until then'
    )
    if settings.has_orchestrators:
        yield warning("intake", file, what, repair=repair)
    else:
        yield note("intake", file, what, repair=repair)


def make_private(folder: Path) -> None:
    """Nobody but its owner may look into the folder."""
    folder.chmod(PRIVATE)


def stale_drafts(folder: Path) -> Iterator[Finding]:
    """What writers that were killed have left in `folder` of files that never appeared whole."""
    if folder.is_symlink() or not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if not DRAFT.fullmatch(path.name) or path.is_symlink():
            continue
        if clock.now().timestamp() - path.stat().st_mtime > STALE_DRAFT_S:
            yield fixable("stale-draft", path, "a file that a killed process did not finish")


def _examine_folder(folder: Path, *, is_private: bool) -> Iterator[Finding]:
    try:
        mode = folder.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(mode):
        what = f"is a {kind(mode)}, no folder of its own"
        yield error("kitty-folder", folder, what, repair="move it away")
    elif not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        what = "the host may not read and write here"
        yield error("kitty-permissions", folder, what, repair=f"chmod u+rwx {folder}")
    elif is_private and stat.S_IMODE(mode) & 0o077:
        what = f"others may look in (mode {stat.S_IMODE(mode):o}): it must be the host's alone"
        yield fixable("kitty-permissions", folder, what)
    elif mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        what = "everybody may remove what others wrote here"
        yield warning("kitty-permissions", folder, what, repair=f"chmod o-w {folder}")


def _examine_journal(project: Project) -> Iterator[Finding]:
    journal = Journal(project)
    try:
        faults, broken = journal.faults(), []
        has_record = records.found(project) is not None
        if not faults:
            broken = journal.differences()
    except StorageFailed as fault:
        repair = "move away what is there, or free or repair the disk"
        yield error("journal", project.journal, fault.message, repair=repair)
        return
    for complaint in faults:
        what, _, repair = complaint.rpartition("): ")
        file = record_place.record_folder(project)
        yield error("record", file, what or complaint, repair=repair or "put a backup in its place")
    for complaint in broken:
        place = re.match(r"(\S+) line (\d+): ", complaint)
        file = project.journal.with_name(place[1]) if place else project.journal
        line = int(place[2]) if place else None
        what = complaint[place.end() :] if place else complaint
        if has_record:
            yield fixable("journal", file, what, severity=Severity.ERROR, line=line)
        else:
            yield error("journal", file, what, repair="restore it from a backup", line=line)
    if not faults and not broken:
        yield from _examine_effects(project, journal)
        yield from _examine_heads(project)


def _examine_heads(project: Project) -> Iterator[Finding]:
    """Commits of the host that know of entries which the record does not have, or has otherwise."""
    breaks = [it.what for it in audit.compare_heads(project) if it.is_break]
    repair = "put the newest backup of the record in its place; see 'spec-kitty mailbox verify'"
    for what in breaks[:1]:
        yield error("record", record_place.record_folder(project), what, repair=repair)


def _examine_intents(project: Project) -> Iterator[Finding]:
    """What was begun where this project was copied from: a person alone knows whether it is over there."""
    record = records.found(project)
    try:
        known = Intents(record).all() if record else []
    except StateUnreadable:  # A damaged record is a finding already.
        return
    for intent in known:
        if not intent.is_here:
            what = (
                f"'{intent.kind}' of request {intent.id} was begun at {intent.at}, on another machine or in a folder"
                " that this one is a copy of, and is not finished here"
            )
            yield fixable("copied-intent", record_place.record_folder(project), what)


def _examine_effects(project: Project, journal: Journal) -> Iterator[Finding]:
    try:
        missing = list(find_missing_events(project, journal))
    except StateUnreadable:  # A damaged log is a finding already.
        return
    for complaint in missing:
        repair = "restore the log from git, or ask again under the same correlation id"
        yield warning("journal-and-logs", project.journal, complaint, repair=repair)


def _examine_worker(project: Project) -> Iterator[Finding]:
    inbox = project.inbox
    waiting = len([*inbox.glob("[!.]*.json"), *project.claimed.glob("*.json")])
    if waiting and not heartbeat_file.is_alive(project.heartbeat):
        what = f"{waiting} requests wait, and no worker serves the mailbox"
        yield warning("no-worker", inbox, what, repair="run 'spec-kitty mailbox serve'")
