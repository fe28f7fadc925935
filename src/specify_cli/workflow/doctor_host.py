"""Faults in `.kitty` and the record: permissions, lost records, intents, the sandbox, the worker."""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from specify_cli import clock
from specify_cli.errors import StateUnreadable, StorageFailed
from specify_cli.files.atomic import DRAFT
from specify_cli.files.regular_files import kind
from specify_cli.storage import (
    heartbeat_file,
    host_moves,
    moved_projects,
    record_folder,
    record_loss,
    record_rebuild,
    records,
    union_merge,
)
from specify_cli.storage.intents import Intents
from specify_cli.storage.project import Project
from specify_cli.storage.record import REMADE
from specify_cli.vcs.sandbox import sandbox_for
from specify_cli.workflow import restoring
from specify_cli.workflow.doctor_findings import Finding, Severity, error, fixable, note, warning
from specify_cli.workflow.doctor_journal import examine_journal

STALE_DRAFT_S = 10 * 60
_ACCESS = os.R_OK | os.W_OK | os.X_OK


def examine_host(project: Project) -> Iterator[Finding]:
    """Report wrong file types and permissions, faults of the record and journal, and waiting requests.

    Raises:
        StorageFailed: the disk refused.
    """
    found = moved_projects.candidates(project.root)
    if len(found) > 1 and not os.path.lexists(project.record):
        what, repair = host_moves.choice(found, project.record)
        yield error("record", project.record, what, repair=repair)
    if interrupted := restoring.interrupted(project.record):
        staging, command = interrupted
        what = "a restore was interrupted; the record is the one from before it, or the one of the backup"
        repair = f"run '{command}' again" if command else "restore the same backup again"
        yield warning("restore", staging, what, repair=repair)
    if not project.kitty.exists() and not _has_record(project):
        return
    folders = (project.kitty, project.inbox, project.outbox, project.record, project.host)
    is_sound = True
    for folder in folders:
        mode = record_folder.mode_of(project) if folder in folders[3:] else None
        for finding in _examine_folder(folder, private_mode=mode):
            is_sound = is_sound and finding.is_fixable
            yield finding
    for folder in _folders_of_orchestrators(project):
        yield from _examine_access(folder)
    yield from _examine_attributes(project)
    yield from _examine_loss(project)
    if is_sound:
        yield from examine_journal(project)
        yield from _examine_intents(project)
        yield from _examine_worker(project)


def examine_states(project: Project) -> Iterator[Finding]:
    """Report stored states of packages that differ from the record's entries.

    Raises:
        StorageFailed: the disk refused.
    """
    # `examine_journal` reports a record that cannot be read.
    with suppress(StateUnreadable):
        if record := records.found(project):
            for what in record_rebuild.differences(record):
                yield fixable("states", record.path, what, severity=Severity.ERROR)


def rebuild_states(project: Project, _: Path) -> bool:
    """Fold all states again, and return whether they agree with the entries now."""
    record = records.made(project)
    record_rebuild.rebuild(record)
    return not any(record_rebuild.differences(record))


def examine_intake(project: Project) -> Iterator[Finding]:
    """Report a machine on which git cannot read the files of agents in an isolated sandbox.

    Raises:
        StateUnreadable: the config is damaged.
    """
    if sandbox_for(project.root).is_isolated:
        return
    settings, file = project.settings, project.config
    advice = "install bubblewrap, or if it is installed, allow it to create user namespaces"
    if settings.intake == "require-sandbox":
        what = 'bubblewrap does not work here, so intake = "require-sandbox" refuses all commits of agents'
        yield error("intake", file, what, repair=advice)
        return
    what = (
        "bubblewrap does not work here: a workspace that pretends to be part of another repository of"
        " this user can import commits from that repository"
    )
    repair = (
        f'{advice}; until then, intake = "require-sandbox" in .kitty/config.toml refuses commits'
    )
    if settings.has_orchestrators:
        yield warning("intake", file, what, repair=repair)
    else:
        yield note("intake", file, what, repair=repair)


def _examine_loss(project: Project) -> Iterator[Finding]:
    """Report a record that is lost, or that was rebuilt because the former one was lost."""
    folder = project.record
    backup = "restore a backup; without one, check that 'spec-kitty status' shows the right states"
    try:
        record = records.found(project)
        remade = record.remembered(REMADE) if record else None
    except (StateUnreadable, StorageFailed):  # Reported already.
        return
    of = record_loss.original(project) if record is None else None
    if of is not None:
        what, repair = record_loss.copy_warning(project, of)
        yield warning("record-of-original", folder, what, repair=repair)
    elif record is None and record_loss.is_lost(project):
        if (misplaced := record_loss.place_warning(project)) is not None:
            yield warning("record-elsewhere", folder, misplaced[0], repair=misplaced[1])
            return
        what = "the record is lost: only what the journal and the logs contain is known"
        repair = f"{backup}; the next change then creates a new record"
        yield error("record", folder, what, repair=repair)
    elif remade:
        what = (
            f"the record was found lost at {remade} and was rebuilt from the journal and the logs; anything"
            " else in it is lost"
        )
        yield note("record-remade", folder, what, repair=backup)


