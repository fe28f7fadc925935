"""Reads and writes small files where somebody else may write, too: never through a link, never waiting."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
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
def opened(path: Path, *, dir_fd: int | None = None) -> Iterator[IO[bytes]]:
    """The regular file at `path`, open for reading.

    Raises:
        OSError: it is missing, a link, a FIFO or the like.
    """
    descriptor = os.open(path, _READING, dir_fd=dir_fd)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "is not a regular file", str(path))
        with os.fdopen(descriptor, "rb", closefd=False) as stream:
            yield stream
    finally:
        os.close(descriptor)


@contextmanager
def opened_below(folder: Path, names: Sequence[str]) -> Iterator[IO[bytes]]:
    """The regular file that these names lead to from a folder, none of them a link.

    Raises:
        OSError: one of them is missing, a link, a FIFO or the like; so is the folder.
    """
    with ExitStack() as stack:
        inner = stack.enter_context(_folder(str(folder)))
        for name in names[:-1]:
            inner = stack.enter_context(_folder(name, dir_fd=inner))
        yield stack.enter_context(opened(Path(names[-1]), dir_fd=inner))


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


@contextmanager
def _folder(name: str, *, dir_fd: int | None = None) -> Iterator[int]:
    descriptor = os.open(name, _READING | os.O_DIRECTORY, dir_fd=dir_fd)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def endless(folder: Path, *, seconds: float) -> Iterator[Path]:
    """What git would open below a working tree and wait for: a FIFO called `.gitignore`, for one.

    Only names that git opens by itself count; a file of the work is never opened when it is a FIFO.
    A repository inside may have its git folder anywhere in the working tree, by a file or a link.

    Raises:
        TimeoutError: the working tree is so large that to look takes longer.
    """
    deadline = time.monotonic() + seconds
    git_dirs = [os.path.realpath(it) for it in _named_git_dirs(folder, deadline)]
    for parent, names in _folders(folder, deadline):
        is_inside = ".git" in parent.relative_to(folder).parts or any(
            Path(os.path.realpath(parent)).is_relative_to(git_dir) for git_dir in git_dirs
        )
        for name in names:
            if is_inside or name.startswith(".git"):
                path = parent / name
                if _is_endless(path):
                    yield path


def _folders(folder: Path, deadline: float) -> Iterator[tuple[Path, list[str]]]:
    """Each folder from `folder` down, and the names in it; `os.walk` goes no deeper than Python's stack."""
    waiting = [str(folder)]
    while waiting:
        parent, names = waiting.pop(), list[str]()
        # What is removed meanwhile, or may not be read, git does not read either.
        with suppress(OSError), os.scandir(parent) as entries:
            for entry in entries:
                names.append(entry.name)
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
        if time.monotonic() > deadline:
            raise TimeoutError(errno.ETIMEDOUT, "holds too many files to look at", str(folder))
        yield Path(parent), names


def _is_endless(path: Path) -> bool:
    return path.exists() and not (path.is_file() or path.is_dir())


def _named_git_dirs(folder: Path, deadline: float) -> Iterator[Path]:
    """The git folders in a working tree that a `.git` file or link inside it names.

    One elsewhere is not looked at: nobody who can write here alone has put a FIFO there.
    """
    root = os.path.realpath(folder)
    for parent, names in _folders(folder, deadline):
        link = parent / ".git"
        if parent == folder or ".git" not in names:
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
