"""Find requests in an inbox and take each one with a single rename."""

from __future__ import annotations

import contextlib
import errno
import heapq
import itertools
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol

from specify_cli import credentials, ids
from specify_cli.files.folder_stamp import FolderStamp
from specify_cli.files.folders import opened
from specify_cli.mailbox.claims import CLAIM, KEPT, Claim
from specify_cli.mailbox.layout import DEFAULT, MailboxPaths
from specify_cli.mailbox.outbox import sweep_temporaries
from specify_cli.protocol import CLAIM_PREFIX, SUFFIX, is_request_id

# A folder that another user owns can be renamed within its parent, but not moved to another one.
CANNOT_MOVE = frozenset({errno.EXDEV, errno.EACCES, errno.EPERM})
# The most entries that one listing returns.
MAX_LISTED = 10_000
INVALID_NAME = (
    "is not a valid name of a request: "
    "<correlation_id>.json, 1 to 128 of A-Z a-z 0-9 . _ -, no dot first, not 'worker'"
)
NOTHING_KNOWN: Final[Mapping[str, Landed]] = MappingProxyType({})
# The most subfolders that one listing returns.
SUBFOLDERS = 1_000


class Rename(Protocol):
    """The signature of `os.rename` with names relative to open folders."""

    def __call__(self, old: str, new: str, /, *, src_dir_fd: int, dst_dir_fd: int) -> None:
        """Rename `old` to `new` without following links."""


