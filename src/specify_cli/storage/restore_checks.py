"""Prove a backup before it is restored, and compare it with what the project has."""

from __future__ import annotations

import contextlib
import gzip
import os
import sqlite3
import zlib
from pathlib import Path
from typing import Final

from specify_cli.errors import SpecKittyError, StateUnreadable
from specify_cli.storage import (
    backup_file,
    published_line,
    record_copies,
    record_heads,
    record_schema,
)
from specify_cli.storage.backup_file import unsound
from specify_cli.storage.backup_manifest import ARCHIVE, Manifest
from specify_cli.storage.journal_files import JournalFiles
from specify_cli.storage.layout import Layout
from specify_cli.storage.record import Record
from specify_cli.storage.record_database import DATABASE

_MOST_UNPACKED: Final = 4 * 1024 * 1024 * 1024
"""The most bytes that an archived part may unpack to."""

_CHUNK: Final = 1024 * 1024


def unpack(file: Path, into: Path) -> Manifest:
    """Unpack the backup into the new folder `into`, and prove it: the record, its chain, the archive.

    Raises:
        UsageError: the file cannot be opened.
        StateUnreadable: it is not a whole backup.
        StorageFailed: the disk refused.
    """
    into.mkdir(mode=0o700)
    manifest = backup_file.extract(file, into)
    if fault := record_copies.foreign_schema(into / DATABASE):
        raise unsound(file, fault)
    record = Record(into)
    try:
        if record_heads.newest(record) != manifest.head:
            raise unsound(file, "its record is not the one that its manifest names")
        if faults := record.faults():
            raise unsound(file, faults[0].replace(f"{record.path}: ", ""))
    finally:
        record.close()
    for name in manifest.names(ARCHIVE):
        if not _can_be_unpacked(into / ARCHIVE / name):
            raise unsound(file, f"{ARCHIVE}{name} cannot be unpacked")
    return manifest


def present_record(folder: Path, *, file: Path) -> Record | None:
    """Return the record that is in the folder; None if there is none, it is empty or damaged.

    Raises:
        StateUnreadable: a newer version wrote it.
    """
    database = folder / DATABASE
    if not database.exists():
        return None
    uri = f"{database.absolute().as_uri()}?mode=ro"
    with (
        contextlib.suppress(sqlite3.Error),
        contextlib.closing(sqlite3.connect(uri, uri=True)) as connection,
    ):
        found = connection.execute("PRAGMA user_version").fetchone()[0]
        if found > record_schema.FORMAT:
            raise StateUnreadable(
                f"{database} has format {found}, and {file} has format {record_schema.FORMAT}: a newer"
                " spec-kitty wrote it; move the folder away to go back; nothing was changed"
            )
    record = Record(folder)
    with contextlib.suppress(SpecKittyError):
        if record.last() is not None:
            return record
    record.close()
    return None


def complaint(present: Record, backup: Record) -> str:
    """Describe why the backup does not continue the present record; "" if it does.

    Raises:
        StateUnreadable, StorageFailed: a record cannot be read.
    """
    now, then = record_heads.newest(present), record_heads.newest(backup)
    if now is None or then is None:
        return ""
    if now.record_id != then.record_id:
        return f"{present.path} is another record, {now.record_id}; that of the backup is {then.record_id}"
    if now.position > then.position:
        count = now.position - then.position
        newer = "1 entry" if count == 1 else f"{count} entries"
        return f"{present.path} is newer: it has {newer} more than the backup"
    if record_heads.difference(backup, now):
        return f"{present.path} has entries that the backup does not have"
    return ""


def is_continued(project: Layout, backup: Record) -> bool:
    """Return whether the published journal has lines after the last one of the backup, and that one.

    Raises:
        StateUnreadable, StorageFailed: the record or the journal cannot be read.
    """
    last, line = backup.last_published()
    has_last = has_more = False
    for _, found in JournalFiles(project.journal).numbered(with_archive=False):
        seq = published_line.seq_of(found) or 0
        has_last = has_last or (seq == last and found == line)
        has_more = has_more or seq > last
    return has_last and has_more


def _can_be_unpacked(part: Path) -> bool:
    left = _MOST_UNPACKED
    try:
        with gzip.open(part) as file:
            while left > 0:
                chunk = file.read(_CHUNK)
                if not chunk:
                    return True
                left -= len(chunk)
    except (OSError, EOFError, zlib.error):
        return False
    return False


def is_same(path: Path, other: Path) -> bool:
    """Return whether both are files with the same content."""
    with contextlib.suppress(OSError):
        if os.lstat(path).st_size == os.lstat(other).st_size:
            return path.read_bytes() == other.read_bytes()
    return False