def _examine_attributes(project: Project) -> Iterator[Finding]:
    path, lack = union_merge.attributes_file(project), union_merge.lack(project)
    if path is not None and lack and _has_missions(project):
        what = f"git does not merge the logs of missions line by line: {lack}"
        command = f'echo "{union_merge.LINE}" >> {shlex.quote(str(path))}'
        repair = (
            "the next change adds the line; where the host may not write the file, its owner runs"
            f" '{command}'"
        )
        yield note("union-merge", path, what, repair=repair)


def _has_missions(project: Project) -> bool:
    """Whether the record has a mission."""
    with suppress(StateUnreadable, StorageFailed):  # Reported already.
        record = records.found(project)
        return record is not None and bool(record.known())
    return False


def _has_record(project: Project) -> bool:
    try:
        return records.found(project) is not None
    except StorageFailed:
        return True  # `examine_journal` reports why it cannot be read.


def make_private(project: Project, folder: Path) -> None:
    """Allow access to the folder only for its owner, and for those whom `core.sharedRepository` names."""
    folder.chmod(record_folder.mode_of(project))


def stale_drafts(folder: Path) -> Iterator[Finding]:
    """Report unfinished files that killed writers left in `folder`."""
    if folder.is_symlink() or not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if not DRAFT.fullmatch(path.name) or path.is_symlink():
            continue
        if clock.now().timestamp() - path.stat().st_mtime > STALE_DRAFT_S:
            yield fixable("stale-draft", path, "a killed process left this file unfinished")


def _examine_folder(folder: Path, *, private_mode: int | None) -> Iterator[Finding]:
    """Check a folder of the host; `private_mode` is the mode that a private folder has."""
    try:
        mode = folder.lstat().st_mode
    except FileNotFoundError:
        return
    except PermissionError:
        what = "you do not have permission to read the host's folder"
        repair = "run the command as the user who owns it, or send the request through the mailbox"
        yield error("kitty-permissions", folder, what, repair=repair)
        return
    if not stat.S_ISDIR(mode):
        what = f"is a {kind(mode)}, not a folder"
        yield error("kitty-folder", folder, what, repair="move it away")
    elif not os.access(folder, _ACCESS):
        yield from _examine_access(folder)
    elif private_mode is not None and stat.S_IMODE(mode) & 0o077 & ~private_mode:
        what = f"other users have access (mode {stat.S_IMODE(mode):o}): only the host may have it"
        yield fixable("kitty-permissions", folder, what)
    elif mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        what = "every user may remove the files of others here"
        repair = f"run: chmod o-w {shlex.quote(str(folder))}"
        yield warning("kitty-permissions", folder, what, repair=repair)


def _folders_of_orchestrators(project: Project) -> Iterator[Path]:
    for parent in (project.inbox, project.outbox):
        with suppress(OSError):
            yield from sorted(it for it in parent.iterdir() if it.is_dir() and not it.is_symlink())


def _examine_access(folder: Path) -> Iterator[Finding]:
    if not os.access(folder, _ACCESS):
        what = "the host does not have permission to read and write this folder"
        user, place = os.geteuid(), shlex.quote(str(folder))
        is_owner = folder.stat().st_uid == user
        change = f"chmod u+rwx {place}" if is_owner else f"sudo chown {user} {place}"
        yield error("kitty-permissions", folder, what, repair=f"run: {change}")


def _examine_intents(project: Project) -> Iterator[Finding]:
    """Report intents from the project that this one is a copy of: only a person knows whether they ended there."""
    record = records.found(project)
    try:
        known = Intents(record).all() if record else []
    except StateUnreadable:  # A damaged record is reported already.
        return
    for intent in known:
        if not intent.is_here:
            what = (
                f"'{intent.kind}' of request {intent.id} was begun at {intent.at}, on another machine or in the"
                " folder that this one was copied from, and is not finished here"
            )
            yield fixable("copied-intent", project.record, what)


def _examine_worker(project: Project) -> Iterator[Finding]:
    inbox = project.inbox
    waiting = len([*inbox.glob("[!.]*.json"), *project.claimed.glob("*.json")])
    if waiting and not heartbeat_file.is_alive(project.heartbeat):
        requests = "1 request waits" if waiting == 1 else f"{waiting} requests wait"
        what = f"{requests}, and no worker serves the mailbox"
        yield warning("no-worker", inbox, what, repair="run 'spec-kitty mailbox serve'")
