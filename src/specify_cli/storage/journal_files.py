"""The published journal as it lies in the outbox: `journal.jsonl`, and the older parts beside it.

A part that has grown too long is renamed `journal-<first seq>.jsonl`, and a new one goes on. Old parts are
kept in the archive, compressed, as `journal-<first seq>.jsonl.gz`. Operators read these files; what the host
knows of a request is in its record.
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
"""Behind the name of a part that is in the archive."""

_UNDAMAGED_WAY_OUT: Final = "`spec-kitty mailbox verify` names every damaged line"


class JournalFiles(NamedTuple):
    """The parts of the published journal, the newest of which is at `path`."""

    path: Path

    def part(self, first_seq: int) -> Path:
        """The older part that begins with that line."""
        return self.path.with_name(f"{self.path.stem}-{first_seq}{self.path.suffix}")

    @property
    def archive(self) -> Path:
        """The folder of the parts that are not published any more."""
        return self.path.parent.with_name(ARCHIVE)

    def archived(self, part: Path) -> Path:
        """Where an older part goes."""
        return self.archive / f"{part.name}{PACKED}"

    def older_parts(self) -> list[Path]:
        """The parts beside the newest, oldest first. Raises: StorageFailed."""
        return [self.part(seq) for seq in self._firsts(self.path.parent)]

    def archived_parts(self) -> list[Path]:
        """The parts in the archive that are not published, oldest first. Raises: StorageFailed."""
        published = {self.archived(it) for it in self.older_parts()}
        return [it for it in self.all_archived() if it not in published]

    def all_archived(self) -> list[Path]:
        """The parts in the archive, oldest first; whoever archives one is not done as long as it is published. Raises: StorageFailed."""
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
        """Each whole line with the words for where it stands, oldest first. Raises: StorageFailed."""
        with translated(self.path, "read"), contextlib.ExitStack() as stack:
            newest: IO[bytes] | None = None
            with contextlib.suppress(FileNotFoundError):
                # Opened first: it may become an older part meanwhile, and would be missed.
                newest = stack.enter_context(opened(self.path))
            older = self.older_parts()
            for part in self.archived_parts() if with_archive else ():
                yield from unpacked(part)
            for part in older:
                with translated(part, "read"), self._still_there(part) as file:
                    if file is None:
                        # Archived since it was listed.
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
        """Bytes of what is published. Raises: StorageFailed."""
        parts = [it for it in (*self.older_parts(), self.path) if it.exists()]
        with translated(self.path.parent, "look at"):
            return sum(it.lstat().st_size for it in parts)

    def parsed(self, *, with_archive: bool = True) -> Iterator[tuple[bytes, dict[str, Any]]]:
        """Each line that can be read, and what it says, oldest first. Raises: StorageFailed."""
        for _, line in self.numbered(with_archive=with_archive):
            with contextlib.suppress(ValueError, RecursionError):
                yield line, published_line.parse(line)

    def lines(self, *, with_archive: bool = True) -> Iterator[dict[str, Any]]:
        """What each line says that can be read, oldest first. Raises: StorageFailed."""
        return (said for _, said in self.parsed(with_archive=with_archive))


def opened(path: Path, flags: int = os.O_RDONLY) -> IO[bytes]:
    """A part, unbuffered where it is written. Raises: OSError, also where it is no regular file."""
    # Opening a FIFO that somebody planted would block until another process opens it, too.
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
    """Each whole line of an archived part, with its place in words; a damaged one is empty. Raises: StorageFailed."""
    # Inside the function: few projects have an archive.
    import gzip
    import zlib

    with translated(part, "read"), opened(part) as packed, gzip.open(packed) as file:
        try:
            yield from _numbered(part.name, file)  # type: ignore[arg-type]
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            yield f"{part.name} cannot be unpacked ({error})", b""


def _numbered(name: str, file: IO[bytes]) -> Iterator[tuple[str, bytes]]:
    for number, line in enumerate(whole_lines(file), start=1):
        yield f"{name} line {number}", line


def whole_lines(file: IO[bytes]) -> Iterator[bytes]:
    """Lines up to the torn tail, if there is one: a last line without its end, or with a hole."""
    held_back: bytes | None = None
    for line in file:
        if held_back is not None:
            yield held_back
        held_back = line
    # A power loss may leave zeros where a block of the last line never reached the disk.
    if held_back is not None and held_back.endswith(b"\n") and b"\0" not in held_back:
        yield held_back


def damage(name: str, offset: int, error: Exception) -> str:
    """The words for a line at this byte of that part which cannot be read."""
    return f"{name} is damaged at byte {offset}: {error}; {_UNDAMAGED_WAY_OUT}"
