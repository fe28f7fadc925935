"""Faults in the host's own folder `.kitty`: who may look in, the journal, the worker."""

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
from specify_cli.workflow.doctor_findings import Finding, Severity, error, fixable, note, warning
from specify_cli.workflow.doctor_journal import examine_journal

STALE_DRAFT_S = 10 * 60


def examine_host(project: Project) -> Iterator[Finding]:
    """Wrong kinds and permissions, breaks of the journal, requests that nobody answers.

    Raises: StorageFailed.
    """
    found = moved_projects.candidates(project.root)
    if len(found) > 1 and not os.path.lexists(project.record):
        what, repair = host_moves.choice(found, project.record)
        yield error("record", project.record, what, repair=repair)
    if not project.kitty.exists() and not _has_record(project):
        return
    folders = (project.kitty, project.inbox, project.outbox, project.record, project.host)
    is_sound = True
    for folder in folders:
        mode = record_folder.mode_of(project) if folder in folders[3:] else None
        for finding in _examine_folder(folder, is_for=mode):
            is_sound = is_sound and finding.is_fixable
            yield finding
    yield from _examine_attributes(project)
    yield from _examine_loss(project)
    if is_sound:
        yield from examine_journal(project)
        yield from _examine_intents(project)
        yield from _examine_worker(project)


def examine_states(project: Project) -> Iterator[Finding]:
    """Whether the states that the record keeps are those of its entries. Raises: StorageFailed."""
    # A record that cannot be read is a finding of the journal's.
    with suppress(StateUnreadable):
        if record := records.found(project):
            for what in record_rebuild.differences(record):
                yield fixable("states", record.path, what, severity=Severity.ERROR)


def rebuild_states(project: Project, _: Path) -> bool:
    """The states are folded again."""
    record = records.made(project)
    record_rebuild.rebuild(record)
    return not any(record_rebuild.differences(record))


def examine_intake(project: Project) -> Iterator[Finding]:
    """Whether git reads what agents wrote in a sandbox that has nothing else of this machine.

    Raises: StateUnreadable.
    """
    if sandbox_for(project.root).is_isolated:
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


def _examine_loss(project: Project) -> Iterator[Finding]:
    """A record that is gone, or was made anew because the one before was."""
    folder = project.record
    backup = "put a backup in its place; without one, look whether 'spec-kitty status' shows what it should"
    try:
        record = records.found(project)
        remade = record.remembered(REMADE) if record else None
    except (StateUnreadable, StorageFailed):  # A finding already.
        return
    of = record_loss.original(project) if record is None else None
    if of is not None:
        what, repair = record_loss.copy_warning(project, of)
        yield warning("record-of-original", folder, what, repair=repair)
    elif record is None and record_loss.is_lost(project):
        what = "the record is gone: what journal and logs say is all that is known, and what they lack is lost"
        yield error(
            "record", folder, what, repair=f"{backup}, and go on: the next change makes a new one"
        )
    elif remade:
        what = (
            f"the record was gone at {remade}, and was made anew of what journal and logs said: what they lacked"
            " is lost"
        )
        yield note("record-remade", folder, what, repair=backup)


def _examine_attributes(project: Project) -> Iterator[Finding]:
    path, lack = union_merge.attributes_file(project), union_merge.lack(project)
    if path is not None and lack and _has_missions(project):
        what = f"git does not merge the logs of missions line by line: {lack}"
        place = shlex.quote(str(path))
        repair = (
            "the next change adds the line; where the host may not write the file, its owner runs"
            f" 'echo \"{union_merge.LINE}\" >> {place}'"
        )
        yield note("union-merge", path, what, repair=repair)


def _has_missions(project: Project) -> bool:
    """Whether the host has changed one."""
    with suppress(StateUnreadable, StorageFailed):  # A finding already.
        record = records.found(project)
        return record is not None and bool(record.known())
    return False


def _has_record(project: Project) -> bool:
    try:
        return records.found(project) is not None
    except StorageFailed:
        return True  # Its journal cannot be looked at, and says why.


def make_private(project: Project, folder: Path) -> None:
    """Nobody may look into the folder but its owner, and whom `core.sharedRepository` lets in."""
    folder.chmod(record_folder.mode_of(project))


def stale_drafts(folder: Path) -> Iterator[Finding]:
    """What writers that were killed have left in `folder` of files that never appeared whole."""
    if folder.is_symlink() or not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if not DRAFT.fullmatch(path.name) or path.is_symlink():
            continue
        if clock.now().timestamp() - path.stat().st_mtime > STALE_DRAFT_S:
            yield fixable("stale-draft", path, "a file that a killed process did not finish")


def _examine_folder(folder: Path, *, is_for: int | None) -> Iterator[Finding]:
    """`is_for` is the mode of a folder that is not for everybody."""
    try:
        mode = folder.lstat().st_mode
    except FileNotFoundError:
        return
    except PermissionError:
        what = "you may not look at what is the host's alone"
        repair = "ask as the user who owns it, or through the mailbox"
        yield error("kitty-permissions", folder, what, repair=repair)
        return
    if not stat.S_ISDIR(mode):
        what = f"is a {kind(mode)}, no folder of its own"
        yield error("kitty-folder", folder, what, repair="move it away")
    elif not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        what = "the host may not read and write here"
        yield error("kitty-permissions", folder, what, repair=f"chmod u+rwx {folder}")
    elif is_for is not None and stat.S_IMODE(mode) & 0o077 & ~is_for:
        what = f"others may look in (mode {stat.S_IMODE(mode):o}): it must be the host's alone"
        yield fixable("kitty-permissions", folder, what)
    elif mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        what = "everybody may remove what others wrote here"
        yield warning("kitty-permissions", folder, what, repair=f"chmod o-w {folder}")


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
            yield fixable("copied-intent", project.record, what)


def _examine_worker(project: Project) -> Iterator[Finding]:
    inbox = project.inbox
    waiting = len([*inbox.glob("[!.]*.json"), *project.claimed.glob("*.json")])
    if waiting and not heartbeat_file.is_alive(project.heartbeat):
        what = f"{waiting} requests wait, and no worker serves the mailbox"
        yield warning("no-worker", inbox, what, repair="run 'spec-kitty mailbox serve'")
