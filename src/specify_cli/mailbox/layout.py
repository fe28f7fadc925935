"""Paths of a mailbox under `.kitty`, and the creation of its folders."""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from specify_cli import credentials
from specify_cli.files import atomic, folders
from specify_cli.protocol import HEARTBEAT, SUFFIX, is_orchestrator
from specify_cli.storage import record_folder
from specify_cli.storage.layout import Layout

SHARED = 0o755
# Modes if the user of the orchestrator is known: it alone writes requests, and its group reads replies.
INBOX_OF_USER = 0o700
OUTBOX_OF_GROUP = 0o750
DEFAULT = "default"


def is_name(name: str) -> bool:
    """Return whether a folder of this name in the inbox is the mailbox of an orchestrator."""
    fits = is_orchestrator(name) and name.lower() != DEFAULT
    return fits and not credentials.find(name)


class MailboxPaths(NamedTuple):
    """Paths of the mailbox of one orchestrator: `claimed` is below `host_base`, the others below `root`."""

    root: Path
    host_base: Path
    identity: str
    inbox: Path
    outbox: Path
    claimed: Path

    def base_of(self, folder: Path) -> Path:
        """Return the ancestor below which no link is followed on the way to this folder."""
        return self.root if folder in (self.inbox, self.outbox) else self.host_base

    @property
    def heartbeat(self) -> Path:
        """The heartbeat file, rewritten with every beat."""
        return self.outbox / (HEARTBEAT + SUFFIX)


class MailboxLayout(Layout):
    """Paths of the mailbox of the project whose main checkout is `root`."""

    @property
    def worker_lock(self) -> Path:
        """The lock that the worker holds as long as it lives."""
        return self.lock("worker")

    def paths(self, identity: str) -> MailboxPaths:
        """Return the paths of the orchestrator's mailbox; `default` uses the root folders."""
        part = "" if identity == DEFAULT else identity
        return MailboxPaths(
            root=self.root,
            host_base=self.host_base,
            identity=identity,
            inbox=self.inbox / part,
            outbox=self.outbox / part,
            claimed=self.claimed / part,
        )

    def identities(self) -> list[str]:
        """Return `default`, then every orchestrator that has a folder here."""
        found = {*_names_in(self.inbox, self.root), *_names_in(self.outbox, self.root)}
        return [DEFAULT, *sorted(found | set(_names_in(self.claimed, self.host_base)))]

    def ensure(self) -> None:
        """Create the folders of the host, and make git ignore them.

        Raises:
            StorageFailed: a folder could not be created, or a link or file has its name.
        """
        for folder in (self.kitty, self.inbox, self.outbox):
            folders.ensure(folder, below=self.root, mode=SHARED)
        record_folder.make_record_folder(self)
        base = self.host_base
        for folder in (self.claimed, self.dead_letters, self.cache):
            record_folder.make_inside(folder, base=base)
        ignore = self.kitty / ".gitignore"
        if not os.path.lexists(ignore):
            atomic.publish(ignore, b"*\n", below=self.root, sweeps=True)

    def ensure_mailbox(self, identity: str, *, owner_uid: int | None = None) -> None:
        """Create the folders of the orchestrator, too; as root, give them to the user `owner_uid`.

        Raises:
            StorageFailed: a folder could not be created, or a link or file has its name.
        """
        self.ensure()
        paths = self.paths(identity)
        record_folder.make_inside(paths.claimed, base=self.host_base)
        for folder in (paths.inbox, paths.outbox):
            folders.ensure(folder, below=self.root, mode=SHARED)
        # The root folders hold the mailboxes of the others, so their owner stays.
        if identity != DEFAULT and owner_uid is not None and os.geteuid() == 0:
            _give(paths, owner_uid)


def _give(paths: MailboxPaths, uid: int) -> None:
    with (
        atomic.translated(paths.inbox, "give away"),
        folders.opened(paths.inbox, below=paths.root) as inbox,
    ):
        _own(inbox, uid=uid, gid=os.fstat(inbox).st_gid, mode=INBOX_OF_USER)
    with (
        atomic.translated(paths.outbox, "give away"),
        folders.opened(paths.outbox, below=paths.root) as outbox,
    ):
        _own(outbox, uid=os.geteuid(), gid=_group_of(uid), mode=OUTBOX_OF_GROUP)


def _own(folder: int, *, uid: int, gid: int, mode: int) -> None:
    status = os.fstat(folder)
    if (status.st_uid, status.st_gid) != (uid, gid):
        os.fchown(folder, uid, gid)
    if stat.S_IMODE(status.st_mode) != mode:
        os.fchmod(folder, mode)


def _group_of(uid: int) -> int:
    try:
        return pwd.getpwuid(uid).pw_gid
    except KeyError:
        return uid


def _names_in(folder: Path, root: Path) -> Iterator[str]:
    if not folders.exists(folder, below=root):
        return
    with folders.opened(folder, below=root) as descriptor, os.scandir(descriptor) as entries:
        for entry in entries:
            if is_name(entry.name) and entry.is_dir(follow_symlinks=False):
                yield entry.name
