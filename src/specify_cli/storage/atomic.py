"""Whole files appear under their name at once, and stay there after a power loss."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from specify_cli.errors import StorageFailed


def publish(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """`path` durably holds exactly `data`; at every earlier instant it held what it held before.

    `mode` is subject to the process's umask. The temporary file is named `.<name>.<random>.tmp`.

    Raises:
        StorageFailed: the disk refused; nothing was left behind.
    """
    with translated(path, "write"):
        _write_then_rename(path, data, mode)
        _sync_folder(path.parent)


def fsync_folder(folder: Path) -> None:
    """Names made or removed in `folder` survive a power loss.

    Raises:
        StorageFailed: the folder is missing, or the disk refused.
    """
    with translated(folder, "sync"):
        _sync_folder(folder)


def _write_then_rename(path: Path, data: bytes, mode: int) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        _write_new(temporary, data, mode)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def _write_new(path: Path, data: bytes, mode: int) -> None:
    # O_EXCL makes the file, or fails: it follows no link either.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        remaining = memoryview(data)
        while remaining:
            remaining = remaining[file.write(remaining) :]
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
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
