"""The checks of `doctor --sandbox` for a mailbox, one function per line of its report."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from spec_kitty_client.heartbeat import WorkerHeartbeat
from spec_kitty_client.mailbox import CONTRACT_VERSION
from specify_cli.cli import sandbox_walls, sandbox_workspace
from specify_cli.cli.sandbox_finding import NO, OK, WARN, Finding
from specify_cli.cli.sandbox_folders import belonging, git, probe, room_of
from specify_cli.cli.through_mailbox import folders
from specify_cli.protocol import HEARTBEAT, SUFFIX

__all__ = ["NO", "OK", "WARN", "Finding", "all_of"]


def all_of(text: str) -> list[Finding]:
    """Return all findings for DIR, INBOX:OUTBOX or a workspace.

    Raises:
        UsageError: The text names none of them.
    """
    if is_workspace(text):
        return list(sandbox_workspace.all_of(Path(text).resolve()))
    inbox, outbox = map(Path, folders(text, source="--sandbox"))
    return [
        *_inbox(inbox),
        *_outbox(outbox),
        *_worker(outbox),
        *sandbox_walls.all_of(inbox, outbox),
        *_programs(),
    ]


def is_workspace(text: str) -> bool:
    """Return whether the path is meant as a workspace, not as a mailbox."""
    path = Path(text)
    has_name = bool(text) and path.resolve().parent.name == ".worktrees"
    return has_name or (os.path.lexists(path / ".git") and not (path / "inbox").exists())


def _inbox(inbox: Path) -> Iterator[Finding]:
    """Check that a request can be written as the protocol requires; leave no file."""
    if not inbox.is_dir():
        yield Finding(
            "inbox", NO, f"{inbox} is not a folder", repair="bind the host's inbox there, writable"
        )
        return
    try:
        owner, is_whole = probe(inbox)
    except OSError as error:
        what = f"{inbox} is not writable: {error.strerror}"
        repair = "bind it writable, and give the user who starts this sandbox write permission"
        yield Finding("inbox", NO, what, repair=repair)
        return
    yield Finding("inbox", OK, f"{inbox} is writable")
    if is_whole:
        yield Finding("rename", OK, "a file can be renamed atomically")
    else:
        repair = "bind a folder of a single local file system"
        yield Finding(
            "rename",
            NO,
            "a rename is not atomic: it copies the file or leaves the old name",
            repair=repair,
        )
    yield room_of(inbox)
    yield Finding("owner", OK, belonging(owner, inbox))


def _outbox(outbox: Path) -> Iterator[Finding]:
    if not outbox.is_dir():
        yield Finding(
            "outbox", NO, f"{outbox} is not a folder", repair="bind the host's outbox, read-only"
        )
        return
    if not os.access(outbox, os.R_OK | os.X_OK):
        repair = "give the user who starts this sandbox read permission"
        yield Finding("outbox", NO, f"{outbox} is not readable", repair=repair)
        return
    yield Finding("outbox", OK, f"{outbox} is readable")
    if os.access(outbox, os.W_OK):
        what = "the outbox is writable, so replies can be forged here"
        yield Finding("outbox-read-only", WARN, what, repair="bind it read-only")
    else:
        yield Finding("outbox-read-only", OK, "the outbox is read-only")


def _worker(outbox: Path) -> Iterator[Finding]:
    path = outbox / (HEARTBEAT + SUFFIX)
    pulse = WorkerHeartbeat(str(path))
    start = "start 'spec-kitty mailbox serve' on the host"
    if not pulse.look():
        what = f"the last worker is gone{_aged(path)}" if pulse.report else "there is no heartbeat"
        yield Finding("worker", NO, what, repair=start)
        return
    if pulse.trouble:
        yield Finding("worker", WARN, pulse.trouble, repair="ask the host's operator to repair it")
    else:
        yield Finding("worker", OK, f"a worker serves the mailbox{_aged(path)}")
    yield _commands(pulse.report.get("commands"))
    yield _version(str(pulse.report.get("contract_version")))


def _aged(path: Path) -> str:
    try:
        return f", its last beat {time.time() - path.stat().st_mtime:.1f} s ago"
    except OSError:
        return ""


def _commands(granted: object) -> Finding:
    names = [str(name) for name in granted] if isinstance(granted, list) else []
    if not names:
        return Finding(
            "commands",
            NO,
            "no command is granted",
            repair="ask the operator to grant some in config.toml",
        )
    return Finding("commands", OK, f"granted: {', '.join(names)}")


def _version(theirs: str) -> Finding:
    mine, said = CONTRACT_VERSION.split("."), theirs.split(".")
    fits = said[0] == mine[0] and len(said) > 1 and said[1].isdecimal()
    if fits and int(said[1]) >= int(mine[1]):
        return Finding("contract", OK, f"the host speaks {theirs}")
    what = f"the host speaks {theirs}, requests from here use {CONTRACT_VERSION}"
    return Finding("contract", NO, what, repair="install the same version on both sides")


def _programs() -> Iterator[Finding]:
    yield Finding("python", OK, f"Python {sys.version.split()[0]}")
    yield git(missing=WARN)
