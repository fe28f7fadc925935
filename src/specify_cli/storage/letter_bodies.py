"""The body of a dead letter in hand: whoever can write where it lies leads the host nowhere else."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, replace
from pathlib import Path

from specify_cli.files.regular_files import read_with_status


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A body as it was read; `folder` is the descriptor of where it lies, `status` is of what was read."""

    folder: int
    name: str
    data: bytes
    status: os.stat_result

    @classmethod
    def read(cls, name: str, *, folder: int, max_bytes: int) -> Body:
        """What is called `name` there. Raises: as `read_regular`."""
        data, status = read_with_status(Path(name), max_bytes=max_bytes, dir_fd=folder)
        return cls(folder=folder, name=name, data=data, status=status)

    def rewritten(self, data: bytes) -> Body:
        """It holds `data` now, and belongs to whom it belonged where that is allowed. Raises: OSError."""
        _publish(self.name, data, folder=self.folder, like=self.status)
        return replace(self, data=data)

    def carried(self, folder: int, name: str) -> Body:
        """It lies there under that name, and here no more; killed in between, it lies in both places.

        For a folder on another file system, which no rename leads to. Raises: OSError.
        """
        _publish(name, self.data, folder=folder, like=self.status)
        os.fsync(folder)
        os.unlink(self.name, dir_fd=self.folder)
        # If it came back when the power goes, it would be sent a second time.
        os.fsync(self.folder)
        return replace(self, folder=folder, name=name)


def unfinished(name: str) -> str:
    """What the body that is to be called `name` is called while it is written.

    In an inbox that is a write in progress, which nobody touches. It is always the same, so that whoever
    comes after a crash finds what was left.
    """
    return f".{name.lstrip('.')}.tmp"


def _publish(name: str, data: bytes, *, folder: int, like: os.stat_result) -> None:
    temporary = unfinished(name)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary, dir_fd=folder)
    try:
        _write_new(temporary, data, folder=folder, like=like)
        os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(temporary, dir_fd=folder)
        raise


def _write_new(name: str, data: bytes, *, folder: int, like: os.stat_result) -> None:
    # O_EXCL makes the file, or fails: it follows no link either.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with os.fdopen(os.open(name, flags, 0o600, dir_fd=folder), "wb") as file:
        file.write(data)
        _give_to(file.fileno(), like)
        file.flush()
        os.fsync(file.fileno())


def _give_to(descriptor: int, status: os.stat_result) -> None:
    if (os.geteuid(), os.getegid()) != (status.st_uid, status.st_gid):
        try:
            os.fchown(descriptor, status.st_uid, status.st_gid)
        except PermissionError:
            return
    os.fchmod(descriptor, status.st_mode & 0o777)