class Landed(NamedTuple):
    """An entry of the inbox; entries sort by the time of their last rename or change."""

    ctime_ns: int
    name: str
    size: int = 0

    @property
    def stem(self) -> str | None:
        """The correlation id; None if the name is not a valid name of a request."""
        stem = self.name.removesuffix(SUFFIX)
        if not self.name.endswith(SUFFIX) or not is_request_id(stem) or credentials.find(stem):
            return None
        return stem


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many requests wait, and the time of the oldest one in seconds since the epoch."""

    depth: int
    oldest: float | None


class Inbox:
    """One folder of requests from one orchestrator. Only the worker takes requests from it.

    Every method raises StorageFailed or OSError if a folder is missing or a link, or if the disk failed.

    Attributes:
        is_watched: The result of `on_look`, which is called with the open folder before each listing:
            whether file events report the entries that land later.
        subfolders: Possible mailboxes of other orchestrators, as of the last listing.
    """

    def __init__(
        self,
        paths: MailboxPaths,
        *,
        rename: Rename = os.rename,
        on_look: Callable[[int], bool] = lambda _: False,
    ) -> None:
        self.identity = paths.identity
        self.folder = paths.inbox
        self._paths = paths
        self._rename = rename
        self._on_look = on_look
        self.is_watched = False
        self._stamp = FolderStamp()
        # Whether the last listing found nothing, and file events report what lands later.
        self._is_quiet = False
        # Recovery processes claims in the order of their ids, so ids must increase.
        self._last_id: str | None = None
        self.subfolders: frozenset[str] = frozenset()

    def follow(self, paths: MailboxPaths) -> None:
        """Use these paths from now on: the folder of claims moves with the record."""
        self._paths = paths

    def landed(self, limit: int = MAX_LISTED) -> list[Landed]:
        """Return the oldest `limit` entries, oldest first, without files that are still being written.

        The folder is listed twice. A listing may miss an entry that lands meanwhile and still show a
        younger one. Every entry older than those of the first listing was there before the second began.
        An inbox that was empty is not listed while its date shows that it is empty still.
        """
        if self._is_empty_still():
            return []
        with self._opened() as folder, self._stamp.listing(folder):
            self.is_watched = self._on_look(folder)
            subfolders: list[str] = []
            found = {one.name: one for one in self._list(folder, subfolders)}
            seen = heapq.nsmallest(limit, found.values())
            again = self._list(folder, [], known=found) if seen else ()
            landed = heapq.nsmallest(limit, (one for one in again if one <= seen[-1]))
        self.subfolders = frozenset(subfolders)
        self._is_quiet = self.is_watched and not found
        return landed

    def _is_empty_still(self) -> bool:
        return self._is_quiet and self._stamp.is_current(self.folder)

    def backlog(self) -> Backlog:
        """Return how many entries wait; the age is that of the oldest of the first `MAX_LISTED` entries."""
        if self._is_empty_still():
            return Backlog(0, None)
        with self._opened() as folder:
            listing = self._list(folder, [])
            first = list(itertools.islice(listing, MAX_LISTED))
            depth = len(first) + sum(1 for _ in listing)
        return Backlog(depth, min(first).ctime_ns / 1e9 if first else None)

    def claim(self, name: str, stem: str, *, size: int = 0, landed_ns: int = 0) -> Claim | None:
        """Take the entry `name` out of the inbox; return None if it is gone."""
        claim_id = self._last_id = ids.ulid(after=self._last_id)
        path = self.move(self.folder / name, self._paths.claimed, f"{claim_id}-{stem}{SUFFIX}")
        if path is None:
            return None
        base = self._paths.base_of(path.parent)
        return Claim(claim_id, stem, path, base, size, landed_ns=landed_ns)

    def move(self, source: Path, target: Path, new_name: str) -> Path | None:
        """Move `source` into the folder `target`, or hide it in its own folder if that is refused.

        Returns:
            The new path; None if `source` is gone.
        """
        base_of = self._paths.base_of
        with (
            opened(source.parent, below=base_of(source.parent)) as old_folder,
            opened(target, below=base_of(target)) as new_folder,
        ):
            try:
                self._rename(source.name, new_name, src_dir_fd=old_folder, dst_dir_fd=new_folder)
            except FileNotFoundError:
                return None
            except OSError as error:
                if error.errno not in CANNOT_MOVE:
                    raise
                hidden = CLAIM_PREFIX + new_name
                self._rename(source.name, hidden, src_dir_fd=old_folder, dst_dir_fd=old_folder)
                return source.with_name(hidden)
        return target / new_name

    def hidden(self, new_name: str) -> Path | None:
        """Return the path under which `move` hid an entry that could not be moved, or None."""
        path = self.folder / (CLAIM_PREFIX + new_name)
        return path if os.path.lexists(path) else None

    def claims(self) -> list[Claim]:
        """Return every claim that was not retired, in the order of claiming."""
        found = [
            *self._claims_in(self._paths.claimed, ""),
            *self._claims_in(self.folder, CLAIM_PREFIX),
        ]
        kept = {claim.claim_id for claim in found if claim.is_kept}
        return sorted(
            (claim for claim in found if claim.is_kept or claim.claim_id not in kept),
            key=lambda claim: claim.claim_id,
        )

    def recover(self) -> list[Claim]:
        """Return the claims; remove temporary files and the originals of kept claims."""
        sweep_temporaries(self._paths.claimed, below=self._paths.host_base)
        claims = self.claims()
        for claim in claims:
            if claim.is_kept:
                name = claim.path.name.removesuffix(KEPT)
                for path in (self._paths.claimed / name, self.folder / (CLAIM_PREFIX + name)):
                    replace(claim, path=path, base=self._paths.base_of(path.parent)).retire()
        # A client can forge a hidden claim with the highest possible id. Such ids are ignored.
        known = [claim.claim_id for claim in claims if not ids.is_far_ahead(claim.claim_id)]
        self._last_id = max([*known, self._last_id or ""]) or None
        return claims

    def keep(self, claim: Claim, raw: bytes) -> Claim:
        """Return the claim with its content in a file that only the host can write."""
        return claim if claim.is_kept else claim.keep(raw, self._paths)

    def _opened(self) -> contextlib.AbstractContextManager[int]:
        return opened(self.folder, below=self._paths.root)

    def _list(
        self, folder: int, subfolders: list[str], known: Mapping[str, Landed] = NOTHING_KNOWN
    ) -> Iterator[Landed]:
        """Yield the entries that are not being written; add mailboxes in the root inbox to `subfolders`.

        Entries in `known` are not examined again.
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
                    # The entry was removed after the folder was listed.
                    continue
                is_mailbox = is_root and stat.S_ISDIR(status.st_mode)
                if name.endswith(SUFFIX) or not is_mailbox:
                    yield Landed(status.st_ctime_ns, name, status.st_size)
                elif len(subfolders) < SUBFOLDERS:
                    subfolders.append(name)

    def _claims_in(self, folder: Path, prefix: str) -> Iterator[Claim]:
        base = self._paths.base_of(folder)
        with opened(folder, below=base) as descriptor:
            for name in os.listdir(descriptor):
                match = CLAIM.fullmatch(name.removeprefix(prefix))
                if match is None or not name.startswith(prefix) or not is_request_id(match[2]):
                    continue
                is_kept = match[3] is not None
                if is_kept and prefix:
                    # Forged: the host keeps copies only in its own folder, and trusts them for that.
                    continue
                try:
                    size = os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_size
                except FileNotFoundError:
                    # Its reply was synced, and the claim retired, after the folder was listed.
                    continue
                yield Claim(match[1], match[2], folder / name, base, size, is_kept)


def is_in_progress(name: str) -> bool:
    """Return whether the protocol says that a file of this name is still being written."""
    return name.startswith(".") or name.endswith(".tmp")
