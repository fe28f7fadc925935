"""Folders are reached component by component, and no link on the way is followed."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Final

from specify_cli.errors import StorageFailed

# The project itself may be reached through links: where it lies is the operator's word.
FOLLOWED = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
NOT_FOLLOWED = FOLLOWED | os.O_NOFOLLOW
NO_FOLDER = frozenset({errno.ELOOP, errno.ENOTDIR})


class NotAFolder(Exception):
    """A component of a way is a link or a file; `place` says which."""

    def __init__(self, place: Path) -> None:
        super().__init__(str(place))
        self.place = place


@contextlib.contextmanager
def walked(folder: Path, *, below: Path) -> Iterator[int]:
    """As `opened`, for who tells what is missing from what is wrong.

    Raises:
        NotAFolder: a component is a link or a file.
        OSError: one is missing, or the disk refused.
    """
    descriptor = _walk(folder, below)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def opened(folder: Path, *, below: Path) -> Iterator[int]:
    """The descriptor of `folder`; it and everything between it and `below` is a folder, no link.

    What is done by descriptor happens there, also when a link takes the folder's name meanwhile.

    Raises:
        StorageFailed: a component is missing, a link or no folder, or the disk refused.
    """
    known = _kept.folders
    if known is not None:
        way = folder, below
        if way not in known:
            known[way] = _open_below(folder, below)
        yield known[way]
        return
    descriptor = _open_below(folder, below)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


class _Kept(threading.local):
    """The folders that a thread has open, with what each is `below`; None where it opens each anew."""

    folders: dict[tuple[Path, Path], int] | None = None


_kept: Final = _Kept()


@contextlib.contextmanager
def kept_open() -> Iterator[None]:
    """While the block runs, `opened` opens each folder once in this thread. It is for moments, and not nested."""
    known: dict[tuple[Path, Path], int] = {}
    _kept.folders = known
    try:
        yield
    finally:
        _kept.folders = None
        for descriptor in known.values():
            os.close(descriptor)


def ensure(folder: Path, *, below: Path, mode: int) -> None:
    """`folder` is there and is no link; `mode` is that of a new one, subject to the umask.

    Raises:
        StorageFailed: it could not be made, or something else has its name.
    """
    with opened(folder.parent, below=below) as parent:
        try:
            with contextlib.suppress(FileExistsError):
                os.mkdir(folder.name, mode, dir_fd=parent)
                # What is moved into it must not be lost with it when the power goes.
                os.fsync(parent)
            os.close(os.open(folder.name, NOT_FOLLOWED, dir_fd=parent))
        except OSError as error:
            raise _refusal(folder, error) from error


def ensure_all(folder: Path, *, below: Path, mode: int = 0o777) -> None:
    """As `ensure`, for every folder on the way from `below`, and `folder` itself.

    Raises:
        StorageFailed: as `ensure` does.
    """
    place = below
    for part in folder.relative_to(below).parts:
        place = place / part
        ensure(place, below=below, mode=mode)


def exists(folder: Path, *, below: Path) -> bool:
    """Whether `folder` can be opened without following a link."""
    try:
        os.close(_open_below(folder, below))
    except StorageFailed:
        return False
    return True


def _open_below(folder: Path, below: Path) -> int:
    try:
        return _walk(folder, below)
    except NotAFolder as error:
        # A link here would lead claims and replies out of the project.
        raise StorageFailed(
            f"{error.place} is not a folder of its own; move it away, then try again"
        ) from error
    except OSError as error:
        raise _refusal(folder, error) from error


def _walk(folder: Path, below: Path) -> int:
    depth, descriptor = 0, -1
    parts = _parts_between(folder, below)
    try:
        descriptor = os.open(below, FOLLOWED)
        for part in parts:
            depth += 1
            inner = os.open(part, NOT_FOLLOWED, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
    except OSError as error:
        if descriptor >= 0:
            os.close(descriptor)
        if error.errno in NO_FOLDER:
            raise NotAFolder(below.joinpath(*parts[:depth])) from error
        raise
    return descriptor


@lru_cache(maxsize=1024)
def _parts_between(folder: Path, below: Path) -> tuple[str, ...]:
    # The same few folders are opened with every request.
    return folder.relative_to(below).parts


def _refusal(folder: Path, error: OSError) -> StorageFailed:
    if error.errno in NO_FOLDER:
        # A link here would lead claims and replies out of the project.
        return StorageFailed(f"{folder} is not a folder of its own; move it away, then try again")
    return StorageFailed(
        f"could not open or make the folder {folder}: {error.strerror}; check that it is there, and its permissions"
    )
