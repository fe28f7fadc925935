"""The record of a project whose folder was moved within its repository.

The folder of a record is named after the path of its project, and the record contains that path. A
project without a record takes over a neighbouring one if the project of that record is gone, and
the record knows one of this project's missions by id, or the newest line of its published journal.
A copy of a project gets a record of its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from pathlib import Path
from typing import Final

from specify_cli.errors import SpecKittyError
from specify_cli.storage import project_files, published_line, record_location, record_schema

_JOURNAL: Final = f"{record_location.KITTY}/outbox/journal.jsonl"
_DATABASE: Final = "record.db"
_MOST_BYTES: Final = 1024 * 1024
_MOST_BESIDE: Final = 1000
_seen: Final[dict[Path, tuple[object, list[Path]]]] = {}


def record_before(root: Path) -> Path | None:
    """Return the record from the project's former path; None if there is none, or several may be it."""
    found = candidates(root)
    return found[0] if len(found) == 1 else None


def candidates(root: Path) -> list[Path]:
    """Return the records that may belong to the project, which has none at its place."""
    around, place = record_location.around(root), record_location.in_repository(root)
    if around is None or place is None:
        return []
    beside = place[1].parent
    key = _stamp(beside), _stamp(root / record_location.MISSIONS), _stamp(root / _JOURNAL)
    known = _seen.get(root)
    if known is None or known[0] != key:
        _seen[root] = known = key, _fitting(root, beside)
    return [it for it in known[1] if _is_orphan(it, around[0])]


def original(root: Path) -> Path | None:
    """Return the existing project that this one without a record is a copy of; else None."""
    around, place = record_location.around(root), record_location.in_repository(root)
    if around is None or place is None or os.path.lexists(place[1] / _DATABASE):
        return None
    for folder in _fitting(root, place[1].parent):
        path = path_of(folder)
        if path is not None and record_location.name_of(path) == folder.name:
            found = around[0] / os.fsdecode(path)
            if os.path.lexists(found / record_location.MISSIONS):
                return found
    return None


def _fitting(root: Path, beside: Path) -> list[Path]:
    """Return the neighbouring records that know a mission or the last published line of the project."""
    wanted, line = _mission_ids(root), _last_line(root)
    with contextlib.suppress(OSError):
        folders = sorted(it for it in beside.iterdir() if (it / _DATABASE).is_file())
        return [it for it in folders[:_MOST_BESIDE] if _fits(it / _DATABASE, wanted, line)]
    return []


def _mission_ids(root: Path) -> set[str]:
    found = set()
    missions = root / record_location.MISSIONS
    with contextlib.suppress(OSError, SpecKittyError):
        for slug in project_files.names_in(missions, below=root):
            with contextlib.suppress(OSError, SpecKittyError, ValueError, RecursionError):
                path = missions / slug / "meta.json"
                meta = json.loads(project_files.read(path, below=root, max_bytes=_MOST_BYTES))
                if isinstance(meta, dict) and isinstance(meta.get("mission_id"), str):
                    found.add(meta["mission_id"])
    return found


def _last_line(root: Path) -> bytes:
    """Return the newest whole line of the published journal; b"" if there is none."""
    path = root / _JOURNAL
    with (
        contextlib.suppress(OSError, SpecKittyError),
        project_files.opened(path, below=root) as file,
    ):
        file.seek(max(0, os.fstat(file.fileno()).st_size - _MOST_BYTES))
        data = file.readall()
        return b"\n".join(data[: data.rfind(b"\n") + 1].split(b"\n")[-2:])
    return b""


def _fits(database: Path, wanted: set[str], line: bytes) -> bool:
    with (
        contextlib.suppress(sqlite3.Error, SpecKittyError, OSError),
        contextlib.closing(record_schema.connect(database)) as connection,
    ):
        rows = connection.execute("SELECT id FROM mission WHERE id IS NOT NULL")
        if not wanted.isdisjoint(row[0] for row in rows):
            return True
        query = "SELECT CAST(published AS BLOB) FROM entry WHERE seq = ?"
        found = connection.execute(query, (published_line.seq_of(line) or 0,)).fetchone()
        return found is not None and found[0] == line
    return False


def _is_orphan(folder: Path, checkout: Path) -> bool:
    """Whether no project exists at the path that the record was made for."""
    path = path_of(folder)
    if path is None or record_location.name_of(path) != folder.name:
        return False
    return not os.path.lexists(checkout / os.fsdecode(path) / record_location.MISSIONS)


def path_of(folder: Path) -> bytes | None:
    """Return the path in the checkout that the record was made for; None if it is unknown."""
    with (
        contextlib.suppress(sqlite3.Error, SpecKittyError, OSError),
        contextlib.closing(record_schema.connect(folder / _DATABASE)) as connection,
    ):
        row = connection.execute("SELECT value FROM meta WHERE name = 'path'").fetchone()
        return None if row is None else bytes(row[0])
    return None


def _stamp(folder: Path) -> tuple[int, int] | None:
    with contextlib.suppress(OSError):
        status = os.stat(folder)
        return status.st_ino, status.st_mtime_ns
    return None
