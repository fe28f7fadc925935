"""Write whole files so that readers and a power loss see either the old content or the new."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import Final

from specify_cli.errors import StorageFailed
from specify_cli.files import durability, folders
from specify_cli.patterns import pattern

DRAFT: Final = pattern(r"\..+\.[0-9a-f]{16}\.tmp")
"""The name of a file that is not finished: its writer is at work, or was killed."""

# Errors of an open that met a link, a folder, or another entry that is not a regular file.
_NOT_A_FILE: Final = frozenset({errno.ELOOP, errno.EISDIR, errno.EINVAL})


def publish(
    path: Path,
    data: bytes,
    *,
    mode: int = 0o644,
    below: Path | None = None,
    sweeps: bool = False,
    syncs: bool = True,
) -> None:
    """Replace the file at `path` atomically and durably by one that holds exactly `data`.

    `mode` is subject to the process's umask. The temporary file is named `.<name>.<random>.tmp`.
    With `below`, no link between that folder and the file is followed. With `sweeps`, temporary
    files that killed writers of this name left are removed too; that lists the folder. Without
    `syncs`, a loss of power may leave anything under the name.

    Raises:
        StorageFailed: the disk refused; nothing was left behind.
    """
    with translated(path, "write"), _opened(path.parent, below) as folder:
        if sweeps:
            _sweep(path.name, folder=folder)
        _write_then_rename(path.name, data, mode, folder=folder, syncs=syncs)
        if syncs:
            os.fsync(folder)


def publish_to_all(path: Path, data: bytes) -> None:
    """Replace the file atomically by one that every user can read, whatever the umask is; without syncs.

    Raises:
        StorageFailed: the disk refused; nothing was left behind.
    """
    with translated(path, "write"), _opened(path.parent, None) as folder:
        _sweep(path.name, folder=folder)
        _write_then_rename(path.name, data, 0o644, folder=folder, syncs=False, ignores_umask=True)


def create_file(path: Path, data: bytes) -> None:
    """Create a new file with this content, durably.

    Raises:
        FileExistsError: the name is taken, possibly by a link.
        OSError: the disk refused.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o644), "wb", buffering=0) as file:
        _write(file, data, syncs=True)


def replace_file(path: Path, data: bytes) -> None:
    """Remove whatever has the name, then create the file; not atomic.

    Raises:
        OSError: the disk refused.
    """
    path.unlink(missing_ok=True)
    create_file(path, data)


def fsync_folder(folder: Path) -> None:
    """Sync `folder`, so that names created or removed in it survive a power loss.

    Raises:
        StorageFailed: the folder is missing, or the disk refused.
    """
    with translated(folder, "sync"):
        durability.sync_folder(folder)


def _write_then_rename(
    name: str, data: bytes, mode: int, *, folder: int, syncs: bool, ignores_umask: bool = False
) -> None:
    temporary = f".{name}.{os.urandom(8).hex()}.tmp"
    try:
        with os.fdopen(_open_new(temporary, mode, folder=folder), "wb", buffering=0) as file:
            _write(file, data, syncs=syncs)
            if ignores_umask:
                os.fchmod(file.fileno(), mode)
            os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary, dir_fd=folder)
        raise


def _open_new(name: str, mode: int, *, folder: int) -> int:
    """Create a file and lock it, so that a sweep sees that its writer is alive."""
    # O_EXCL does not follow a link either.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    while True:
        descriptor = os.open(name, flags, mode, dir_fd=folder)
        # On a file system without locks nothing is swept: a sweep needs the lock.
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return descriptor
        os.close(descriptor)  # Swept between the two calls.


def _write(file: FileIO, data: bytes, *, syncs: bool) -> None:
    remaining = memoryview(data)
    while remaining:
        remaining = remaining[file.write(remaining) :]
    if syncs:
        os.fsync(file.fileno())


def _sweep(name: str, *, folder: int) -> None:
    for left in os.listdir(folder):
        if left.startswith(f".{name}.") and left.endswith(".tmp"):
            with contextlib.suppress(OSError):
                _remove_left(left, folder=folder)


def _remove_left(temporary: str, *, folder: int) -> None:
    # A FIFO that somebody planted would block.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(temporary, flags, dir_fd=folder)
    try:
        # The kernel released the lock of a killed writer; a living one keeps it.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(temporary, dir_fd=folder)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _opened(folder: Path, below: Path | None) -> Iterator[int]:
    if below is not None:
        with folders.opened(folder, below=below) as descriptor:
            yield descriptor
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def translated(path: Path, verb: str) -> Iterator[None]:
    """Turn an OSError of the block into StorageFailed.

    Raises:
        StorageFailed: the message names `path`, the operation and the reason.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        way_out = "free or repair the disk, then try again"
        if isinstance(error, PermissionError):
            way_out = "ask as the user who owns it, or through the mailbox"
        elif error.errno in _NOT_A_FILE:
            way_out = "move the entry of that name away, then try again"
        raise StorageFailed(f"could not {verb} {path}: {reason}; {way_out}") from error
