"""The file of a mission's log in the working tree, which people and git also write."""

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
from specify_cli.storage import event_lines, project_files, record_folder

FILE_NAME: Final = "status.events.jsonl"
MOST_BYTES: Final = 512 * 1024 * 1024
"""About a million events; the host reads the whole log."""


class LogFile(NamedTuple):
    """The file of one mission's log; no link below the project's `root` is followed.

    `attic` is the folder for content that is removed from it; no link below `attic_base` is
    followed.
    """

    path: Path
    root: Path
    attic: Path
    attic_base: Path

    def raw(self) -> bytes:
        """Return the file's bytes; empty if there is no file.

        Raises:
            StateUnreadable: the file or a folder on its path is a link, or too large.
            StorageFailed: the disk fails.
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
        """Write these lines to the file, whose bytes were `raw`; nothing is synced.

        A file that has changed since is left to the next call. Missing lines at the end are
        appended. Other content at the end is moved to the attic, except for `withdrawn` lines. If
        more differs, the file is rewritten, and its former content, or `kept` in place of it, goes
        to the attic.

        Raises:
            StateUnreadable: as `raw`.
            StorageFailed: the disk fails.
        """
        had = _lines_of(raw)
        same = sum(
            1
            for _ in takewhile(
                lambda it: it[0].said == it[1].strip(), zip(had, lines, strict=False)
            )
        )
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
        """Append whole lines to the file with that stamp; nothing is synced.

        Returns:
            The new stamp; None if the file has changed. Its size shows a concurrent append.

        Raises:
            StateUnreadable: as `raw`.
            StorageFailed: the disk fails; the file is unchanged.
        """
        with translated(self.path, "write"), self._opened(os.O_RDWR | os.O_APPEND) as log:
            if stamp_of(os.fstat(log.fileno())) != to:
                return None
            _append(log, data, size=to.size)
            return stamp_of(os.fstat(log.fileno()))

    def keep(self, data: bytes) -> None:
        """Copy former content of the file to the attic.

        Raises:
            StorageFailed: the disk fails.
        """
        with translated(self.path, "keep"):
            self._keep(data)

    def _keep(self, data: bytes) -> None:
        record_folder.make_inside(self.attic, base=self.attic_base)
        publish(self.attic / f"{self.path.parent.name}-{ids.ulid()}", data, below=self.attic_base)

    def _rewrite(self, data: bytes, raw: bytes, *, kept: bytes) -> None:
        """Replace the file; append what another program wrote to the old one meanwhile."""
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
        """Truncate the file at `cut`, if given, and append `data`.

        Do nothing if the file does not have that `size` any more: another program has written to
        it.
        """
        is_new = not os.path.lexists(self.path)
        # Unbuffered: closing a buffer would write again after the truncation.
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
    """A non-blank whole line of the file without its end, and the offset after its newline."""

    said: bytes
    end: int


def _lines_of(raw: bytes) -> list[_Line]:
    whole = raw[: event_lines.end_of_lines(raw)].splitlines(keepends=True)
    ends = accumulate(map(len, whole))
    return [_Line(line.strip(), end) for line, end in zip(whole, ends, strict=True) if line.strip()]


def _are_all(had: Sequence[_Line], behind: bytes, withdrawn: Collection[bytes]) -> bool:
    """Whether `behind` has only withdrawn lines."""
    lines = [it.said + b"\n" for it in had]
    return b"".join(lines) == behind and all(line in withdrawn for line in lines)


def _append(log: FileIO, data: bytes, *, size: int) -> None:
    """Append all of `data` to the file of that size, or nothing."""
    try:
        write_all(log, data)
    except (OSError, StorageFailed):
        # Keep what other programs have appended meanwhile.
        if data.startswith(os.pread(log.fileno(), len(data) + 1, size)):
            os.ftruncate(log.fileno(), size)
        raise


def write_all(log: FileIO, data: bytes) -> None:
    """Write all of `data` to an unbuffered file."""
    remaining = memoryview(data)
    while remaining:
        remaining = remaining[log.write(remaining) :]
