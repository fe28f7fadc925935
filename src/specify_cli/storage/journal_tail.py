"""Follow the published journal as lines are added."""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from specify_cli.files.atomic import translated
from specify_cli.storage.journal_files import JournalFiles, damage, opened
from specify_cli.storage.published_line import parse
from specify_cli.storage.record import Record


class JournalTail:
    """A reader's position in the journal at `path`.

    Damaged lines of the newest part are skipped and passed to `complain`. Lines that the files have
    lost at their end come from the `record`, if there is one.
    """

    def __init__(
        self, path: Path, complain: Callable[[str], None], *, record: Record | None = None
    ) -> None:
        self._record = record
        self._files = JournalFiles(path)
        self._path = path
        self._complain = complain
        self._seq = 0
        self._inode = 0
        self._offset = 0

    def last(self, count: int) -> list[dict[str, Any]]:
        """Return the last `count` lines, oldest first.

        Raises:
            StorageFailed: the disk fails.
            StateUnreadable: the record is damaged.
        """
        lines = deque(self._unseen(self._files.lines(with_archive=False)), maxlen=count)
        if len(lines) < count and self._files.archived_parts():
            self._seq = 0
            lines = deque(self._unseen(self._files.lines()), maxlen=count)
        newest = self._record.last_published()[0] if self._record else 0
        if self._record is None or newest <= self._seq:
            return list(lines)
        self._seq = newest
        return [parse(line) for _, line in self._record.published(after=max(newest - count, 0))]

    def added(self) -> list[dict[str, Any]]:
        """Return the lines added since the last call, even if the file was renamed meanwhile.

        Raises:
            StorageFailed: the disk fails.
        """
        with translated(self._path, "read"), contextlib.suppress(FileNotFoundError):
            with opened(self._path) as file:
                status = os.fstat(file.fileno())
                if status.st_ino == self._inode and status.st_size == self._offset:
                    return []
                if status.st_ino == self._inode:
                    return self._read_on(file.fileno(), status.st_size)
                self._inode, self._offset = status.st_ino, 0
            # A new file: earlier parts may have unread lines.
            return list(self._unseen(self._files.lines(with_archive=False)))
        return []

    def _read_on(self, descriptor: int, size: int) -> list[dict[str, Any]]:
        # A shorter file: a failed write was undone.
        start = self._offset if size >= self._offset else 0
        data = os.pread(descriptor, size - start, start)
        whole = data[: data.rfind(b"\n") + 1]
        self._offset = start + len(whole)
        return list(self._unseen(self._parsed(whole, start)))

    def _parsed(self, data: bytes, start: int) -> Iterator[dict[str, Any]]:
        for line in data.splitlines(keepends=True):
            try:
                yield parse(line)
            except (ValueError, RecursionError) as error:
                self._complain(damage(self._path.name, start, error))
            start += len(line)

    def _unseen(self, lines: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for line in lines:
            if line["seq"] > self._seq:
                self._seq = line["seq"]
                yield line
