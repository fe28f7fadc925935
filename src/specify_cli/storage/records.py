"""The record of a project, opened once per process."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, TypeAlias

from specify_cli import clock
from specify_cli.errors import StorageFailed
from specify_cli.storage import record_location
from specify_cli.storage.deferred_log import DeferredLog
from specify_cli.storage.layout import Layout
from specify_cli.storage.record import REMADE, Record
from specify_cli.storage.record_database import DATABASE
from specify_cli.storage.record_folder import make_record_folder, not_ours

_opened: Final[dict[Path, Record]] = {}
_Identity: TypeAlias = tuple[record_location.Mark, int, int, int, int]
_made: Final[dict[Path, tuple[_Identity | None, Record]]] = {}
"""The record of each changed project: a request uses it several times."""

_warned: Final[set[Path]] = set()
_looked_at: Final[dict[Path, tuple[int, int, int]]] = {}
"""The stamp of each journal that was checked for a lost record."""

_log: Final = DeferredLog(__name__)


def found(project: Layout) -> Record | None:
    """Return the project's record for reading; None if it has none, or this user may not read it.

    Raises:
        StorageFailed: the disk fails.
    """
    known = _known(project)
    if known is not None:
        return known
    folder = project.record
    database = folder / DATABASE
    try:
        os.stat(database)
    except (FileNotFoundError, NotADirectoryError):
        _tell_lost(project)
        return None
    except PermissionError:
        _tell_unreadable(database)
        return None
    except OSError as error:
        raise StorageFailed(f"cannot read {database}: {error.strerror}") from error
    if not _is_ours(database):
        _tell_unreadable(database)
        return None
    return _opened.setdefault(folder, Record(folder))


def made(project: Layout) -> Record:
    """Return the project's record for writing; make or move it if needed.

    The record of a project that had no repository, or that was moved, is moved here.

    Raises:
        StorageFailed: it could not be made, or this user may not write it.
    """
    known = _known(project)
    if known is not None:
        return known
    record = _made_anew(project)
    _made[project.root] = _identity(project, record), record
    return record


def close() -> None:
    """Close every record; the next request opens it again."""
    for record in _opened.values():
        record.close()


def _made_anew(project: Layout) -> Record:
    folder = make_record_folder(project)
    database = folder / DATABASE
    if folder in _opened and not database.exists():
        # Close it now: closed later, SQLite would remove the new files, which it knows by
        # name.
        _opened[folder].close()
    warning, is_copy = "", False
    is_new = not database.exists()
    if is_new:
        warning, is_copy = _warning_of_new(project)
    record = Record.make(folder)
    if warning:
        _log.warning("%s", warning)
        if not is_copy:
            record.remember(REMADE, clock.timestamp())
    if not _is_ours(database):
        raise not_ours(database, database.stat().st_uid)
    # Inside the function: only changing requests need it.
    from specify_cli.storage import former_intents

    former_intents.take_over(record, project)
    record = _opened.setdefault(folder, record)
    if (checkout := record_location.around(project.root)) is not None:
        record.remember("path", record_location.path_in(checkout[0], project.root))
    # No commit can name an entry of a new record.
    record.is_compared = record.is_compared or is_new
    return record


def _known(project: Layout) -> Record | None:
    """Return the record that was made before, if it is still the project's."""
    known = _made.get(project.root)
    is_it = known is not None and known[0] and known[0] == _identity(project, known[1])
    return known[1] if known is not None and is_it else None


def _identity(project: Layout, record: Record) -> _Identity | None:
    """Return a value that changes if another file becomes the project's record; None if it is gone."""
    try:
        status = os.stat(record.path)
    except OSError:
        return None
    mark = record_location.mark(project.root)
    return mark, status.st_dev, status.st_ino, status.st_uid, status.st_mode


def _is_ours(database: Path) -> bool:
    """Whether this user may read and write the files: SQLite writes beside the database even for reads."""
    return os.access(database, os.R_OK | os.W_OK) and os.access(database.parent, os.W_OK | os.X_OK)


def _tell_lost(project: Layout) -> None:
    try:
        status = os.stat(project.journal)
    except OSError:
        return
    # Reading a large journal takes long.
    seen = status.st_ino, status.st_mtime_ns, status.st_size
    if _looked_at.get(project.journal) == seen:
        return
    _looked_at[project.journal] = seen
    # Inside the function: only a project without a record needs it.
    from specify_cli.storage import record_loss

    if warning := record_loss.warning(project):
        _log.warning("%s", warning)


def _warning_of_new(project: Layout) -> tuple[str, bool]:
    """Return the warning about the new record, empty if none was lost; and whether the project is a copy."""
    from specify_cli.storage import record_loss

    if not record_loss.is_lost(project):
        return "", False
    return record_loss.warning_of_new(project), record_loss.original(project) is not None


def _tell_unreadable(database: Path) -> None:
    if database not in _warned:
        _warned.add(database)
        _log.warning(
            "%s cannot be read by this user: only the files of logs and journal are read",
            database,
        )
