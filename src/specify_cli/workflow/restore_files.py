"""Replace the files of a project by those of a backup, and keep what was there."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from specify_cli import ids
from specify_cli.files import folders, moves
from specify_cli.files.atomic import publish, translated
from specify_cli.protocol import SUFFIX
from specify_cli.storage import (
    host_moves,
    record_folder,
    record_location,
    reply_differences,
    restore_checks,
)
from specify_cli.storage.backup_manifest import ARCHIVE, CONFIG, JOURNAL, LETTERS
from specify_cli.storage.journal_files import JournalFiles
from specify_cli.storage.layout import Layout
from specify_cli.storage.record import Record
from specify_cli.storage.record_database import DATABASE

_OF_MACHINE: Final = ("claimed", "dead-letters", "signs-of-life", "workspaces")
"""Private folders that belong to this machine, or have what came after the backup."""


def folder_of_replaced(record: Path) -> Path:
    """Return the folder in which restores of a record keep what they replaced."""
    return record.parent / "replaced"


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreFiles:
    """The unpacked backup, and the folder `replaced` for what it replaces."""

    project: Layout
    backup: Path
    replaced: Path

    def build(self, folder: Path, *, base: Path, present: Path) -> None:
        """Make the folder of the record from the backup, and from what is `present` of this machine.

        Raises:
            StorageFailed, OSError: the disk refused.
            StateUnreadable: the record cannot be read.
        """
        for each in (folder, folder / "locks", folder / "private"):
            each.mkdir(mode=0o700, exist_ok=True)
        (self.backup / DATABASE).rename(folder / DATABASE)
        self._take_over(present / "private", folder / "private")
        record = Record(folder)
        try:
            if (checkout := record_location.around(self.project.root)) is not None:
                record.remember("path", record_location.path_in(checkout[0], self.project.root))
        finally:
            record.close()
        host_moves.open_up(folder, base=base, mode=record_folder.mode_of(self.project))

    def _take_over(self, present: Path, private: Path) -> None:
        with (
            folders.opened(present, below=present.parent) as here,
            folders.opened(private, below=private.parent) as there,
        ):
            for name in _OF_MACHINE:
                with suppress(FileNotFoundError):
                    moves.copy(name, name, src_dir_fd=here, dst_dir_fd=there)
        letters = private / LETTERS
        letters.mkdir(mode=0o700, exist_ok=True)
        known = {it.stem for it in letters.iterdir()}
        for path in sorted((self.backup / LETTERS).glob("*")):
            if path.stem not in known:
                path.rename(letters / path.name)

    def put_config(self) -> Path | None:
        """Publish the config if the project has none; else put another one beside it, and return that.

        Raises:
            StorageFailed: the disk refused.
        """
        source, target = self.backup / CONFIG, self.project.config
        if not source.exists() or restore_checks.is_same(source, target):
            return None
        is_free = not os.path.lexists(target)
        target = target if is_free else target.with_name(f"{CONFIG}.of-backup")
        publish(target, source.read_bytes(), mode=0o600, below=self.project.root)
        return None if is_free else target

    def put_archive(self) -> None:
        """Add the parts of the archive; a part with another content is replaced.

        Raises:
            StorageFailed: the disk refused.
        """
        for path in sorted((self.backup / ARCHIVE).glob("*")):
            self._put(path, self.project.archive / path.name, mode=0o600)

    def put_journal(self) -> None:
        """Replace the published journal.

        Raises:
            StorageFailed: the disk refused.
        """
        files = JournalFiles(self.project.journal)
        sources = {it.name: it for it in (self.backup / JOURNAL).glob("*")}
        for path in (*files.older_parts(), files.path):
            if path.name not in sources:
                self._set_aside(path)
        for name, path in sorted(sources.items()):
            self._put(path, files.path.with_name(name), mode=0o644)

    def put_replies_aside(self, record: Record) -> None:
        """Set replies aside that the record does not know; their requests are answered anew.

        Raises:
            StateUnreadable, StorageFailed: the record cannot be read, or the disk refused.
        """
        for identity, folder in reply_differences.outboxes(self.project):
            scope = ids.scope_of(ids.MAILBOX, identity)
            for name in reply_differences.replies_in(folder, self.project):
                if record.find(name.removesuffix(SUFFIX), scope) is None:
                    self._set_aside(folder / name)

    def _put(self, source: Path, target: Path, *, mode: int) -> None:
        if not restore_checks.is_same(source, target):
            self._set_aside(target)
            folders.ensure_all(target.parent, below=self.project.root, mode=0o700)
            publish(target, source.read_bytes(), mode=mode, below=self.project.root)

    def _set_aside(self, path: Path) -> None:
        """Move the file, if there is one, to its path below `.kitty` in the folder `replaced`."""
        if not os.path.lexists(path):
            return
        kept = self.replaced / path.relative_to(self.project.kitty)
        kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (
            translated(path, "move"),
            folders.opened(path.parent, below=self.project.root) as here,
            folders.opened(kept.parent, below=self.replaced) as there,
        ):
            moves.move(path.name, _free(kept).name, src_dir_fd=here, dst_dir_fd=there)


def _free(path: Path) -> Path:
    """Return the path, with a number if a former, killed restore has put something there."""
    number, found = 1, path
    while os.path.lexists(found):
        number += 1
        found = path.with_name(f"{path.name}.{number}")
    return found


def put_record_aside(folder: Path, replaced: Path) -> None:
    """Move the folder of a record into `replaced`; an empty one is removed.

    Raises:
        OSError: the disk refused.
    """
    if (folder / DATABASE).exists():
        replaced.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.rename(_free(replaced / "record"))
