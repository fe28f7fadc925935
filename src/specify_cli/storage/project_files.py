"""Open files that people and the host write, without following links."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

from specify_cli.errors import StateUnreadable
from specify_cli.files import folders, regular_files
from specify_cli.files.atomic import translated


@contextlib.contextmanager
def opened(path: Path, *, below: Path, flags: int = os.O_RDONLY) -> Iterator[FileIO]:
    """Open the regular file `path` with `flags`; nothing between it and `below` is a link.

    Raises:
        StateUnreadable: it or a folder on its path is a link, a FIFO or similar.
        FileNotFoundError: it or a folder on its path is missing.
        OSError: the disk fails.
    """
    try:
        with (
            opened_folder(path.parent, below=below) as folder,
            regular_files.opened_plain(path.name, folder=folder, flags=flags) as file,
        ):
            yield file
    except regular_files.NotRegular as error:
        raise not_followed(path, str(error)) from error


@contextlib.contextmanager
def opened_folder(folder: Path, *, below: Path) -> Iterator[int]:
    """Open a descriptor of `folder`; neither it nor anything between it and `below` is a link.

    Raises:
        StateUnreadable: it or a folder on its path is a link or a file.
        FileNotFoundError: it or a folder on its path is missing.
        OSError: the disk fails.
    """
    try:
        with folders.walked(folder, below=below) as descriptor:
            yield descriptor
    except folders.NotAFolder as error:
        raise not_followed(error.path, "is not a regular folder") from error


def read(path: Path, *, below: Path, max_bytes: int | None = None) -> bytes:
    """Return the bytes of the regular file `path`, at most `max_bytes`.

    Raises:
        StateUnreadable, FileNotFoundError, OSError: as `opened`.
        TooLarge: it has more bytes.
    """
    with opened(path, below=below) as file:
        if max_bytes is not None and os.fstat(file.fileno()).st_size > max_bytes:
            raise regular_files.TooLarge(f"holds more than {max_bytes} bytes")
        return file.readall()


def read_in(folder: int, path: Path, *, max_bytes: int) -> bytes:
    """Return the bytes of the regular file `path`, whose folder is open, at most `max_bytes`.

    Raises:
        StateUnreadable, FileNotFoundError, OSError, TooLarge: as `read`.
    """
    try:
        return regular_files.read_in(folder, path.name, max_bytes=max_bytes)
    except regular_files.NotRegular as error:
        raise not_followed(path, str(error)) from error


def read_if_there(path: Path, *, below: Path) -> bytes | None:
    """Return the bytes of the regular file `path`; None if it is missing.

    Raises:
        StateUnreadable: as `opened`.
        StorageFailed: the disk fails.
    """
    with translated(path, "read"), contextlib.suppress(FileNotFoundError):
        return read(path, below=below)
    return None


def is_there(path: Path, *, below: Path) -> bool:
    """Whether the regular file `path` exists.

    Raises:
        StateUnreadable, OSError: as `opened`.
    """
    with contextlib.suppress(FileNotFoundError), opened(path, below=below):
        return True
    return False


def names_in(folder: Path, *, below: Path) -> list[str]:
    """Return the names in a folder, sorted; none if it is missing.

    Raises:
        StateUnreadable: it or a folder on its path is a link or a file.
        OSError: the disk fails.
    """
    try:
        with opened_folder(folder, below=below) as descriptor:
            return sorted(os.listdir(descriptor))
    except FileNotFoundError:
        return []


def not_followed(path: Path, complaint: str) -> StateUnreadable:
    """Return the error for a file or folder that is not opened."""
    return StateUnreadable(
        f"{path}: {complaint}; replace it with the file or folder itself, then try again",
        file=str(path),
    )
