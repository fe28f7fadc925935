"""Requests that the host has taken from an inbox and not answered yet."""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from specify_cli import clock
from specify_cli.files import atomic
from specify_cli.files.folders import opened
from specify_cli.files.regular_files import read_regular
from specify_cli.mailbox.layout import MailboxPaths
from specify_cli.protocol import CORRELATION_ID, SUFFIX

CLAIM: Final = re.compile(
    rf"([0-7][0-9A-HJKMNP-TV-Z]{{25}})-({CORRELATION_ID.pattern})\.json(\.read)?", re.ASCII
)

KEPT: Final = ".read"
"""Suffix of the host's own copy of a claim. Its writer may still have the original open."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A request that was taken and not answered yet.

    Attributes:
        base: No link below this folder is followed on the way to `path`.
        is_kept: Whether `path` is the host's own copy.
        since: When this process first saw the claim, in seconds since the epoch.
        landed_ns: When the file came into the inbox, in nanoseconds since the epoch; 0 if another
            process has claimed it.
    """

    claim_id: str
    stem: str
    path: Path
    base: Path = field(compare=False)
    size: int = field(default=0, compare=False)
    is_kept: bool = False
    since: float = field(default_factory=lambda: clock.now().timestamp(), compare=False)
    landed_ns: int = field(default=0, compare=False)

    def received_at(self) -> str | None:
        """Return when the file came into the inbox; None if that is not known."""
        if not self.landed_ns:
            return None
        return clock.as_text(datetime.fromtimestamp(self.landed_ns / 1e9, UTC))

    def written_at(self) -> float:
        """Return when the content last changed, in seconds since the epoch.

        Raises:
            OSError: the file is gone, or the disk failed.
        """
        with opened(self.path.parent, below=self.base) as folder:
            return os.stat(self.path.name, dir_fd=folder, follow_symlinks=False).st_mtime

    def read(self, max_bytes: int, *, owner_uid: int | None = None) -> bytes:
        """Return the content; no link is followed, and only a regular file is read.

        Raises:
            NotRegular: it is not a regular file.
            ForeignOwner: its owner is not `owner_uid`.
            TooLarge: it holds more than `max_bytes`.
            FileNotFoundError: it is gone.
            StorageFailed: its folder is missing or a link.
            OSError: the disk failed.
        """
        with opened(self.path.parent, below=self.base) as folder:
            return read_regular(
                Path(self.path.name), max_bytes=max_bytes, dir_fd=folder, owner_uid=owner_uid
            )

    def keep(self, raw: bytes, paths: MailboxPaths) -> Claim:
        """Copy the content that was read to a file that only the host can write.

        After a crash the same bytes are judged again, whatever happened to the original.

        Raises:
            StorageFailed, OSError: as for `read`; the claim is unchanged.
        """
        claimed, base = paths.claimed, paths.host_base
        path = claimed / f"{self.claim_id}-{self.stem}{SUFFIX}{KEPT}"
        atomic.publish(path, raw, mode=0o600, below=base)
        # A dead letter may be replayed, and then its owner is checked. Only root can change the owner.
        with (
            contextlib.suppress(OSError),
            opened(self.path.parent, below=self.base) as source,
            opened(claimed, below=base) as target,
        ):
            owner = os.stat(self.path.name, dir_fd=source, follow_symlinks=False)
            # Only the host can write to this folder, so the name is not a link.
            os.chown(path.name, owner.st_uid, owner.st_gid, dir_fd=target)
        self.retire()
        return replace(self, path=path, base=base, is_kept=True)

    def retire(self) -> None:
        """Remove the file.

        Raises:
            StorageFailed, OSError: as for `read`.
        """
        with (
            opened(self.path.parent, below=self.base) as folder,
            contextlib.suppress(FileNotFoundError),
        ):
            os.unlink(self.path.name, dir_fd=folder)
