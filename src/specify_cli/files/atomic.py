"""Whole files appear under their name at once, and stay there after a power loss."""

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
from specify_cli.files import folders, sync

# A link that is not followed, a folder, or, as `files.regular` says it, anything else.
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
    """`path` durably holds exactly `data`; at every earlier instant it held what it held before.

    `mode` is subject to the process's umask. The temporary file is named `.<name>.<random>.tmp`.
    With `below`, no link between that folder and the file is followed. With `sweeps`, what killed
    writers of this name have left is gone too; that lists the folder. Unless it `syncs`, a loss of power may leave
    anything under the name.

    Raises:
        StorageFailed: the disk refused; nothing was left behind.
    """
    with translated(path, "write"), _opened(path.parent, below) as folder:
        if sweeps:
            _sweep(path.name, folder=folder)
        _write_then_rename(path.name, data, mode, folder=folder, syncs=syncs)
        if syncs:
            os.fsync(folder)


def fsync_folder(folder: Path) -> None:
    """Names made or removed in `folder` survive a power loss.

    Raises:
        StorageFailed: the folder is missing, or the disk refused.
    """
    with translated(folder, "sync"):
        sync.sync_folder(folder)


def _write_then_rename(name: str, data: bytes, mode: int, *, folder: int, syncs: bool) -> None:
    temporary = f".{name}.{os.urandom(8).hex()}.tmp"
    try:
        with os.fdopen(_open_new(temporary, mode, folder=folder), "wb", buffering=0) as file:
            _write(file, data, syncs=syncs)
            os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary, dir_fd=folder)
        raise


def _open_new(name: str, mode: int, *, folder: int) -> int:
    """A new file, locked: whoever sweeps sees that its writer lives."""
    # O_EXCL makes the file, or fails: it follows no link either.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    while True:
        descriptor = os.open(name, flags, mode, dir_fd=folder)
        # A file system without locks is swept by nobody: there no lock can be had.
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
    descriptor = os.open(temporary, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        # The kernel took the lock from a writer that was killed; it refuses while one is alive.
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
    """What the disk refuses in the block becomes StorageFailed.

    Raises:
        StorageFailed: naming `path`, what was to be done with it, and what the disk said.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        way_out = "free or repair the disk, then try again"
        if isinstance(error, PermissionError):
            way_out = "ask as the user who owns it, or through the mailbox"
        elif error.errno in _NOT_A_FILE:
            way_out = "move away what has its name, then try again"
        raise StorageFailed(f"could not {verb} {path}: {reason}; {way_out}") from error
