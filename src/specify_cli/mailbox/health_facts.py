"""Collect what is known of a worker and its disks within a bounded time, whatever hangs."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from specify_cli import clock, processes
from specify_cli.errors import SpecKittyError
from specify_cli.files import locks
from specify_cli.files.bounded import BoundedCalls
from specify_cli.mailbox import worker_status
from specify_cli.mailbox.inbox import Inbox
from specify_cli.mailbox.layout import DEFAULT, MailboxLayout, MailboxPaths
from specify_cli.storage import heartbeat_file, record_heads, records
from specify_cli.storage.record_database import DATABASE

ANSWER_WITHIN_S: Final = 2.0
"""How long all calls together may take; what has not answered by then hangs."""

# Returns the digest of `config.toml`; raises SpecKittyError if it is damaged.
ReadDigest = Callable[[], str | None]


class Disk(NamedTuple):
    """The file system of a folder."""

    path: str
    device: int
    free_bytes: int
    size_bytes: int
    free_files: int
    files: int


@dataclass(slots=True, kw_only=True)
class MailboxFacts:
    """What is known of one mailbox; `depth` is None if the inbox cannot be listed in time."""

    paths: MailboxPaths
    beat: dict[str, Any] | None = None
    is_alive: bool = False
    depth: int | None = None

    @property
    def parked_reads(self) -> int:
        """How many reads are parked; a worker of another version does not report them."""
        count = (self.beat or {}).get("parked_reads")
        return count if self.is_alive and isinstance(count, int) else 0

    @property
    def depth_now(self) -> int | None:
        """How many requests wait or are in progress."""
        return None if self.depth is None else max(0, self.depth - self.parked_reads)


@dataclass(slots=True, kw_only=True)
class Facts:
    """What was found within the time.

    Attributes:
        holder: The process that holds the lock of the worker and is seen from here.
        worker: The status for the operator; None if this user cannot read it.
        disks: Each disk once.
        lockers: The pids of the processes that are writing to the record.
        hanging: The paths that did not answer, with the operation.
        failures: Errors by the name of the part that could not be read.
    """

    layout: MailboxLayout
    now: float
    holder: processes.Process | None = None
    is_suspended: bool = False
    children: list[processes.Child] = field(default_factory=list)
    worker: dict[str, Any] | None = None
    worker_is_alive: bool = False
    config_digest: str | None = None
    record: dict[str, Any] | None = None
    lockers: list[int] = field(default_factory=list)
    journal_bytes: int | None = None
    disks: list[Disk] = field(default_factory=list)
    mailboxes: list[MailboxFacts] = field(default_factory=list)
    hanging: dict[str, Path] = field(default_factory=dict)
    failures: dict[str, Exception] = field(default_factory=dict)

    @property
    def is_alive(self) -> bool:
        """Whether a worker has written a heartbeat lately, for anyone to read or for the operator."""
        return self.worker_is_alive or any(it.is_alive for it in self.mailboxes)


def collect(
    layout: MailboxLayout, read_digest: ReadDigest, *, within_s: float = ANSWER_WITHIN_S
) -> Facts:
    """Return what is known within that time. What hangs or fails is named instead."""
    calls = BoundedCalls()
    paths: dict[str, Path] = {}

    def start(name: str, path: Path, call: Callable[[], Any]) -> None:
        paths[name] = path
        calls.start(name, call)

    def start_mailbox(identity: str) -> None:
        of = layout.paths(identity)
        start(f"heartbeat/{identity}", of.outbox, partial(_heartbeat, of))
        start(f"depth/{identity}", of.inbox, partial(_depth, of))
        start(f"disk/{identity}", of.outbox, partial(_disk, of.outbox))

    def list_mailboxes() -> list[str]:
        identities = layout.identities()
        for identity in identities[1:]:
            start_mailbox(identity)
        return identities

    start("config", layout.config, read_digest)
    for name, path, call in _of_project(layout):
        start(name, path, call)
    start_mailbox(DEFAULT)
    start("mailboxes", layout.inbox, list_mailboxes)
    found, failures = calls.wait(within_s)
    hanging = {name: path for name, path in [*paths.items()] if name not in {*found, *failures}}
    return _facts(layout, found, failures=dict(failures), hanging=hanging)


def _of_project(layout: MailboxLayout) -> Iterator[tuple[str, Path, Callable[[], Any]]]:
    record = layout.record
    yield "holder", record, partial(_holder, layout)
    yield "worker", layout.host, partial(_worker, layout)
    yield "record", record, partial(_record, layout)
    yield "lockers", record, partial(_lockers, layout)
    yield "disk", record, partial(_disk, record)
    yield "journal", layout.outbox, partial(_journal_bytes, layout)


def _facts(
    layout: MailboxLayout,
    found: Mapping[str, Any],
    *,
    failures: dict[str, Exception],
    hanging: dict[str, Path],
) -> Facts:
    last, children = found.get("holder", (None, []))
    # Then it is not alive, however young its heartbeat is.
    has_ended = last is not None and last.is_dead
    # A worker that writes its own metrics knows that it lives.
    is_other = last is not None and last.is_seen_alive and last != processes.this_process()
    worker, worker_is_alive = found.get("worker", (None, False))
    # The record's first, where several folders are on one disk.
    disks = [found[name] for name in sorted(found) if name.startswith("disk") and found[name]]
    names = [name.partition("/")[2] for name in (*found, *failures, *hanging)]
    identities = [DEFAULT, *sorted({name for name in names if name} - {DEFAULT})]
    return Facts(
        layout=layout,
        now=clock.now().timestamp(),
        holder=last if is_other else None,
        is_suspended=last is not None and last.is_stopped,
        children=children,
        worker=worker,
        worker_is_alive=worker_is_alive and not has_ended,
        config_digest=found.get("config"),
        record=found.get("record"),
        lockers=found.get("lockers", []),
        journal_bytes=found.get("journal"),
        disks=list({it.device: it for it in reversed(disks)}.values()),
        mailboxes=[_mailbox(layout.paths(it), found, has_ended=has_ended) for it in identities],
        hanging=hanging,
        failures=failures,
    )


def _mailbox(paths: MailboxPaths, found: Mapping[str, Any], *, has_ended: bool) -> MailboxFacts:
    beat, is_alive = found.get(f"heartbeat/{paths.identity}", (None, False))
    depth = found.get(f"depth/{paths.identity}")
    is_alive = is_alive and not has_ended
    return MailboxFacts(paths=paths, beat=beat, is_alive=is_alive, depth=depth)


# Each of these may hang.


def _holder(layout: MailboxLayout) -> tuple[processes.Process | None, list[processes.Child]]:
    last = locks.last_holder(layout.worker_lock)
    return last, processes.children(last.pid) if last and last.is_seen_alive else []


def _worker(layout: MailboxLayout) -> tuple[dict[str, Any] | None, bool]:
    return worker_status.read(layout), worker_status.is_alive(layout)


def _heartbeat(paths: MailboxPaths) -> tuple[dict[str, Any] | None, bool]:
    return heartbeat_file.last_beat(paths.heartbeat), heartbeat_file.is_alive(paths.heartbeat)


def _depth(paths: MailboxPaths) -> int:
    requests = Inbox(paths)
    depth = 0
    # A folder that does not exist yet, or that is not readable, counts as empty.
    with contextlib.suppress(SpecKittyError, OSError):
        depth += requests.backlog().depth
    with contextlib.suppress(SpecKittyError, OSError):
        # The claim of an answered request remains until its reply is synced.
        depth += sum(not (paths.outbox / f"{it.stem}.json").exists() for it in requests.claims())
    return depth


def _record(layout: MailboxLayout) -> dict[str, Any] | None:
    record = records.found(layout)
    head = record_heads.newest(record) if record else None
    if record is None or head is None:
        return None
    size = sum(it.stat().st_size for it in record.path.parent.glob(f"{record.path.name}*"))
    return {
        "record": head.record_id,
        "position": head.position,
        "head": head.head,
        "size_bytes": size,
    }


def _lockers(layout: MailboxLayout) -> list[int]:
    # In write-ahead mode, a writer locks the shared memory.
    files = [it.stat() for it in layout.record.glob(f"{DATABASE}*")]
    names = {f"{os.major(it.st_dev):02x}:{os.minor(it.st_dev):02x}:{it.st_ino}" for it in files}
    # Source: proc_locks(5). A waiting process has "->" before its lock.
    lines = [it.split() for it in Path("/proc/locks").read_text("ascii").splitlines()]
    found = {int(it[4]) for it in lines if it[3] == "WRITE" and it[5] in names}
    return sorted(found - {os.getpid()})


def _journal_bytes(layout: MailboxLayout) -> int:
    return sum(it.lstat().st_size for it in layout.outbox.glob("journal*.jsonl"))


def _disk(folder: Path) -> Disk | None:
    while not folder.exists():
        folder = folder.parent
    found = os.statvfs(folder)
    return Disk(
        path=str(folder),
        device=folder.stat().st_dev,
        free_bytes=found.f_bavail * found.f_frsize,
        size_bytes=found.f_blocks * found.f_frsize,
        free_files=found.f_favail,
        files=found.f_files,
    )
