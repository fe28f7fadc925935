"""Reads and writes small files where somebody else may write, too: never through a link, never waiting."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

MAX_BYTES: Final = 64 * 1024

_READING: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_WRITING: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


def read(path: Path, *, max_bytes: int = MAX_BYTES) -> bytes:
    """What the regular file at `path` holds.

    Raises:
        OSError: it is missing, a link, a FIFO or the like, or larger.
    """
    with opened(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        if size > max_bytes:
            raise OSError(errno.EFBIG, f"is larger than {max_bytes} bytes", str(path))
        return stream.read(size)


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """The regular file at `path`, open for reading.

    Raises:
        OSError: it is missing, a link, a FIFO or the like.
    """
    descriptor = os.open(path, _READING)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "is not a regular file", str(path))
        with os.fdopen(descriptor, "rb", closefd=False) as stream:
            yield stream
    finally:
        os.close(descriptor)


def create(path: Path, content: bytes) -> None:
    """A new file holds the content, on the disk.

    Raises:
        FileExistsError: the name is taken, by a link for one.
        OSError: the disk refused.
    """
    descriptor = os.open(path, _WRITING, 0o644)
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as stream:
            stream.write(content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace(path: Path, content: bytes) -> None:
    """As `create`, but what had the name is gone first."""
    path.unlink(missing_ok=True)
    create(path, content)


def endless(folder: Path) -> Iterator[Path]:
    """What git would open below a working tree and wait for: a FIFO called `.gitignore`, for one.

    Only names that git opens by itself count; a file of the work is never opened when it is a FIFO.
    A repository inside may have its git folder anywhere in the working tree, by a file or a link.
    """
    git_dirs = [os.path.realpath(it) for it in _named_git_dirs(folder)]
    for parent, _, files in os.walk(folder):
        is_inside = ".git" in Path(parent).relative_to(folder).parts or any(
            Path(os.path.realpath(parent)).is_relative_to(git_dir) for git_dir in git_dirs
        )
        for name in files:
            if is_inside or name.startswith(".git"):
                path = Path(parent, name)
                if _is_endless(path):
                    yield path


def endless_below(folder: Path) -> Iterator[Path]:
    """What git would open below a folder of its own, such as that of its refs, and wait for."""
    for parent, _, files in os.walk(folder):
        yield from filter(_is_endless, (Path(parent, name) for name in files))


def _is_endless(path: Path) -> bool:
    return path.exists() and not (path.is_file() or path.is_dir())


def _named_git_dirs(folder: Path) -> Iterator[Path]:
    """The git folders in a working tree that a `.git` file or link inside it names.

    One elsewhere is not looked at: nobody who can write here alone has put a FIFO there.
    """
    root = os.path.realpath(folder)
    for parent, folders, files in os.walk(folder):
        link = Path(parent, ".git")
        if Path(parent) == folder or ".git" not in (*folders, *files):
            continue
        named = Path(os.path.realpath(link))
        if named.is_file():
            try:
                text = os.fsdecode(read(named)).strip()
            except OSError:
                continue
            named = link.parent / text.removeprefix("gitdir:").strip()
        real = os.path.realpath(named)
        if real != root and Path(real).is_relative_to(root):
            yield Path(real)
