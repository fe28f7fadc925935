"""Requests are found, taken by exactly one rename, and read without being fooled."""

from __future__ import annotations

import contextlib
import errno
import heapq
import itertools
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol

from specify_cli import clock, credentials, ids
from specify_cli.files import atomic
from specify_cli.files.folders import opened
from specify_cli.files.regular_files import read_regular
from specify_cli.mailbox.layout import DEFAULT, MailboxPaths
from specify_cli.mailbox.outbox import sweep_temporaries
from specify_cli.protocol import CLAIM_PREFIX, CORRELATION_ID, SUFFIX, is_request_id

CLAIM = re.compile(
    rf"([0-7][0-9A-HJKMNP-TV-Z]{{25}})-({CORRELATION_ID.pattern})\.json(\.read)?", re.ASCII
)
# A claim as it was read: its writer may still have the file open that it handed in.
KEPT = ".read"
# A folder that belongs to somebody else can be renamed where it lies, but not moved elsewhere.
CANNOT_MOVE = frozenset({errno.EXDEV, errno.EACCES, errno.EPERM})
BATCH = 10_000
NOTHING_KNOWN: Final[Mapping[str, Landed]] = MappingProxyType({})
# How many folders of others one look tells of.
SUBFOLDERS = 1_000


class Rename(Protocol):
    """`os.rename`, given names and the descriptors of the folders that they are in."""

    def __call__(self, old: str, new: str, /, *, src_dir_fd: int, dst_dir_fd: int) -> None:
        """The thing is called `new` there; nothing on the way was followed."""


class Landed(NamedTuple):
    """Something that lies in the inbox; sorts by when it came there."""

    ctime_ns: int
    name: str
    size: int = 0

    @property
    def stem(self) -> str | None:
        """The id to answer under, or None where the name is none that a request may have."""
        stem = self.name.removesuffix(SUFFIX)
        if not self.name.endswith(SUFFIX) or not is_request_id(stem) or credentials.find(stem):
            return None
        return stem


@dataclass(frozen=True, slots=True)
class Claim:
    """A request that was taken and not yet answered; `since` is when this process saw it first.

    From `base` on, no link to its file is followed.
    """

    claim_id: str
    stem: str
    path: Path
    base: Path = field(compare=False)
    size: int = field(default=0, compare=False)
    is_kept: bool = False
    since: float = field(default_factory=lambda: clock.now().timestamp(), compare=False)

    def written_at(self) -> float:
        """When its content last changed, in seconds since the epoch.

        Raises:
            OSError: it is gone, or the disk failed.
        """
        with opened(self.path.parent, below=self.base) as folder:
            return os.stat(self.path.name, dir_fd=folder, follow_symlinks=False).st_mtime

    def read(self, max_bytes: int, *, owner_uid: int | None = None) -> bytes:
        """Its bytes, read without being fooled.

        Raises:
            NotRegular: it is no plain file.
            ForeignOwner: it is not `owner_uid`'s.
            TooLarge: it holds more than `max_bytes`.
            FileNotFoundError: it is gone.
            StorageFailed, OSError: its folder is gone or a link, or the disk failed.
        """
        with opened(self.path.parent, below=self.base) as folder:
            return read_regular(
                Path(self.path.name), max_bytes=max_bytes, dir_fd=folder, owner_uid=owner_uid
            )

    def keep(self, raw: bytes, places: MailboxPaths) -> Claim:
        """This claim as it was read, in a file that only the host can reach.

        After a crash the very same bytes are judged again, whatever became of the other file.

        Raises:
            StorageFailed, OSError: as for `read`; the claim is as it was.
        """
        claimed, base = places.claimed, places.host_base
        path = claimed / f"{self.claim_id}-{self.stem}{SUFFIX}{KEPT}"
        atomic.publish(path, raw, mode=0o600, below=base)
        # As a dead letter it may be sent again, and is to be its owner's then; who is not root cannot
        # give it back.
        with (
            contextlib.suppress(OSError),
            opened(self.path.parent, below=self.base) as here,
            opened(claimed, below=base) as there,
        ):
            owner = os.stat(self.path.name, dir_fd=here, follow_symlinks=False)
            # Only the host can put anything there, so that this is no link.
            os.chown(path.name, owner.st_uid, owner.st_gid, dir_fd=there)
        self.retire()
        return replace(self, path=path, base=base, is_kept=True)

    def retire(self) -> None:
        """It is gone.

        Raises:
            StorageFailed, OSError: as for `read`.
        """
        with (
            opened(self.path.parent, below=self.base) as folder,
            contextlib.suppress(FileNotFoundError),
        ):
            os.unlink(self.path.name, dir_fd=folder)


@dataclass(frozen=True, slots=True)
class Backlog:
    """How much waits, and since when the oldest of it (seconds since the epoch)."""

    depth: int
    oldest: float | None


