"""Read regular files that another user or an agent may exchange: follow no link, wait for no FIFO."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from io import FileIO
from pathlib import Path
from typing import IO, Final

MAX_BYTES: Final = 64 * 1024
"""The default bound of `read_file`."""

_NOT_REGULAR: Final = frozenset({errno.ELOOP, errno.ENXIO, errno.ENODEV})
_NOT_READABLE: Final = _NOT_REGULAR | {errno.EACCES, errno.EPERM}
_SAFE: Final = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
"""Flags of every open: a link is not followed, a FIFO is not waited for."""

_KINDS: Final = {
    stat.S_IFREG: "regular file",
    stat.S_IFDIR: "folder",
    stat.S_IFLNK: "symbolic link",
    stat.S_IFIFO: "FIFO",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "character device",
    stat.S_IFBLK: "block device",
}


class NotRegular(Exception):
    """The path does not lead to a readable regular file with exactly one link."""


class TooLarge(Exception):
    """The file holds more bytes than the bound."""


class ForeignOwner(Exception):
    """The file belongs to another user than the expected one."""


def read_regular(
    path: Path, *, max_bytes: int, dir_fd: int | None = None, owner_uid: int | None = None
) -> bytes:
    """Return the bytes of the regular file at `path`; a link as last component is not followed.

    With `dir_fd`, `path` is relative to that folder; with `owner_uid`, the file is that user's.

    Raises:
        NotRegular: a link, FIFO, folder, device or socket, one of several hard links, or not readable by us.
        ForeignOwner: it belongs to another user than `owner_uid`.
        TooLarge: more than `max_bytes`, also when it grows while it is read.
        OSError: it is missing, or the disk failed.
    """
    return read_with_status(path, max_bytes=max_bytes, dir_fd=dir_fd, owner_uid=owner_uid)[0]


def read_with_status(
    path: Path, *, max_bytes: int, dir_fd: int | None = None, owner_uid: int | None = None
) -> tuple[bytes, os.stat_result]:
    """Return the bytes of the regular file at `path`, and the status of the very file that was read."""
    # Checked before opening too: opening a device can have effects.
    _require_plain(os.stat(path, dir_fd=dir_fd, follow_symlinks=False))
    with os.fdopen(_open(path, dir_fd), "rb") as file:
        status = os.fstat(file.fileno())
        _require_plain(status)
        # The owner is checked before the size, so that a foreign user does not learn the bound.
        _require_owner(status, owner_uid)
        if status.st_size > max_bytes:
            raise TooLarge(f"holds {status.st_size} bytes, more than {max_bytes}")
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise TooLarge(f"grew past {max_bytes} bytes while it was read")
    return data, status


@contextlib.contextmanager
def opened_plain(name: str, *, folder: int, flags: int, mode: int = 0o644) -> Iterator[FileIO]:
    """Open the regular file `name` in an open folder with `flags`; unbuffered.

    No link is followed and no FIFO is waited for. Hard links count as files, since a project may be
    copied with them.

    Raises:
        NotRegular: a link, FIFO, folder, device or socket.
        OSError: it is missing, or the disk failed.
    """
    descriptor = _open_judged(name, folder=folder, flags=flags, mode=mode)
    with FileIO(
        descriptor, "a" if flags & os.O_APPEND else "r+" if flags & os.O_RDWR else "r"
    ) as file:
        _require_regular(os.fstat(descriptor))
        yield file


def read_in(folder: int, name: str, *, max_bytes: int) -> bytes:
    """Return the bytes of the regular file `name` in an open folder, opened as by `opened_plain`.

    Raises:
        NotRegular: a link, FIFO, folder, device or socket.
        TooLarge: it holds more than `max_bytes`.
        OSError: it is missing, or the disk failed.
    """
    descriptor = _open_judged(name, folder=folder, flags=os.O_RDONLY)
    try:
        status = os.fstat(descriptor)
        _require_regular(status)
        parts = [os.read(descriptor, min(status.st_size, max_bytes) + 1)]
        read = len(parts[0])
        while parts[-1] and read <= max_bytes:
            parts.append(os.read(descriptor, max_bytes + 1 - read))
            read += len(parts[-1])
    finally:
        os.close(descriptor)
    if read > max_bytes:
        raise TooLarge(f"holds more than {max_bytes} bytes")
    return b"".join(parts)


def read_file(path: Path, *, max_bytes: int = MAX_BYTES) -> bytes:
    """Return the content of the regular file at `path`.

    Raises:
        OSError: it is missing, not a regular file, or larger than `max_bytes`.
    """
    with opened_file(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        if size > max_bytes:
            raise OSError(errno.EFBIG, f"is larger than {max_bytes} bytes", str(path))
        return stream.read(size)


@contextlib.contextmanager
def opened_file(path: Path, *, dir_fd: int | None = None) -> Iterator[IO[bytes]]:
    """Open the regular file at `path` for reading; hard links count as files.

    Raises:
        OSError: it is missing or not a regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | _SAFE, dir_fd=dir_fd)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "is not a regular file", str(path))
        with os.fdopen(descriptor, "rb", closefd=False) as stream:
            yield stream
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def opened_below(folder: Path, names: Sequence[str]) -> Iterator[IO[bytes]]:
    """Open the regular file at `names` below `folder` for reading; none of them may be a link.

    Raises:
        OSError: a component is missing or a link, or the file is not a regular file.
    """
    with ExitStack() as stack:
        descriptor = os.open(folder, os.O_DIRECTORY | _SAFE)
        stack.callback(os.close, descriptor)
        for name in names[:-1]:
            descriptor = os.open(name, os.O_DIRECTORY | _SAFE, dir_fd=descriptor)
            stack.callback(os.close, descriptor)
        yield stack.enter_context(opened_file(Path(names[-1]), dir_fd=descriptor))


def _open_judged(name: str, *, folder: int, flags: int, mode: int = 0) -> int:
    """Open `name`, which was a regular file or missing just before."""
    with contextlib.suppress(FileNotFoundError):
        # Checked before opening too: opening a device can have effects.
        _require_regular(os.stat(name, dir_fd=folder, follow_symlinks=False))
    try:
        return os.open(name, flags | _SAFE, mode, dir_fd=folder)
    except OSError as error:
        if error.errno in _NOT_REGULAR:
            raise NotRegular(f"cannot be opened: {error.strerror}") from error
        raise


def _open(path: Path, dir_fd: int | None) -> int:
    try:
        return os.open(path, os.O_RDONLY | _SAFE, dir_fd=dir_fd)
    except OSError as error:
        if error.errno in _NOT_READABLE:
            raise NotRegular(f"cannot be opened: {error.strerror}") from error
        raise


def _require_regular(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise NotRegular(f"is a {kind(status.st_mode)}, not a regular file")


def _require_plain(status: os.stat_result) -> None:
    _require_regular(status)
    if status.st_nlink != 1:
        raise NotRegular(f"has {status.st_nlink} hard links, not one")


def _require_owner(status: os.stat_result, owner_uid: int | None) -> None:
    if owner_uid is not None and status.st_uid != owner_uid:
        raise ForeignOwner(f"belongs to the user {status.st_uid}, not to {owner_uid}")


def kind(mode: int) -> str:
    """Return the word for the type of a file with this `st_mode`."""
    return _KINDS.get(stat.S_IFMT(mode), "file of unknown type")
