"""Open and create folders component by component without following a link."""

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

# The project itself may be reached through links: its path is the operator's choice.
FOLLOWED = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
NOT_FOLLOWED = FOLLOWED | os.O_NOFOLLOW
NO_FOLDER = frozenset({errno.ELOOP, errno.ENOTDIR})


class NotAFolder(Exception):
    """A component of a path is a link or a file; `path` says which."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is not a regular folder; move it away, then try again")
        self.path = path


@contextlib.contextmanager
def walked(folder: Path, *, below: Path) -> Iterator[int]:
    """Open `folder` as `opened` does, for callers that treat a missing folder differently.

    Raises:
        NotAFolder: a component is a link or a file.
        OSError: one is missing, or the disk refused.
    """
    descriptor = open_folder(folder, below=below)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def opened(folder: Path, *, below: Path) -> Iterator[int]:
    """Open `folder`; neither it nor a component between it and `below` may be a link.

    Operations relative to the descriptor stay in that folder even if a link takes its name meanwhile.

    Raises:
        StorageFailed: a component is missing or not a folder, or the disk refused.
    """
    known = _kept.folders
    if known is not None:
        way = folder, below
        descriptor = known.get(way)
        if descriptor is None:
            descriptor = known[way] = _open_or_refuse(folder, below)
        yield descriptor
        return
    descriptor = _open_or_refuse(folder, below)
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
    """Create `folder` if it is missing; `mode` is that of a new one, subject to the umask.

    Raises:
        StorageFailed: it could not be created, or something else has its name.
    """
    with opened(folder.parent, below=below) as parent:
        try:
            make_folder(folder.name, parent=parent, mode=mode)
            os.close(os.open(folder.name, NOT_FOLLOWED, dir_fd=parent))
        except OSError as error:
            raise _refusal(folder, error) from error


def make_folder(name: str, *, parent: int, mode: int) -> None:
    """Create the folder `name` in an open folder unless something has the name.

    Raises:
        OSError: the disk refused.
    """
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, mode, dir_fd=parent)
        # A power loss must not lose the folder with what is moved into it.
        os.fsync(parent)


def ensure_all(folder: Path, *, below: Path, mode: int = 0o777) -> None:
    """Create every missing folder from `below` down to `folder`.

    Raises:
        StorageFailed: as `ensure` does.
    """
    path = below
    for part in folder.relative_to(below).parts:
        path = path / part
        ensure(path, below=below, mode=mode)


def exists(folder: Path, *, below: Path) -> bool:
    """Return whether `folder` can be opened without following a link."""
    try:
        os.close(_open_or_refuse(folder, below))
    except StorageFailed:
        return False
    return True


def open_folder(folder: Path, *, below: Path) -> int:
    """Return a descriptor of `folder`, which the caller closes; see `walked`.

    Raises:
        NotAFolder: a component is a link or a file.
        OSError: one is missing, or the disk refused.
    """
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


def open_in(path: Path, *, parent: int) -> int:
    """Return a descriptor of the folder at `path`, whose parent is open.

    Raises:
        NotAFolder: it is a link or a file.
        OSError: it is missing, or the disk refused.
    """
    try:
        return os.open(path.name, NOT_FOLLOWED, dir_fd=parent)
    except OSError as error:
        if error.errno in NO_FOLDER:
            raise NotAFolder(path) from error
        raise


def _open_or_refuse(folder: Path, below: Path) -> int:
    try:
        return open_folder(folder, below=below)
    except (NotAFolder, OSError) as error:
        raise _refusal(folder, error) from error


@lru_cache(maxsize=1024)
def _parts_between(folder: Path, below: Path) -> tuple[str, ...]:
    # Cached, because every request opens the same few folders.
    return folder.relative_to(below).parts


def _refusal(folder: Path, error: NotAFolder | OSError) -> StorageFailed:
    if isinstance(error, OSError) and error.errno in NO_FOLDER:
        error = NotAFolder(folder)
    if isinstance(error, NotAFolder):
        # A link here would lead claims and replies out of the project.
        return StorageFailed(str(error))
    return StorageFailed(
        f"could not open or make the folder {folder}: {error.strerror}; check that it is there, and its permissions"
    )
