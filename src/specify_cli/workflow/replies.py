"""Remove old replies from the outboxes; a repeated request is answered again from the journal."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

from specify_cli import clock, ids, progress
from specify_cli.files.atomic import translated
from specify_cli.files.regular_files import NotRegular, TooLarge, read_regular
from specify_cli.protocol import SUFFIX, is_orchestrator, is_request_id
from specify_cli.storage.journal import Journal
from specify_cli.storage.project import Project
from specify_cli.storage.renaming import rename_new
from specify_cli.workflow.bounds import Bounds, Going

MAX_BYTES = 64 * 1024 * 1024
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A reply file, and the orchestrator that receives it."""

    path: Path
    identity: str


@dataclass(frozen=True)
class Replies:
    """The replies in all outboxes of a project."""

    project: Project

    def old(self, older_than: timedelta) -> Iterator[Reply]:
        """Yield every older reply that equals the answer in the journal.

        Raises:
            StateUnreadable, StorageFailed: the state of the project cannot be read or written.
        """
        limit = clock.now() - older_than
        outbox = self.project.outbox
        with translated(outbox, "list"):
            yield from (reply for reply in _all_in(outbox) if self._can_go(reply, limit))

    def beyond(self, bounds: Bounds, *, young: timedelta) -> Iterator[Going[Reply]]:
        """Yield the oldest replies that go by the bounds, and equal the answer in the journal.

        Each orchestrator has a share of the bounds, so that the many replies of one do not remove those of others.

        Raises:
            StateUnreadable, StorageFailed: the state of the project cannot be read or written.
        """
        now = clock.now()
        items = []
        with translated(self.project.outbox, "list"):
            for reply in _all_in(self.project.outbox) if bounds.are_set else ():
                with suppress(FileNotFoundError):
                    status = reply.path.lstat()
                    items.append((reply, status.st_mtime, status.st_size))
            yield from bounds.going(
                items,
                now=now.timestamp(),
                may_go=lambda it: self._can_go(it, now - young),
                owner=lambda it: it.identity,
            )

    def remove(self, replies: Iterable[Reply], older_than: timedelta) -> list[Reply]:
        """Remove the replies that were not requested again meanwhile; return those that were removed.

        Raises:
            StorageFailed: the disk or git refused.
        """
        limit = (clock.now() - older_than).timestamp()
        counted = progress.counted(replies, "removing replies")
        return [reply for reply in counted if _remove(reply.path, limit)]

    def asked_for(self, limit: datetime) -> list[Reply]:
        """Return every reply that was requested after `limit`.

        Raises:
            StorageFailed: the disk or git refused.
        """
        with translated(self.project.outbox, "list"):
            return [
                it for it in _all_in(self.project.outbox) if _is_safe(it) and _stays(it.path, limit)
            ]

    def let_go(self, reply: Reply, limit: datetime) -> bool:
        """Remove the reply unless it was requested after `limit`; return whether it is gone.

        Raises:
            StorageFailed: the disk or git refused.
        """
        if not _is_safe(reply) or not os.path.lexists(reply.path):
            return True
        return not _stays(reply.path, limit) and _remove(reply.path, limit.timestamp())

    @cached_property
    def _journal(self) -> Journal:
        return Journal(self.project)

    def _can_go(self, reply: Reply, limit: datetime) -> bool:
        if _stays(reply.path, limit):
            return False
        scope = ids.scope_of(ids.MAILBOX, reply.identity)
        line = self._journal.find(reply.path.stem, scope)
        if line is None or datetime.fromisoformat(line["at"]) >= limit:
            return False
        with suppress(OSError, NotRegular, TooLarge, ValueError, RecursionError):
            found = json.loads(read_regular(reply.path, max_bytes=MAX_BYTES))
            return bool(found == line["envelope"])
        return False


def _all_in(outbox: Path) -> Iterator[Reply]:
    for name in _names(outbox):
        if _is_reply(name):
            yield Reply(path=outbox / name, identity=ids.DEFAULT_ORCHESTRATOR)
        elif not name.startswith(".") and not (outbox / name).is_symlink():
            inner = _names(outbox / name) if (outbox / name).is_dir() else []
            yield from (
                Reply(path=outbox / name / file, identity=name) for file in inner if _is_reply(file)
            )


def _names(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir())
    except FileNotFoundError:
        return []


def _is_reply(name: str) -> bool:
    return name.endswith(SUFFIX) and is_request_id(name.removesuffix(SUFFIX))


def _is_safe(reply: Reply) -> bool:
    """Whether the path is that of a reply: a forged name in the journal must not remove other files."""
    is_root = reply.identity == ids.DEFAULT_ORCHESTRATOR
    is_known = is_root or (is_orchestrator(reply.identity) and not reply.path.parent.is_symlink())
    return is_known and is_request_id(reply.path.stem)


def _stays(path: Path, limit: datetime) -> bool:
    """Whether the reply was requested after `limit`: a worker that finds it updates its time stamp."""
    with suppress(FileNotFoundError):
        return path.lstat().st_mtime >= limit.timestamp()
    return False


def _remove(path: Path, limit: float) -> bool:
    """Remove the reply unless it was requested again meanwhile; return whether it is gone.

    A worker that finds a reply updates its time stamp. The reply is therefore hidden first, and then its
    time stamp is read again: either the worker did not find the reply and publishes it again, or the new
    time stamp is seen here.
    """
    hidden = f".{path.name}.{secrets.token_hex(8)}.tmp"
    with translated(path, "remove"):
        folder = os.open(path.parent, FOLDER)
        try:
            with suppress(FileNotFoundError):
                os.rename(path.name, hidden, src_dir_fd=folder, dst_dir_fd=folder)
                if os.stat(hidden, dir_fd=folder, follow_symlinks=False).st_mtime < limit:
                    os.unlink(hidden, dir_fd=folder)
                    return True
                with suppress(FileExistsError):
                    rename_new(hidden, path.name, src_dir_fd=folder, dst_dir_fd=folder)
        finally:
            os.close(folder)
    return False
