"""The file of a mission's log, in the working tree, where people and git write it, too."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from io import FileIO
from itertools import accumulate, takewhile
from pathlib import Path
from typing import Final, NamedTuple

from specify_cli import ids
from specify_cli.errors import StorageFailed
from specify_cli.files.atomic import publish, translated
from specify_cli.files.regular_files import TooLarge
from specify_cli.files.stamps import FileStamp, stamp_of
from specify_cli.storage import event_lines, project_files, record_place

FILE_NAME: Final = "status.events.jsonl"
MOST_BYTES: Final = 512 * 1024 * 1024
"""A million events; the host reads the whole log."""


class LogFile(NamedTuple):
    """The file of one mission's log; nothing between it and the project's `root` may be a link.

    `attic` is the folder for what stood in it and had to go; nothing between it and `attic_base` may be a link.
    """

    path: Path
    root: Path
    attic: Path
    attic_base: Path

    def raw(self) -> bytes:
        """The file's bytes; none where there is no file.

        Raises:
            StateUnreadable: it, or a folder on the way, is not what it should be.
            StorageFailed: the disk refused.
        """
        with translated(self.path, "read"):
            try:
                return project_files.read(self.path, below=self.root, max_bytes=MOST_BYTES)
            except FileNotFoundError:
                return b""
            except TooLarge as error:
                raise event_lines.damaged(self.path, 1, f"the file {error}") from error

    def bring_to(
        self,
        lines: Sequence[bytes],
        *,
        raw: bytes,
        kept: bytes | None = None,
        withdrawn: Collection[bytes] = (),
    ) -> None:
        """The file, whose bytes were `raw`, has these lines; nothing is synced.

        One that somebody has changed since is left to the next call. What the file lacks at its end is
        appended. What it has there and should not goes to the attic, unless it is one of the
        `withdrawn` lines. Where more differs, it is written anew, and all that it had goes there, or what is `kept` of it.

        Raises:
            StateUnreadable: as `raw`.
            StorageFailed: the disk refused.
        """
        had = _lines_of(raw)
        same = sum(1 for _ in takewhile(_are_same, zip(had, lines, strict=False)))
        end = had[same - 1].end if same else 0
        behind, missing = raw[end:].lstrip(b"\r\n"), lines[same:]
        if not behind and not missing and raw[-1:] in (b"", b"\n"):
            return
        gone = {it.said for it in had[same:]}
        is_needed = b"\0" in raw[:end] or not gone.isdisjoint(it.strip() for it in missing)
        with translated(self.path, "write"):
            if is_needed or kept not in (None, raw):
                self._rewrite(b"".join(lines), raw, kept=raw if kept is None else kept)
            elif self.raw() == raw:
                if behind and not _are_all(had[same:], behind, withdrawn):
                    self._keep(behind)
                self._end_with(b"".join(missing), size=len(raw), cut=end if behind else None)

    def add(self, data: bytes, *, to: FileStamp) -> FileStamp | None:
        """The file's stamp after whole lines were appended; None where it was not the file of that stamp any more.

        Where somebody else wrote to it meanwhile, that shows in its size. Nothing is synced.

        Raises:
            StateUnreadable: as `raw`.
            StorageFailed: the disk refused; the file is as it was.
        """
        with translated(self.path, "write"), self._opened(os.O_RDWR | os.O_APPEND) as log:
            if stamp_of(os.fstat(log.fileno())) != to:
                return None
            _append(log, data, size=to.size)
            return stamp_of(os.fstat(log.fileno()))

    def keep(self, data: bytes) -> None:
        """What stood in the file is in the attic, too. Raises: StorageFailed."""
        with translated(self.path, "keep"):
            self._keep(data)

    def _keep(self, data: bytes) -> None:
        record_place.make_inside(self.attic, base=self.attic_base)
        publish(self.attic / f"{self.path.parent.name}-{ids.ulid()}", data, below=self.attic_base)

    def _rewrite(self, data: bytes, raw: bytes, *, kept: bytes) -> None:
        """The file is a new one; what somebody wrote to the old one meanwhile is at the end of it."""
        self._keep(kept)
        if not os.path.lexists(self.path):
            publish(self.path, data, below=self.root)
            return
        with self._opened(os.O_RDONLY) as old:
            publish(self.path, data, below=self.root)
            old.seek(len(raw))
            late = old.readall()
        if late:
            self._end_with(late)

    def _end_with(self, data: bytes, *, size: int | None = None, cut: int | None = None) -> None:
        """`data` stands at the end, where what stood from `cut` on is gone; else the file is as before.

        Nothing is done where the file has not that `size` any more: somebody has written to it since.
        """
        is_new = not os.path.lexists(self.path)
        # Unbuffered: a buffer would try once more when it is closed, behind the truncation.
        with self._opened(os.O_RDWR | os.O_APPEND | os.O_CREAT) as log:
            found = os.fstat(log.fileno()).st_size
            if size not in (None, found):
                return
            if cut is not None:
                log.truncate(cut)
                found = cut
            try:
                if found and os.pread(log.fileno(), 1, found - 1) != b"\n":
                    data = b"\n" + data
                _append(log, data, size=found)
            except (OSError, StorageFailed):
                if is_new and not os.fstat(log.fileno()).st_size:
                    self.path.unlink()
                raise

    def _opened(self, flags: int) -> AbstractContextManager[FileIO]:
        return project_files.opened(self.path, below=self.root, flags=flags)


class _Line(NamedTuple):
    """A whole line of the file that says something, without its end, and where its newline ends."""

    said: bytes
    end: int


def _lines_of(raw: bytes) -> list[_Line]:
    whole = raw[: event_lines.end_of_lines(raw)].splitlines(keepends=True)
    ends = accumulate(map(len, whole))
    return [_Line(line.strip(), end) for line, end in zip(whole, ends, strict=True) if line.strip()]


def _are_same(pair: tuple[_Line, bytes]) -> bool:
    return pair[0].said == pair[1].strip()


def _are_all(had: Sequence[_Line], behind: bytes, withdrawn: Collection[bytes]) -> bool:
    """Whether what stands behind is withdrawn lines, and nothing else."""
    lines = [it.said + b"\n" for it in had]
    return b"".join(lines) == behind and all(line in withdrawn for line in lines)


def _append(log: FileIO, data: bytes, *, size: int) -> None:
    """All of `data` is at the end of the file, which had that size, or nothing of it."""
    try:
        write_all(log, data)
    except (OSError, StorageFailed):
        # What others have written behind meanwhile stays.
        if data.startswith(os.pread(log.fileno(), len(data) + 1, size)):
            os.ftruncate(log.fileno(), size)
        raise


def write_all(log: FileIO, data: bytes) -> None:
    """All of `data` is in the file, which is not buffered."""
    remaining = memoryview(data)
    while remaining:
        remaining = remaining[log.write(remaining) :]
