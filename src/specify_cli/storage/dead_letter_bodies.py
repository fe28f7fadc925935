"""Read and write the body of a dead letter in a folder that other users may change."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, replace
from pathlib import Path

from specify_cli.files.regular_files import read_with_status


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """The content of a body; `folder` is a descriptor of its folder, `status` that of the file."""

    folder: int
    name: str
    data: bytes
    status: os.stat_result

    @classmethod
    def read(cls, name: str, *, folder: int, max_bytes: int) -> Body:
        """Read the file `name` in the folder.

        Raises:
            OSError, NotRegular, TooLarge: as `read_regular`.
        """
        data, status = read_with_status(Path(name), max_bytes=max_bytes, dir_fd=folder)
        return cls(folder=folder, name=name, data=data, status=status)

    def rewritten(self, data: bytes) -> Body:
        """Replace the content; keep the owner if that is allowed.

        Raises:
            OSError: the disk fails.
        """
        _publish(self.name, data, folder=self.folder, like=self.status)
        return replace(self, data=data)

    def carried(self, folder: int, name: str) -> Body:
        """Move the body to a folder on another file system.

        If the process is killed meanwhile, both folders have it.

        Raises:
            OSError: the disk fails.
        """
        _publish(name, self.data, folder=folder, like=self.status)
        os.fsync(folder)
        os.unlink(self.name, dir_fd=self.folder)
        # Otherwise a power loss could restore it, and it would be sent twice.
        os.fsync(self.folder)
        return replace(self, folder=folder, name=name)


def unfinished(name: str) -> str:
    """Return the temporary name of a body while it is written.

    In an inbox such a name means a write in progress, and is left alone. It is always the same, so
    that remains of a crash are found.
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
    # O_EXCL creates the file or fails; it follows no link.
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
