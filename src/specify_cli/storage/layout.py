"""The paths of everything in a project."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Final

from specify_cli.protocol import HEARTBEAT, SUFFIX
from specify_cli.storage import record_location
from specify_cli.storage.record_location import KITTY, MISSIONS

WORKTREES: Final = ".worktrees"
ARCHIVE: Final = "archive"


@lru_cache(maxsize=4096)
def _place(root: Path, *names: str) -> Path:
    # Cached: a request uses dozens of paths, and they are slow to make.
    return root.joinpath(*names)


class Layout:
    """The paths in the project whose main checkout is `root`.

    The host's own files are in the folder of the record; each access reads `.git` to find it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self)["root"] == vars(other)["root"]

    def __hash__(self) -> int:
        return hash(self.root)

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
        """The mailbox and the published files of the host; git ignores it."""
        return _place(self.root, KITTY)

    @property
    def config(self) -> Path:
        """The grants and settings of the operator."""
        return _place(self.root, KITTY, "config.toml")

    @property
    def inbox(self) -> Path:
        """The only folder that orchestrators write to."""
        return _place(self.root, KITTY, "inbox")

    @property
    def outbox(self) -> Path:
        """The folder for replies: the host writes, orchestrators read."""
        return _place(self.root, KITTY, "outbox")

    @property
    def journal(self) -> Path:
        """The newest part of the published journal."""
        return _place(self.root, KITTY, "outbox", "journal.jsonl")

    @property
    def archive(self) -> Path:
        """Older parts of the journal, compressed."""
        return _place(self.root, KITTY, ARCHIVE)

    @property
    def heartbeat(self) -> Path:
        """The worker's heartbeat, rewritten with every beat."""
        return _place(self.root, KITTY, "outbox", HEARTBEAT + SUFFIX)

    @property
    def former_host(self) -> Path:
        """The folder of the host's files before there was a record; now a dangling link."""
        return _place(self.root, KITTY, "host")

    @property
    def record(self) -> Path:
        """The folder of the record and all private files of the host."""
        return record_location.find(self.root)[1]

    @property
    def host_base(self) -> Path:
        """The folder above the record below which no link is followed."""
        return record_location.find(self.root)[0]

    @property
    def host(self) -> Path:
        """The folder of the host's private files."""
        return _place(self.record, "private")

    @property
    def claimed(self) -> Path:
        """Requests that were taken and not yet answered."""
        return _place(self.record, "private", "claimed")

    @property
    def dead_letters(self) -> Path:
        """Files that could not be answered under their own name, with the reasons."""
        return _place(self.record, "private", "dead-letters")

    @property
    def attic(self) -> Path:
        """Originals of what `doctor --fix` has changed."""
        return _place(self.record, "private", "attic")

    @property
    def torn(self) -> Path:
        """Remains of interrupted appends to logs."""
        return _place(self.record, "private", "torn")

    @property
    def signs_of_life(self) -> Path:
        """The newest request of each holder that is not in the log."""
        return _place(self.record, "private", "signs-of-life")

    @property
    def workspaces(self) -> Path:
        """The host's notes about each workspace that it made."""
        return _place(self.record, "private", "workspaces")

    @property
    def faults(self) -> Path:
        """Tracebacks of internal errors of the host."""
        return _place(self.record, "private", "faults.log")

    @property
    def worker_status(self) -> Path:
        """What the worker tells only the operator, rewritten with every beat."""
        return _place(self.record, "private", HEARTBEAT + SUFFIX)

    @property
    def locks(self) -> Path:
        """Lock files, which are never removed."""
        return _place(self.record, "locks")

    @property
    def cache(self) -> Path:
        """Files that may be deleted at any time."""
        return _place(self.record, "private", "cache")

    def mission(self, slug: str) -> Path:
        """Return the folder of a mission."""
        return _place(self.root, MISSIONS, slug)

    def mission_file(self, slug: str, name: str) -> Path:
        """Return the path of a file in the folder of a mission."""
        return _place(self.root, MISSIONS, slug, name)

    def lock(self, name: str) -> Path:
        """Return the path of the lock file of that name."""
        # Not `*.lock`: people remove lock files of git.
        return _place(self.record, "locks", name)

    def base_of(self, path: Path) -> Path:
        """Return the folder below which no link to `path` is followed, in the project or beside the record."""
        base, record = record_location.find(self.root)
        return base if path.is_relative_to(record) else self.root
