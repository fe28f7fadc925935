"""Whole files appear under their name at once, and stay there after a power loss."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from specify_cli.errors import StorageFailed
from specify_cli.storage import folders


def publish(path: Path, data: bytes, *, mode: int = 0o644, below: Path | None = None) -> None:
    """`path` durably holds exactly `data`; at every earlier instant it held what it held before.

    `mode` is subject to the process's umask. The temporary file is named `.<name>.<random>.tmp`.
    With `below`, no link between that folder and the file is followed.

    Raises:
        StorageFailed: the disk refused; nothing was left behind.
    """
    with translated(path, "write"), _opened(path.parent, below) as folder:
        _write_then_rename(path.name, data, mode, folder=folder)
        os.fsync(folder)


def fsync_folder(folder: Path) -> None:
    """Names made or removed in `folder` survive a power loss.

    Raises:
        StorageFailed: the folder is missing, or the disk refused.
    """
    with translated(folder, "sync"), _opened(folder, None) as descriptor:
        os.fsync(descriptor)


def _write_then_rename(name: str, data: bytes, mode: int, *, folder: int) -> None:
    temporary = f".{name}.{secrets.token_hex(8)}.tmp"
    try:
        _write_new(temporary, data, mode, folder=folder)
        os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary, dir_fd=folder)
        raise


def _write_new(name: str, data: bytes, mode: int, *, folder: int) -> None:
    # O_EXCL makes the file, or fails: it follows no link either.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(name, flags, mode, dir_fd=folder)
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        remaining = memoryview(data)
        while remaining:
            remaining = remaining[file.write(remaining) :]
        os.fsync(file.fileno())


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
        raise StorageFailed(
            f"could not {verb} {path}: {reason}; free or repair the disk, then try again"
        ) from error
