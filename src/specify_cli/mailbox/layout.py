"""Where the parts of a mailbox lie under `.kitty`, and the folders exist once asked for."""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from specify_cli import credentials
from specify_cli.files import atomic, folders
from specify_cli.protocol import HEARTBEAT, SUFFIX, is_orchestrator
from specify_cli.storage import record_folder
from specify_cli.storage.layout import Layout

SHARED = 0o755
# Of an orchestrator's folders where its user is known: it alone puts in, and its group takes out.
INBOX_OF_USER = 0o700
OUTBOX_OF_GROUP = 0o750
DEFAULT = "default"


def is_name(name: str) -> bool:
    """Whether a folder of that name in the inbox is the mailbox of an orchestrator of its own."""
    fits = is_orchestrator(name) and name.lower() != DEFAULT
    return fits and not credentials.find(name)


class MailboxPaths(NamedTuple):
    """Where the parts of one orchestrator's mailbox are: below `root`, and the claims below `host_base`."""

    root: Path
    host_base: Path
    identity: str
    inbox: Path
    outbox: Path
    claimed: Path

    def base_of(self, folder: Path) -> Path:
        """The folder from which on no link to this one, of the inbox, the outbox or the host, is followed."""
        return self.root if folder in (self.inbox, self.outbox) else self.host_base

    @property
    def heartbeat(self) -> Path:
        """Whether a worker serves this mailbox, rewritten whole with every beat."""
        return self.outbox / (HEARTBEAT + SUFFIX)


@dataclass(frozen=True, slots=True)
class MailboxLayout(Layout):
    """The places of the mailbox of the project whose main checkout is `root`."""

    @property
    def worker_lock(self) -> Path:
        """Held by the one worker as long as it lives."""
        return self.lock("worker")

    def places(self, identity: str) -> MailboxPaths:
        """Where the mailbox of that orchestrator lies; `default` has the roots."""
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
        """`default` first, then every other orchestrator that has a folder of its own here."""
        found = {*_names_in(self.inbox, self.root), *_names_in(self.outbox, self.root)}
        return [DEFAULT, *sorted(found | set(_names_in(self.claimed, self.host_base)))]

    def ensure(self) -> None:
        """Every folder of the host is there, is no link, and git ignores all of it.

        Raises:
            StorageFailed: a folder could not be made, or something else has its name.
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
        """The folders of that orchestrator are there, too, and are its own as far as we may say.

        Raises:
            StorageFailed: a folder could not be made, or something else has its name.
        """
        self.ensure()
        places = self.places(identity)
        record_folder.make_inside(places.claimed, base=self.host_base)
        for folder in (places.inbox, places.outbox):
            folders.ensure(folder, below=self.root, mode=SHARED)
        # The roots hold the others' folders: they are nobody's in particular.
        if identity != DEFAULT and owner_uid is not None and os.geteuid() == 0:
            _give(places, owner_uid)


def _give(places: MailboxPaths, uid: int) -> None:
    with (
        atomic.translated(places.inbox, "give away"),
        folders.opened(places.inbox, below=places.root) as inbox,
    ):
        _own(inbox, uid=uid, gid=os.fstat(inbox).st_gid, mode=INBOX_OF_USER)
    with (
        atomic.translated(places.outbox, "give away"),
        folders.opened(places.outbox, below=places.root) as outbox,
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
