"""What `doctor --sandbox` looks at, one function a line of its report."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from specify_cli.cli import sandbox_walls, sandbox_workspace
from specify_cli.cli.sandbox_finding import NO, OK, WARN, Finding
from specify_cli.cli.sandbox_folders import belonging, git, probe, room_of
from specify_cli.cli.through_mailbox import folders
from specify_cli.mailbox.client import CONTRACT_VERSION, Heartbeat
from specify_cli.protocol import HEARTBEAT, SUFFIX

__all__ = ["NO", "OK", "WARN", "Finding", "all_of"]


def all_of(text: str) -> list[Finding]:
    """Every line of the report on DIR, INBOX:OUTBOX or a workspace. Raises: UsageError."""
    if is_workspace(text):
        return list(sandbox_workspace.all_of(Path(text).resolve()))
    inbox, outbox = folders(text, source="--sandbox")
    return [
        *_inbox(inbox),
        *_outbox(outbox),
        *_worker(outbox),
        *sandbox_walls.all_of(inbox, outbox),
        *_programs(),
    ]


def is_workspace(text: str) -> bool:
    """Whether that is the workspace of an agent, or where one should be, and not a mailbox."""
    path = Path(text)
    has_name = bool(text) and path.resolve().parent.name == ".worktrees"
    return has_name or (os.path.lexists(path / ".git") and not (path / "inbox").exists())


def _inbox(inbox: Path) -> Iterator[Finding]:
    """Whether a request can be written here as the protocol wants it; nothing is left."""
    if not inbox.is_dir():
        yield Finding(
            "inbox", NO, f"{inbox} is no folder", repair="bind the host's inbox there, writable"
        )
        return
    try:
        owner, is_whole = probe(inbox)
    except OSError as error:
        what = f"{inbox} takes no file: {error.strerror}"
        repair = "bind it writable, and let the user who starts this sandbox write to it"
        yield Finding("inbox", NO, what, repair=repair)
        return
    yield Finding("inbox", OK, f"{inbox} takes files")
    if is_whole:
        yield Finding("rename", OK, "a file is renamed whole, in one step")
    else:
        repair = "bind a folder of one local file system"
        yield Finding("rename", NO, "a renamed file is another one, or still there", repair=repair)
    yield room_of(inbox)
    yield Finding("owner", OK, belonging(owner, inbox))


def _outbox(outbox: Path) -> Iterator[Finding]:
    if not outbox.is_dir():
        yield Finding(
            "outbox", NO, f"{outbox} is no folder", repair="bind the host's outbox, read-only"
        )
        return
    if not os.access(outbox, os.R_OK | os.X_OK):
        repair = "let the user who starts this sandbox read it"
        yield Finding("outbox", NO, f"{outbox} cannot be read", repair=repair)
        return
    yield Finding("outbox", OK, f"{outbox} can be read")
    if os.access(outbox, os.W_OK):
        what = "replies can be forged from here: the outbox is writable"
        yield Finding("outbox-read-only", WARN, what, repair="bind it read-only")
    else:
        yield Finding("outbox-read-only", OK, "replies cannot be changed from here")


def _worker(outbox: Path) -> Iterator[Finding]:
    path = outbox / (HEARTBEAT + SUFFIX)
    pulse = Heartbeat(path)
    start = "start 'spec-kitty mailbox serve' on the host"
    if not pulse.look():
        what = f"the last worker is gone{_aged(path)}" if pulse.report else "there is no heartbeat"
        yield Finding("worker", NO, what, repair=start)
        return
    if pulse.trouble:
        yield Finding("worker", WARN, pulse.trouble, repair="let the host's operator mend it")
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
            "commands", NO, "no command is granted", repair="have some granted in config.toml"
        )
    return Finding("commands", OK, f"granted: {', '.join(names)}")


def _version(theirs: str) -> Finding:
    mine, said = CONTRACT_VERSION.split("."), theirs.split(".")
    fits = said[0] == mine[0] and len(said) > 1 and said[1].isdecimal()
    if fits and int(said[1]) >= int(mine[1]):
        return Finding("contract", OK, f"the host speaks {theirs}")
    what = f"the host speaks {theirs}, requests from here are of {CONTRACT_VERSION}"
    return Finding("contract", NO, what, repair="install the same version on both sides")


def _programs() -> Iterator[Finding]:
    yield Finding("python", OK, f"Python {sys.version.split()[0]}")
    yield git(missing=WARN)
