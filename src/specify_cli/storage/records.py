"""The record of a project, opened once for a process."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, TypeAlias

from specify_cli import clock
from specify_cli.errors import StorageFailed
from specify_cli.storage import (
    former_intents,
    git_folders,
    record_schema,
)
from specify_cli.storage.deferred_log import DeferredLog
from specify_cli.storage.layout import Layout
from specify_cli.storage.record import DATABASE, REMADE, Record
from specify_cli.storage.record_place import (
    folder_without_repository,
    make_record_folder,
    record_folder,
)

_opened: Final[dict[Path, Record]] = {}
_Identity: TypeAlias = tuple[git_folders.Mark | None, int, int, int, int]
_made: Final[dict[Path, tuple[_Identity | None, Record]]] = {}
"""The record of each project that was changed: it is asked for several times a request."""

_WHAT_IS_LOST: Final = (
    "what journal and logs lack of it is lost: look at 'spec-kitty status' and 'spec-kitty mailbox verify', or put a"
    " backup of the record in its place"
)
_told: Final[set[Path]] = set()
_looked_at: Final[dict[Path, tuple[int, int, int]]] = {}
"""The journals in which was looked whether a record is gone, as they were then."""

_log: Final = DeferredLog(__name__)


def found(project: Layout) -> Record | None:
    """The project's record, for reading; None where it has none yet, or this user may not read it.

    Raises:
        StorageFailed: the disk refused.
    """
    known = _known(project)
    if known is not None:
        return known
    for folder in (record_folder(project), folder_without_repository(project)):
        database = folder / DATABASE
        try:
            os.stat(database)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except PermissionError:
            _tell_unreadable(database)
            return None
        except OSError as error:
            raise StorageFailed(f"cannot read {database}: {error.strerror}") from error
        if not _is_ours(database):
            _tell_unreadable(database)
            return None
        return _opened.setdefault(folder, Record(folder))
    _tell_lost(project)
    return None


def made(project: Layout) -> Record:
    """The project's record, for changing; a new one where there was none.

    The one of a project that had no repository moves into the repository.

    Raises:
        StorageFailed: it could not be made, or this user may not write it.
    """
    known = _known(project)
    if known is not None:
        return known
    record = _made_anew(project)
    _made[project.root] = _identity(project, record), record
    return record


def _made_anew(project: Layout) -> Record:
    _require_reachable(record_folder(project) / DATABASE)
    folder, former = make_record_folder(project), folder_without_repository(project)
    database = folder / DATABASE
    if folder in _opened and not database.exists():
        # Closed late, it would remove the files of the next one: SQLite knows them by their names.
        _opened[folder].close()
    if folder != former and (former / DATABASE).exists():
        record_schema.move(former / DATABASE, database)
    was_lost = not database.exists() and _is_lost(project)
    record = Record.make(folder)
    former_intents.take_over(record, project)
    if was_lost:
        record.note(REMADE, clock.timestamp())
        _log.warning(
            "%s was gone, and was made anew of what journal and logs say; %s",
            database,
            _WHAT_IS_LOST,
        )
    if not _is_ours(database):
        raise _not_ours(database, database.stat().st_uid)
    # Loaded by who changes something alone.
    from specify_cli.storage import union_merge

    union_merge.arrange(project)
    return _opened.setdefault(folder, record)


def _known(project: Layout) -> Record | None:
    """The record that was made before, where it is still the project's."""
    known = _made.get(project.root)
    is_it = known is not None and known[0] and known[0] == _identity(project, known[1])
    return known[1] if known is not None and is_it else None


def _identity(project: Layout, record: Record) -> _Identity | None:
    """What is another one where another file, or a file of somebody else, is the project's record; None where it is gone."""
    try:
        status = os.stat(record.path)
    except OSError:
        return None
    mark = git_folders.mark(project.root)
    return mark, status.st_dev, status.st_ino, status.st_uid, status.st_mode


def _is_ours(database: Path) -> bool:
    """SQLite needs to write even where it only reads: the files beside the database."""
    return os.access(database, os.R_OK | os.W_OK) and os.access(database.parent, os.W_OK | os.X_OK)


def _require_reachable(database: Path) -> None:
    """Raises: StorageFailed where this user may not look at what is there."""
    try:
        os.stat(database)
    except PermissionError as error:
        folder = next(it for it in database.parents if os.path.lexists(it))
        raise _not_ours(database, folder.stat().st_uid) from error
    except OSError:
        pass  # Whoever makes it can say what is wrong.


def _not_ours(database: Path, owner: int) -> StorageFailed:
    return StorageFailed(
        f"{database} belongs to the user {owner}, and you may not write it: ask as that user, or through"
        " the mailbox; nothing was changed"
    )


def _tell_lost(project: Layout) -> None:
    try:
        status = os.stat(project.journal)
    except OSError:
        return
    # It takes long to look into a large one.
    seen = status.st_ino, status.st_mtime_ns, status.st_size
    if _looked_at.get(project.journal) == seen:
        return
    _looked_at[project.journal] = seen
    if _is_lost(project):
        database, why = record_folder(project) / DATABASE, _WHAT_IS_LOST
        _log.warning("%s is gone: journal and logs are all that is known; %s", database, why)


def _is_lost(project: Layout) -> bool:
    # Loaded where there is no record alone.
    from specify_cli.storage import record_loss

    return record_loss.is_lost(project)


def _tell_unreadable(database: Path) -> None:
    if database not in _told:
        _told.add(database)
        _log.warning(
            "%s cannot be read by this user: what the files of logs and journal say is all that is known",
            database,
        )
