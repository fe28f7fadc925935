"""Move the folder of a record: into a new repository, or after its project was moved."""

from __future__ import annotations

import contextlib
import errno
import os
import shlex
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from specify_cli.errors import StorageFailed
from specify_cli.files import durability, folders, moves
from specify_cli.files.atomic import translated
from specify_cli.files.locks import LifeLock, holder
from specify_cli.storage import moved_projects, record_folder, record_location, record_schema
from specify_cli.storage.intents import Intents
from specify_cli.storage.layout import Layout
from specify_cli.storage.record import Record
from specify_cli.storage.record_database import DATABASE


def bring(project: Layout, folder: Path, *, base: Path) -> None:
    """Move the project's existing record to `folder`, which does not exist.

    Raises:
        StorageFailed: several records may be the project's, a worker uses it, or the disk fails.
    """
    former = record_location.without_repository(project.root)[1]
    if former == folder:
        return
    if os.path.isdir(former) and not os.path.islink(former):
        mode = record_folder.mode_in(base)
        record_folder.make_inside(folder.parent, base=base, mode=mode)
        with translated(former, "move"):
            _bring_into_repository(former, folder, base=base)
            open_up(folder, base=base, mode=mode)
        return
    found = moved_projects.candidates(project.root)
    if len(found) > 1:
        raise StorageFailed(": ".join(choice(found, folder)))
    for record in found:
        with ExitStack() as held, translated(record, "rename"):
            _take(record / "locks" / "worker", held)
            _rename(record, folder)


def choice(found: list[Path], folder: Path) -> tuple[str, str]:
    """Describe several records that may belong in `folder`, and the commands to choose one."""
    commands = " or ".join(f"'{shlex.join(['mv', str(it), str(folder)])}'" for it in found)
    return (
        f"{len(found)} records know missions of this project, and the projects that they were made for are gone",
        f"choose one with {commands}, or begin a new record with '{shlex.join(['mkdir', str(folder)])}'",
    )


def _rename(former: Path, folder: Path) -> None:
    """Rename the folder; holders of its locks keep them."""
    try:
        os.rename(former, folder)
    except OSError as error:
        is_done = error.errno in (errno.ENOENT, errno.ENOTEMPTY, errno.EEXIST)
        if is_done and os.path.isdir(folder):
            return  # Another process has moved it.
        raise
    durability.sync_folder(folder.parent)


def _bring_into_repository(former: Path, folder: Path, *, base: Path) -> None:
    try:
        _rename(former, folder)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        with _all_locks_held(former):
            _copy(former, folder, base=base)


def _copy(former: Path, folder: Path, *, base: Path) -> None:
    """Copy the folder to another file system under a temporary name; the old one counts until the rename."""
    draft = folder.with_name(f"{folder.name}.new")
    folders.ensure(draft, below=base, mode=record_folder.OWNER_ONLY)
    record_schema.copy(former / DATABASE, draft / DATABASE)
    if os.path.lexists(draft / DATABASE):
        copied = Record(draft)
        Intents(copied).follow(former.stat().st_ino)
        copied.close()
    private = "private"
    with (
        folders.opened(former, below=former) as here,
        folders.opened(draft, below=base) as there,
    ):
        if os.path.lexists(former / private):
            shutil.rmtree(draft / private, ignore_errors=True)
            moves.copy(private, private, src_dir_fd=here, dst_dir_fd=there)
    _rename(draft, folder)
    shutil.rmtree(former)


def open_up(folder: Path, *, base: Path, mode: int) -> None:
    """Set owner and modes as if the folder had been made in the repository."""
    record_folder.open_up(folder, base=base, mode=mode)
    for inner in (folder / "locks", folder / "private"):
        if os.path.isdir(inner):
            record_folder.open_up(inner, base=base)
    owner = folder.stat()
    for file in folder.glob(f"{DATABASE}*"):
        if os.geteuid() == 0:
            os.chown(file, owner.st_uid, owner.st_gid)
        file.chmod(mode & 0o666)


@contextlib.contextmanager
def _all_locks_held(folder: Path) -> Iterator[None]:
    """Hold each lock in the folder, so that no process changes anything."""
    with ExitStack() as held:
        for path in sorted((folder / "locks").glob("*")):
            _take(path, held)
        yield


def _take(path: Path, held: ExitStack) -> None:
    if not os.path.isdir(path.parent):
        return
    lock = LifeLock.try_acquire(path)
    if lock is None:
        raise StorageFailed(
            f"the record in {path.parents[1]} is in use by {holder(path)}: stop that worker or wait for that"
            " call, then try again; the record is moved then"
        )
    held.callback(lock.release)
