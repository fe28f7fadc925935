"""Back up the host's data of a project, as of one moment, while a worker runs.

Git backs up branches and the folders of missions: their refs move at other moments than the record,
they are usually pushed anyway, and a restore must never move a branch. A request that has no answer
yet belongs to its client, who sends it again under the same id.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from specify_cli import __version__, clock
from specify_cli.errors import StateUnreadable, UsageError
from specify_cli.files import locks
from specify_cli.files.atomic import translated
from specify_cli.files.regular_files import NotRegular, opened_file
from specify_cli.storage import (
    backup_file,
    backup_manifest,
    record_copies,
    record_heads,
    record_schema,
    records,
)
from specify_cli.storage.backup_file import Content
from specify_cli.storage.backup_manifest import ARCHIVE, CONFIG, JOURNAL, LETTERS, RECORD, Manifest
from specify_cli.storage.dead_letters import LetterFolder
from specify_cli.storage.journal_files import JournalFiles, opened
from specify_cli.storage.project import Project

_CHUNK: Final = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A backup that was written; `left_out` names files that are too large or not regular files."""

    path: Path
    bytes: int
    manifest: Manifest
    left_out: Sequence[str]


@dataclass(frozen=True)
class Backups:
    """Back up a project."""

    project: Project

    def write(self, path: Path) -> Written:
        """Write the backup to a new file.

        Raises:
            UsageError: the name is taken, its folder is missing or in the project.
            StateUnreadable: the project has no record, or it is damaged.
            StorageFailed: the disk refused.
        """
        path = self._outside(path)
        record = records.found(self.project)
        if record is None:
            raise self._nothing()
        left_out: list[str] = []
        with ExitStack() as held, translated(path, "write"):
            snapshot = held.enter_context(backup_file.draft(path))
            with locks.held(self.project.lock("journal")):
                # Parts are renamed, archived and redacted under this lock, so that all that is
                # opened here belongs to the same moment.
                files = [*self._files(held, left_out)]
                connection = held.enter_context(record.at_one_moment())
                head = record_heads.newest(record)
            if head is None:
                raise self._nothing()
            try:
                record_copies.write_snapshot(connection, snapshot)
            except sqlite3.Error as error:
                if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL:
                    # The record is only read.
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
                raise record_schema.refusal(error, record.path) from error
            file = held.enter_context(snapshot.open("rb"))
            contents = [Content(RECORD, file, os.fstat(file.fileno()).st_size), *files]
            manifest = backup_file.write(
                path, contents, at=clock.timestamp(), version=__version__, head=head
            )
        size = path.stat().st_size
        return Written(path=path, bytes=size, manifest=manifest, left_out=left_out)

    def _nothing(self) -> StateUnreadable:
        return StateUnreadable(
            f"{self.project.root} has no record yet, so there is nothing to back up: the first change"
            " makes one"
        )

    def _outside(self, path: Path) -> Path:
        """Return the resolved path of a new file outside the project."""
        folder = Path(os.path.realpath(path.parent))
        if not folder.is_dir():
            raise UsageError(f"{folder} is not a folder: make it, or give another path")
        if folder.is_relative_to(self.project.root):
            raise UsageError(
                f"{path} is in the project, where git and agents could reach the backup: give a path"
                " outside"
            )
        if os.path.lexists(folder / path.name):
            raise UsageError(f"{path} exists: give another name, or remove it first")
        return folder / path.name

    def _files(self, held: ExitStack, left_out: list[str]) -> Iterator[Content]:
        journal = JournalFiles(self.project.journal)
        newest = [journal.path] if os.path.lexists(journal.path) else []
        for part in (*journal.older_parts(), *newest):
            file = held.enter_context(opened(part))
            yield Content(JOURNAL + part.name, file, _whole_bytes(file))
        for part in journal.all_archived():
            file = held.enter_context(opened(part))
            yield Content(ARCHIVE + part.name, file, os.fstat(file.fileno()).st_size)
        others = [(CONFIG, self.project.config)] if self.project.config.exists() else []
        for name, path in (*others, *self._letters()):
            content = _content(name, path, held)
            if content is not None:
                yield content
            elif os.path.lexists(path):
                left_out.append(str(path))

    def _letters(self) -> Iterator[tuple[str, Path]]:
        folder = LetterFolder(self.project.dead_letters)
        for letter in folder.letters():
            record = folder.record_of(letter)
            yield LETTERS + record.name, record
            body = folder.body(letter)
            if body is not None:
                yield f"{LETTERS}{letter.letter_id}.body", body


def _content(name: str, path: Path, held: ExitStack) -> Content | None:
    with suppress(OSError, NotRegular):
        file = held.enter_context(opened_file(path))
        size, most = os.fstat(file.fileno()).st_size, backup_manifest.most_bytes(name)
        if most is None or size <= most:
            return Content(name, file, size)
    return None


def _whole_bytes(file: IO[bytes]) -> int:
    """Return the length of the whole lines of a part; the last line may be in the process of being written."""
    end = os.fstat(file.fileno()).st_size
    while end:
        start = max(0, end - _CHUNK)
        file.seek(start)
        found = file.read(end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0
