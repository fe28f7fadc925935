"""Prove the chain of the record from its first entry to its last."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from specify_cli import progress
from specify_cli.storage import published_line, record_rows
from specify_cli.storage.record_entries import ADOPTED, Entry
from specify_cli.storage.record_proof import NOTHING_BEFORE

_STEPS: Final = 1_000_000
"""Steps of SQLite's virtual machine between two reports of progress."""


def integrity_check(connection: sqlite3.Connection) -> list[str]:
    """Return what SQLite reports about its file; "ok" if it is sound."""
    report = partial(progress.report, 0, 0, "checking the record's file")
    connection.set_progress_handler(report, _STEPS)
    try:
        return [row[0] for row in connection.execute("PRAGMA integrity_check").fetchall()]
    finally:
        connection.set_progress_handler(None, 0)


def broken_chain(
    path: Path,
    entries: Iterable[Entry],
    *,
    redacted: Mapping[int, Mapping[str, str]],
    pruned: int,
    count: int = 0,
) -> list[str]:
    """Describe the first break of the chain over the entries of the record at `path`.

    The head does not cover a read: the next published line has its digest.

    Args:
        path: The database, for the message.
        entries: All entries in order.
        redacted: By position, the original digest of each redacted line by its present one.
        pruned: The `seq` up to which reads may be missing.
        count: The number of entries, for progress.

    Returns:
        One description; none if the chain is sound.
    """
    head = NOTHING_BEFORE
    before: Entry | None = None
    position = 0
    for entry in progress.counted(entries, "proving the record", total=count):
        try:
            head = record_rows.head_of(head, entry, redacted.get(entry.position))
        except ValueError as error:
            return [f"{path}: entry {entry.position} has a line that {error}"]
        if head != entry.head or (entry.is_read and (entry.log or entry.mission)):
            return [f"{path}: {_broken_at(entry.position, position + 1)}"]
        position = entry.position
        if entry.published is None:
            continue
        if before is not None and (fault := _gap(before, entry, pruned=pruned)):
            return [f"{path}: {fault}"]
        is_explained = entry.position in redacted or entry.kind == ADOPTED
        if entry.is_read and not is_explained and _says_redacted(entry.published):
            return [
                f"{path}: entry {entry.position} says that it was redacted, but the record has no such redaction"
            ]
        before = entry
    return []


def _broken_at(position: int, expected: int) -> str:
    if position == expected:
        return f"entry {position} is not what was committed"
    # Pruned reads leave gaps, too.
    gap = (
        f"entry {expected}"
        if position == expected + 1
        else f"one of entries {expected} to {position - 1}"
    )
    return f"{gap} was removed, or entry {position} is not what was committed"


def _says_redacted(line: bytes) -> bool:
    return published_line.link(line) != published_line.digest(line)


def _gap(before: Entry, entry: Entry, *, pruned: int) -> str:
    """Describe what is wrong between two consecutive published lines; empty if nothing is."""
    expected, seq = (before.seq or 0) + 1, entry.seq or 0
    if seq != expected:
        # An older release may have lost lines.
        may_lack = seq <= pruned + 1 or entry.kind == ADOPTED
        return "" if may_lack else f"published lines before entry {entry.position} are missing"
    line = before.published or b""
    if before.is_read and not published_line.names(entry.published or b"", line):
        return f"entry {before.position} is not what was committed"
    return ""
