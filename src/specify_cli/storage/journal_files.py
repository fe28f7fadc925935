"""The published journal in the outbox: `journal.jsonl`, and older parts beside it.

A part that is too long is renamed `journal-<first seq>.jsonl`, and a new one begins. Old parts are
compressed into the archive as `journal-<first seq>.jsonl.gz`. Operators read these files; the host
uses its record.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

from specify_cli.files.atomic import translated
from specify_cli.files.regular_files import kind
from specify_cli.storage import published_line
from specify_cli.storage.layout import ARCHIVE

PACKED: Final = ".gz"
"""The suffix of an archived part."""

MOST_UNPACKED: Final = 128 * 1024 * 1024
"""More than any part that a host has archived, so that memory and time are bounded."""

_LEAST_OF_LINE: Final = 256
_MOST_OF_LINE: Final = 64 * 1024 * 1024


class JournalFiles(NamedTuple):
    """The parts of the published journal; `path` is the newest."""

    path: Path

    def part(self, first_seq: int) -> Path:
        """Return the path of the older part that begins with that line."""
        return self.path.with_name(f"{self.path.stem}-{first_seq}{self.path.suffix}")

    @property
    def archive(self) -> Path:
        """The folder of parts that are not published any more."""
        return self.path.parent.with_name(ARCHIVE)

    def archived(self, part: Path) -> Path:
        """Return the path of an older part in the archive."""
        return self.archive / f"{part.name}{PACKED}"

    def first_of(self, part: Path) -> int:
        """Return the `seq` with which that part of the outbox or archive begins, by its name."""
        return int(part.name.removeprefix(f"{self.path.stem}-").partition(".")[0])

    def older_parts(self) -> list[Path]:
        """Return the parts beside the newest, oldest first.

        Raises:
            StorageFailed: the disk fails.
        """
        return [self.part(seq) for seq in self._firsts(self.path.parent)]

    def archived_parts(self) -> list[Path]:
        """Return the archived parts that are not published, oldest first.

        Raises:
            StorageFailed: the disk fails.
        """
        published = {self.archived(it) for it in self.older_parts()}
        return [it for it in self.all_archived() if it not in published]

    def all_archived(self) -> list[Path]:
        """Return all archived parts, oldest first; an interrupted archiving leaves one published, too.

        Raises:
            StorageFailed: the disk fails.
        """
        return [self.archived(self.part(seq)) for seq in self._firsts(self.archive, PACKED)]

    def _firsts(self, folder: Path, ending: str = "") -> list[int]:
        name = f"{re.escape(self.path.stem)}-([1-9][0-9]{{0,17}}){re.escape(self.path.suffix + ending)}"
        with translated(folder, "list"):
            try:
                names = os.listdir(folder)
            except FileNotFoundError:
                return []
        return sorted(int(match[1]) for it in names if (match := re.fullmatch(name, it)))

    def numbered(self, *, with_archive: bool = True) -> Iterator[tuple[str, bytes]]:
        """Yield each whole line and its place in words, oldest first.

        Raises:
            StorageFailed: the disk fails.
        """
        with translated(self.path, "read"), contextlib.ExitStack() as stack:
            newest: IO[bytes] | None = None
            with contextlib.suppress(FileNotFoundError):
                # Open it first: it may become an older part meanwhile and be
                # missed.
                newest = stack.enter_context(opened(self.path))
            older = self.older_parts()
            for part in self.archived_parts() if with_archive else ():
                yield from unpacked(part)
            for part in older:
                with translated(part, "read"), self._still_there(part) as file:
                    if file is None:
                        # It was archived after the listing.
                        yield from unpacked(self.archived(part))
                    elif newest is None or not os.path.samestat(
                        os.fstat(file.fileno()), os.fstat(newest.fileno())
                    ):
                        yield from _numbered(part.name, file)
            if newest is not None:
                yield from _numbered(self.path.name, newest)

    @contextlib.contextmanager
    def _still_there(self, part: Path) -> Iterator[IO[bytes] | None]:
        try:
            file = opened(part)
        except FileNotFoundError:
            if not os.path.lexists(self.archived(part)):
                raise
            yield None
            return
        with file:
            yield file

    def size(self) -> int:
        """Return the bytes of all published parts.

        Raises:
            StorageFailed: the disk fails.
        """
        parts = [it for it in (*self.older_parts(), self.path) if it.exists()]
        with translated(self.path.parent, "look at"):
            return sum(it.lstat().st_size for it in parts)

    def parsed(self, *, with_archive: bool = True) -> Iterator[tuple[bytes, dict[str, Any]]]:
        """Yield each readable line and its content, oldest first.

        Raises:
            StorageFailed: the disk fails.
        """
        for _, line in self.numbered(with_archive=with_archive):
            with contextlib.suppress(ValueError, RecursionError):
                yield line, published_line.parse(line)

    def lines(self, *, with_archive: bool = True) -> Iterator[dict[str, Any]]:
        """Yield the content of each readable line, oldest first.

        Raises:
            StorageFailed: the disk fails.
        """
        return (said for _, said in self.parsed(with_archive=with_archive))


def opened(path: Path, flags: int = os.O_RDONLY) -> IO[bytes]:
    """Open a part; unbuffered for writing.

    Raises:
        OSError: it cannot be opened, or is not a regular file.
    """
    # Opening a FIFO would block until another process opens it.
    flags |= os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o644)
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, f"it is a {kind(mode)}, not a regular file", str(path))
    if flags & (os.O_WRONLY | os.O_RDWR):
        return os.fdopen(descriptor, "r+b", buffering=0)
    return os.fdopen(descriptor, "rb")


def unpacked(part: Path) -> Iterator[tuple[str, bytes]]:
    """Yield each whole line of an archived part and its place in words; b"" if it is damaged.

    Raises:
        StorageFailed: the disk fails.
    """
    # Inside the function: few projects have an archive.
    import gzip
    import zlib

    with translated(part, "read"), opened(part) as packed, gzip.open(packed) as file:
        left = MOST_UNPACKED
        try:
            for place, line in _numbered(part.name, file):  # type: ignore[arg-type]
                left -= max(len(line), _LEAST_OF_LINE)
                if left < 0 or len(line) > _MOST_OF_LINE:
                    yield _damaged(part, "it has more than a part of the journal can have"), b""
                    return
                yield place, line
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            yield _damaged(part, error), b""


def _damaged(part: Path, problem: object) -> str:
    return f"{part.name} cannot be unpacked ({problem}); restore it from a backup, or move it out of {part.parent}"


def _numbered(name: str, file: IO[bytes]) -> Iterator[tuple[str, bytes]]:
    for number, line in enumerate(whole_lines(file), start=1):
        yield f"{name} line {number}", line


def whole_lines(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the lines of a part without a torn last line: one without a newline, or with zero bytes.

    A line that no host writes, because it is too long, comes in pieces.
    """
    held_back: bytes | None = None
    while line := file.readline(_MOST_OF_LINE + 1):
        if held_back is not None:
            yield held_back
        held_back = line
    # A power loss leaves zeros in a block that never reached the disk.
    if held_back is not None and held_back.endswith(b"\n") and b"\0" not in held_back:
        yield held_back
