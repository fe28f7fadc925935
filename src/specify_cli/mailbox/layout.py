"""Where the parts of a mailbox lie under `.kitty`, and the folders exist once asked for."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from specify_cli.errors import StorageFailed
from specify_cli.storage import atomic

SHARED = 0o755
PRIVATE = 0o700


@dataclass(frozen=True, slots=True)
class MailboxLayout:
    """The places of the mailbox of the project whose main checkout is `root`."""

    root: Path

    @property
    def kitty(self) -> Path:
        """Everything of the mailbox; git ignores it."""
        return self.root / ".kitty"

    @property
    def inbox(self) -> Path:
        """Orchestrators write here and nowhere else."""
        return self.kitty / "inbox"

    @property
    def outbox(self) -> Path:
        """The host writes here, orchestrators read."""
        return self.kitty / "outbox"

    @property
    def journal(self) -> Path:
        """Every request and its answer."""
        return self.outbox / "journal.jsonl"

    @property
    def heartbeat(self) -> Path:
        """Whether a worker serves the mailbox, rewritten whole with every beat."""
        return self.outbox / "worker.json"

    @property
    def host(self) -> Path:
        """The host's own: nobody else may look inside."""
        return self.kitty / "host"

    @property
    def claimed(self) -> Path:
        """Requests taken and not yet answered."""
        return self.host / "claimed"

    @property
    def dead_letters(self) -> Path:
        """What could not be answered under its own name, each with its reason."""
        return self.host / "dead-letters"

    @property
    def locks(self) -> Path:
        """Lock files; they stay."""
        return self.host / "locks"

    @property
    def cache(self) -> Path:
        """What may be thrown away at any time."""
        return self.host / "cache"

    @property
    def journal_lock(self) -> Path:
        """Held while a line is added to the journal."""
        return self.locks / "journal.lock"

    @property
    def worker_lock(self) -> Path:
        """Held by the one worker as long as it lives."""
        return self.locks / "worker.lock"

    def ensure(self) -> None:
        """Every folder is there, is no link, and git ignores all of it.

        Raises:
            StorageFailed: a folder could not be made, or something else has its name.
        """
        for folder in (self.kitty, self.inbox, self.outbox):
            _ensure_folder(folder, SHARED)
        for folder in (self.host, self.claimed, self.dead_letters, self.locks, self.cache):
            _ensure_folder(folder, PRIVATE)
        ignore = self.kitty / ".gitignore"
        if not os.path.lexists(ignore):
            atomic.publish(ignore, b"*\n")


def _ensure_folder(folder: Path, mode: int) -> None:
    try:
        folder.mkdir(mode=mode, exist_ok=True)
        status = folder.lstat()
    except OSError as error:
        raise StorageFailed(
            f"could not make the folder {folder}: {error.strerror}; check its permissions"
        ) from error
    if not stat.S_ISDIR(status.st_mode):
        # A link here would lead claims and replies out of the project.
        raise StorageFailed(f"{folder} is not a folder of its own; move it away, then try again")
