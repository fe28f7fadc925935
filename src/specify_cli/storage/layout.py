"""Where everything of a project lies."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from specify_cli.protocol import HEARTBEAT, SUFFIX
from specify_cli.storage import host_place
from specify_cli.storage.host_place import KITTY, MISSIONS

WORKTREES: Final = ".worktrees"
ARCHIVE: Final = "archive"


@lru_cache(maxsize=4096)
def _place(root: Path, *names: str) -> Path:
    # They are asked for dozens of times a request, and a path takes long to make.
    return root.joinpath(*names)


@dataclass(frozen=True, slots=True)
class Layout:
    """The places in the project whose main checkout is `root`.

    What is the host's alone is in the folder of the record: to find that, `.git` is looked at each time.
    """

    root: Path

    @property
    def missions(self) -> Path:
        """The folder with one folder per mission."""
        return _place(self.root, MISSIONS)

    @property
    def worktrees(self) -> Path:
        """The folder of the workspaces of execution lanes."""
        return _place(self.root, WORKTREES)

    @property
    def kitty(self) -> Path:
        """The mailbox, and the host's own files; git ignores it."""
        return _place(self.root, KITTY)

    @property
    def config(self) -> Path:
        """What the operator grants and has set."""
        return _place(self.root, KITTY, "config.toml")

    @property
    def inbox(self) -> Path:
        """Orchestrators write here and nowhere else."""
        return _place(self.root, KITTY, "inbox")

    @property
    def outbox(self) -> Path:
        """The host writes here, orchestrators read."""
        return _place(self.root, KITTY, "outbox")

    @property
    def journal(self) -> Path:
        """Every request and its answer."""
        return _place(self.root, KITTY, "outbox", "journal.jsonl")

    @property
    def archive(self) -> Path:
        """Older parts of the journal, compressed, that are not in the outbox any more."""
        return _place(self.root, KITTY, ARCHIVE)

    @property
    def heartbeat(self) -> Path:
        """Whether a worker serves the mailbox, rewritten whole with every beat."""
        return _place(self.root, KITTY, "outbox", HEARTBEAT + SUFFIX)

    @property
    def former_host(self) -> Path:
        """Where releases before the record had the host's own files; a link that leads nowhere has the name now."""
        return _place(self.root, KITTY, "host")

    @property
    def record(self) -> Path:
        """The folder of the record, with all that is the host's alone."""
        return host_place.find(self.root)[1]

    @property
    def host_base(self) -> Path:
        """The folder above that of the record from which on no link is followed."""
        return host_place.find(self.root)[0]

    @property
    def host(self) -> Path:
        """The host's own: nobody else may look inside."""
        return _place(self.record, "private")

    @property
    def claimed(self) -> Path:
        """Requests taken and not yet answered."""
        return _place(self.record, "private", "claimed")

    @property
    def dead_letters(self) -> Path:
        """What could not be answered under its own name, each with its reason."""
        return _place(self.record, "private", "dead-letters")

    @property
    def attic(self) -> Path:
        """Originals of what `doctor --fix` has changed."""
        return _place(self.record, "private", "attic")

    @property
    def torn(self) -> Path:
        """What interrupted appends to logs have left."""
        return _place(self.record, "private", "torn")

    @property
    def signs_of_life(self) -> Path:
        """The newest request of each holder that is not in the log."""
        return _place(self.record, "private", "signs-of-life")

    @property
    def workspaces(self) -> Path:
        """What the host remembers of each workspace that it made."""
        return _place(self.record, "private", "workspaces")

    @property
    def faults(self) -> Path:
        """Tracebacks of the host's own faults."""
        return _place(self.record, "private", "faults.log")

    @property
    def locks(self) -> Path:
        """Lock files; they stay."""
        return _place(self.record, "locks")

    @property
    def cache(self) -> Path:
        """What may be thrown away at any time."""
        return _place(self.record, "private", "cache")

    def mission(self, slug: str) -> Path:
        """The folder of a mission."""
        return _place(self.root, MISSIONS, slug)

    def mission_file(self, slug: str, name: str) -> Path:
        """The file of that name in the folder of a mission."""
        return _place(self.root, MISSIONS, slug, name)

    def lock(self, name: str) -> Path:
        """The lock file of that name."""
        # Not `*.lock`: people remove what git leaves under such names.
        return _place(self.record, "locks", name)

    def base_of(self, path: Path) -> Path:
        """The folder from which on no link to `path` is followed, wherever in the project or beside the record it is."""
        base, record = host_place.find(self.root)
        return base if path.is_relative_to(record) else self.root