class Inbox:
    """One folder of requests, all from one orchestrator; only the one worker takes from it.

    Every method raises StorageFailed or OSError where a folder is gone, is a link, or the disk
    failed. `on_look` is given the descriptor of the folder before it is listed, and says whether it `is_watched` then:
    what lands later is told of.
    """

    def __init__(
        self,
        places: MailboxPaths,
        *,
        rename: Rename = os.rename,
        on_look: Callable[[int], bool] = lambda _: False,
    ) -> None:
        self.identity = places.identity
        self.folder = places.inbox
        self._places = places
        self._rename = rename
        self._on_look = on_look
        self.is_watched = False
        # Claims are taken up again in the order of their ids, so these must never run backwards.
        self._last_id: str | None = None
        # What may be the mailboxes of others, as the last look showed them.
        self.subfolders: frozenset[str] = frozenset()

    def follow(self, places: MailboxPaths) -> None:
        """The folder of claims is where the record is now: it moves with it into a new repository."""
        self._places = places

    def landed(self, limit: int = BATCH) -> list[Landed]:
        """The oldest `limit` things that are no write in progress, oldest first.

        Listed twice: what lands while a folder is listed may be missed, and something younger seen.
        Whatever is older than what was seen at first was there before the second time began.
        """
        with self._opened() as folder:
            self.is_watched = self._on_look(folder)
            subfolders: list[str] = []
            found = {one.name: one for one in self._list(folder, subfolders)}
            seen = heapq.nsmallest(limit, found.values())
            again = self._list(folder, [], known=found) if seen else ()
            landed = heapq.nsmallest(limit, (one for one in again if one <= seen[-1]))
        self.subfolders = frozenset(subfolders)
        return landed

    def backlog(self) -> Backlog:
        """How much waits here; the age is that of the first `BATCH` listed."""
        with self._opened() as folder:
            listing = self._list(folder, [])
            first = list(itertools.islice(listing, BATCH))
            depth = len(first) + sum(1 for _ in listing)
        return Backlog(depth, min(first).ctime_ns / 1e9 if first else None)

    def claim(self, name: str, stem: str, *, size: int = 0) -> Claim | None:
        """The thing called `name` is ours alone from now on; None when it is gone."""
        claim_id = self._last_id = ids.ulid(after=self._last_id)
        path = self.move(self.folder / name, self._places.claimed, f"{claim_id}-{stem}{SUFFIX}")
        if path is None:
            return None
        return Claim(claim_id, stem, path, self._places.base_of(path.parent), size)

    def move(self, thing: Path, target: Path, new_name: str) -> Path | None:
        """Where the thing lies now: in `target`, or hidden beside where it was; None: it is gone."""
        base_of = self._places.base_of
        with (
            opened(thing.parent, below=base_of(thing.parent)) as here,
            opened(target, below=base_of(target)) as there,
        ):
            try:
                self._rename(thing.name, new_name, src_dir_fd=here, dst_dir_fd=there)
            except FileNotFoundError:
                return None
            except OSError as error:
                if error.errno not in CANNOT_MOVE:
                    raise
                self._rename(thing.name, CLAIM_PREFIX + new_name, src_dir_fd=here, dst_dir_fd=here)
                return thing.with_name(CLAIM_PREFIX + new_name)
        return target / new_name

    def hidden(self, new_name: str) -> Path | None:
        """Where `move` hid the thing when it could not be moved, or None."""
        path = self.folder / (CLAIM_PREFIX + new_name)
        return path if os.path.lexists(path) else None

    def claims(self) -> list[Claim]:
        """Everything that was claimed and not yet taken away, in the order of claiming."""
        found = [
            *self._claims_in(self._places.claimed, ""),
            *self._claims_in(self.folder, CLAIM_PREFIX),
        ]
        kept = {claim.claim_id for claim in found if claim.is_kept}
        return sorted(
            (claim for claim in found if claim.is_kept or claim.claim_id not in kept),
            key=lambda claim: claim.claim_id,
        )

    def recover(self) -> list[Claim]:
        """The claims; what they were copied from before a crash is gone, and so are half copies."""
        sweep_temporaries(self._places.claimed, below=self._places.host_base)
        claims = self.claims()
        for claim in claims:
            if claim.is_kept:
                name = claim.path.name.removesuffix(KEPT)
                for path in (self._places.claimed / name, self.folder / (CLAIM_PREFIX + name)):
                    replace(claim, path=path, base=self._places.base_of(path.parent)).retire()
        # Whoever writes to the inbox can hide a claim there under the last id that there is.
        known = [claim.claim_id for claim in claims if not ids.is_far_ahead(claim.claim_id)]
        self._last_id = max([*known, self._last_id or ""]) or None
        return claims

    def keep(self, claim: Claim, raw: bytes) -> Claim:
        """The claim as it was read, where only the host can reach it."""
        return claim if claim.is_kept else claim.keep(raw, self._places)

    def _opened(self) -> contextlib.AbstractContextManager[int]:
        return opened(self.folder, below=self._places.root)

    def _list(
        self, folder: int, subfolders: list[str], known: Mapping[str, Landed] = NOTHING_KNOWN
    ) -> Iterator[Landed]:
        """What is no write in progress; in the root inbox a folder is another's mailbox.

        What is `known` is not looked at again.
        """
        is_root = self.identity == DEFAULT
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name
                if name in known:
                    yield known[name]
                    continue
                if is_in_progress(name):
                    continue
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    # The listing is a moment, not a lock.
                    continue
                is_mailbox = is_root and stat.S_ISDIR(status.st_mode)
                if name.endswith(SUFFIX) or not is_mailbox:
                    yield Landed(status.st_ctime_ns, name, status.st_size)
                elif len(subfolders) < SUBFOLDERS:
                    subfolders.append(name)

    def _claims_in(self, folder: Path, prefix: str) -> Iterator[Claim]:
        base = self._places.base_of(folder)
        with opened(folder, below=base) as descriptor:
            for name in os.listdir(descriptor):
                match = CLAIM.fullmatch(name.removeprefix(prefix))
                if match is None or not name.startswith(prefix) or not is_request_id(match[2]):
                    continue
                is_kept = match[3] is not None
                if is_kept and prefix:
                    # None of ours: what is kept lies where only the host writes, and is trusted for it.
                    continue
                size = os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_size
                yield Claim(match[1], match[2], folder / name, base, size, is_kept)


def is_in_progress(name: str) -> bool:
    """Whether a file of that name is still being written, by the protocol's word."""
    return name.startswith(".") or name.endswith(".tmp")
