"""Requests are found, taken by exactly one rename, and read once."""

from __future__ import annotations

import contextlib
import errno
import heapq
import itertools
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from specify_cli import clock, ids
from specify_cli.storage.safe_read import read_regular

STEM = re.compile(r"(?!\.)[A-Za-z0-9._-]{1,128}")
CLAIM = re.compile(r"([0-9A-HJKMNP-TV-Z]{26})-((?!\.)[A-Za-z0-9._-]{1,128})\.json")
SUFFIX = ".json"
# Its reply would take the name of the heartbeat, in any case on a file system that ignores case.
RESERVED_STEM = "worker"
# Claims of an inbox that lies on another file system than the host's folder stay inside it.
HIDDEN = ".claim-"
# A folder that belongs to somebody else can be renamed where it lies, but not moved elsewhere.
CANNOT_MOVE = frozenset({errno.EXDEV, errno.EACCES, errno.EPERM})
FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
BATCH = 10_000


class Rename(Protocol):
    """`os.rename`, given names and the descriptors of the folders that they are in."""

    def __call__(self, old: str, new: str, /, *, src_dir_fd: int, dst_dir_fd: int) -> None:
        """The thing is called `new` there; nothing on the way was followed."""


@dataclass(frozen=True, slots=True, order=True)
class Landed:
    """Something that lies in the inbox; sorts by when it came there."""

    ctime_ns: int
    name: str

    @property
    def stem(self) -> str | None:
        """The id to answer under, or None where the name is none that a request may have."""
        stem = self.name.removesuffix(SUFFIX)
        fits = STEM.fullmatch(stem) is not None and stem.lower() != RESERVED_STEM
        return stem if self.name.endswith(SUFFIX) and fits else None


@dataclass(frozen=True, slots=True)
class Claim:
    """A request that was taken and not yet answered; `since` is when this process saw it first."""

    claim_id: str
    stem: str
    path: Path
    since: float = field(default_factory=lambda: clock.now().timestamp(), compare=False)

    def written_at(self) -> float:
        """When its content last changed, in seconds since the epoch.

        Raises:
            OSError: it is gone, or the disk failed.
        """
        return self.path.stat(follow_symlinks=False).st_mtime

    def read(self, max_bytes: int) -> bytes:
        """Its bytes, read once and without being fooled.

        Raises:
            NotRegular: it is no plain file.
            TooLarge: it holds more than `max_bytes`.
            OSError: it is gone, or the disk failed.
        """
        return read_regular(self.path, max_bytes=max_bytes)


@dataclass(frozen=True, slots=True)
class Backlog:
    """How much waits, and since when the oldest of it (seconds since the epoch)."""

    depth: int
    oldest: float | None


class Inbox:
    """One folder of requests, all from one orchestrator; only the one worker takes from it."""

    def __init__(
        self,
        folder: Path,
        *,
        claimed: Path,
        identity: str = "default",
        rename: Rename = os.rename,
    ) -> None:
        self.identity = identity
        self.folder = folder
        self._claimed = claimed
        self._rename = rename

    def landed(self, limit: int = BATCH) -> list[Landed]:
        """The oldest `limit` things that are no write in progress, oldest first.

        Raises:
            OSError: the folder is gone, is a link, or the disk failed.
        """
        with _opened(self.folder) as folder:
            return heapq.nsmallest(limit, _list(folder))

    def backlog(self) -> Backlog:
        """How much waits here; the age is that of the first `BATCH` listed.

        Raises:
            OSError: as for `landed`.
        """
        with _opened(self.folder) as folder:
            listing = _list(folder)
            first = list(itertools.islice(listing, BATCH))
            depth = len(first) + sum(1 for _ in listing)
        return Backlog(depth, min(first).ctime_ns / 1e9 if first else None)

    def claim(self, name: str, stem: str) -> Claim | None:
        """The thing called `name` is ours alone from now on; None when it is gone.

        Raises:
            OSError: the kernel refused.
        """
        claim_id = ids.ulid()
        path = self.move(self.folder / name, self._claimed, f"{claim_id}-{stem}{SUFFIX}")
        return None if path is None else Claim(claim_id, stem, path)

    def move(self, thing: Path, target: Path, new_name: str) -> Path | None:
        """Where the thing lies now: in `target`, or hidden beside where it was; None: it is gone.

        Raises:
            OSError: the kernel refused both.
        """
        with _opened(thing.parent) as here, _opened(target) as there:
            try:
                self._rename(thing.name, new_name, src_dir_fd=here, dst_dir_fd=there)
            except FileNotFoundError:
                return None
            except OSError as error:
                if error.errno not in CANNOT_MOVE:
                    raise
                self._rename(thing.name, HIDDEN + new_name, src_dir_fd=here, dst_dir_fd=here)
                return thing.with_name(HIDDEN + new_name)
        return target / new_name

    def hidden(self, new_name: str) -> Path | None:
        """Where `move` hid the thing when it could not be moved, or None."""
        path = self.folder / (HIDDEN + new_name)
        return path if os.path.lexists(path) else None

    def claims(self) -> list[Claim]:
        """Everything that was claimed and not yet taken away, in the order of claiming.

        Raises:
            OSError: a folder is gone, or the disk failed.
        """
        found = [*_claims_in(self._claimed, ""), *_claims_in(self.folder, HIDDEN)]
        return sorted(found, key=lambda claim: claim.claim_id)


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, FOLDER_FLAGS)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _list(folder: int) -> Iterator[Landed]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.name.endswith(".tmp"):
                continue
            # It may be gone by now: the listing is a moment, not a lock.
            with contextlib.suppress(FileNotFoundError):
                status = entry.stat(follow_symlinks=False)
                # A folder is another orchestrator's mailbox, unless it poses as a request.
                if entry.name.endswith(SUFFIX) or not stat.S_ISDIR(status.st_mode):
                    yield Landed(status.st_ctime_ns, entry.name)


def _claims_in(folder: Path, prefix: str) -> Iterator[Claim]:
    with _opened(folder) as descriptor:
        names = os.listdir(descriptor)
    for name in names:
        match = CLAIM.fullmatch(name.removeprefix(prefix)) if name.startswith(prefix) else None
        if match is not None:
            yield Claim(match[1], match[2], folder / name)
