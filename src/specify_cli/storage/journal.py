"""The append-only, hash-chained record of every request and its answer, one JSON line each.

Every line starts with its number and its correlation id, with who asked at which door behind them,
and ends with the hash of the line before. An id belongs to a scope: the one that the command line and
the root inbox share, or a named orchestrator's own.

When the file grows too long it is renamed `journal-<first seq>.jsonl`, and the chain goes on in a
new one.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import stat
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from specify_cli import ids
from specify_cli.errors import StateUnreadable, StorageFailed
from specify_cli.files import locks
from specify_cli.files.atomic import fsync_folder
from specify_cli.files.regular import kind
from specify_cli.protocol import CORRELATION_ID

MAX_BYTES = 64 * 1024 * 1024
NOTHING_BEFORE = "sha256:" + "0" * 64
# A JSON string holds no bare quote and no newline, so nothing inside a line passes for its start.
HEAD = re.compile(
    rb'\{"seq":([0-9]{1,18}),"correlation_id":"([A-Za-z0-9._-]{1,128})",'
    rb'(?:"at":"[^"]*","door":"mailbox","identity":"([A-Za-z0-9._-]{1,64})",)?'
)
BEHIND_THE_ID = ("at", "door", "identity")
WRITING = os.O_WRONLY | os.O_APPEND | os.O_CREAT


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a line stands: the first number of its file, and its offset in it."""

    first_seq: int
    offset: int


@dataclass(slots=True)
class _Seen:
    """What has been read of the journal so far; `end` and `last_offset` are of the newest file."""

    places: dict[str, _Place] = field(default_factory=dict)
    # Of the ids alone that have more lines than one.
    newest: dict[str, _Place] = field(default_factory=dict)
    first_seq: int | None = None
    end: int = 0
    last_offset: int = 0
    last_seq: int = 0
    last_digest: str = NOTHING_BEFORE

    def note(self, line: bytes) -> None:
        """`line`, which follows what was read before, is known."""
        head = HEAD.match(line)
        if head is not None:
            self.last_seq = int(head[1])
            if self.first_seq is None:
                self.first_seq = self.last_seq
            scope = ids.scope_of(ids.MAILBOX, head[3].decode()) if head[3] else ids.SHARED_SCOPE
            key, place = _key(head[2].decode(), scope), _Place(self.first_seq, self.end)
            if self.places.setdefault(key, place) is not place:
                self.newest[key] = place
        self.last_offset, self.end = self.end, self.end + len(line)

    def start_file(self) -> None:
        """The next line noted is the first of another file."""
        self.first_seq, self.end, self.last_offset = None, 0, 0


def _key(correlation_id: str, scope: str) -> str:
    # Neither can hold a slash.
    return f"{scope}/{correlation_id}" if scope else correlation_id


class Journal:
    """The journal at `path`; one object may serve many threads, the file many processes."""

    def __init__(self, path: Path, *, lock_path: Path, max_bytes: int = MAX_BYTES) -> None:
        self._path = path
        self._lock_path = lock_path
        self._max_bytes = max_bytes
        self._seen = _Seen()
        self._using = threading.Lock()

    def find(self, correlation_id: str, scope: str = ids.SHARED_SCOPE) -> dict[str, Any] | None:
        """The first line under this id in that scope, or None; nothing is created.

        No lock is taken that another process could hold.

        Raises:
            StorageFailed: the disk refused.
            StateUnreadable: the line is damaged.
        """
        with self._using, _translated(self._path), self._reading() as active:
            self._catch_up(active)
            return self._known(_key(correlation_id, scope), active)

    def newest(self, correlation_id: str, scope: str = ids.SHARED_SCOPE) -> dict[str, Any] | None:
        """The last line under this id in that scope, or None; nothing is created. Raises: as `find`."""
        with self._using, _translated(self._path), self._reading() as active:
            self._catch_up(active)
            key = _key(correlation_id, scope)
            place = self._seen.newest.get(key) or self._seen.places.get(key)
            return None if place is None else self._line_at(place, active)

    def append(self, line: Mapping[str, Any], *, unless_known: bool = True) -> dict[str, Any]:
        """The line as it durably stands: numbered and chained, or the one that had its id before.

        Raises:
            StorageFailed: the disk refused, and the journal is as it was before.
            StateUnreadable: the journal's last line is damaged, so nothing can be chained to it.
        """
        correlation_id = line["correlation_id"]
        if not CORRELATION_ID.fullmatch(correlation_id):
            raise ValueError(f"not a correlation id: {correlation_id!r}")
        key = _key(correlation_id, ids.scope_of(line.get("door", ""), line.get("identity", "")))
        # Read and written through two descriptors: a buffered reader loses its place otherwise.
        with (
            self._using,
            locks.held(self._lock_path),
            _translated(self._path),
            self._writing() as writer,
            self._reading() as active,
        ):
            self._catch_up(active)
            self._cut_torn_tail(active, writer)
            known = self._known(key, active) if unless_known else None
            return known if known is not None else self._add(line, writer)

    def lines(self) -> Iterator[dict[str, Any]]:
        """Every readable line, oldest first; what is damaged is left to `verify` to report.

        Raises:
            StorageFailed: the disk refused.
        """
        for _, line in self._numbered_lines():
            with contextlib.suppress(ValueError, RecursionError):
                yield parse(line)

    def verify(self) -> list[str]:
        """Every break of the chain, each naming file and line; empty when it is sound.

        A torn last line is no break: it was never acknowledged, and the next append cuts it.

        Raises:
            StorageFailed: the disk refused.
        """
        breaks: list[str] = []
        seq, digest = 0, NOTHING_BEFORE
        for place, line in self._numbered_lines():
            seq, complaint = _check(line, expected_seq=seq + 1, expected_prev=digest)
            breaks.extend([f"{place}: {complaint}"] if complaint else [])
            digest = line_digest(line)
        return breaks

    # Files.

    @contextlib.contextmanager
    def _reading(self) -> Iterator[IO[bytes] | None]:
        try:
            file = opened(self._path)
        except FileNotFoundError:
            yield None
            return
        with file:
            yield file

    def _writing(self) -> IO[bytes]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        return os.fdopen(_open(self._path, WRITING), "ab", buffering=0)

    def _rotated_path(self, first_seq: int) -> Path:
        return self._path.with_name(f"{self._path.stem}-{first_seq}{self._path.suffix}")

    def _rotated(self, before: int | None) -> list[int]:
        """First numbers of the renamed files, ascending, those from `before` on left out."""
        pattern = re.compile(
            re.escape(self._path.stem) + r"-([0-9]{1,18})" + re.escape(self._path.suffix)
        )
        folder = self._path.parent
        names = os.listdir(folder) if folder.is_dir() else []
        found = sorted(int(match[1]) for name in names if (match := pattern.fullmatch(name)))
        return [seq for seq in found if before is None or seq < before]

    # Reading.

    def _catch_up(self, active: IO[bytes] | None) -> None:
        if not self._still_fits(active):
            self._seen = _Seen()
            self._read_rotated(active)
        if active is not None:
            self._read_on(active)

    def _still_fits(self, active: IO[bytes] | None) -> bool:
        """Whether what was read before is still the beginning of what the files hold."""
        seen = self._seen
        if active is None or seen.first_seq is None:
            return False
        active.seek(seen.last_offset)
        return line_digest(active.read(seen.end - seen.last_offset)) == seen.last_digest

    def _read_rotated(self, active: IO[bytes] | None) -> None:
        first_seq = _first_seq(active)
        # Only a journal that was rotated starts elsewhere; listing a full outbox is not free.
        if first_seq == 1:
            return
        for rotated in self._rotated(before=first_seq):
            with opened(self._rotated_path(rotated)) as file:
                self._seen.start_file()
                self._read_on(file)
        self._seen.start_file()

    def _read_on(self, file: IO[bytes]) -> None:
        file.seek(self._seen.end)
        last = None
        for line in _whole_lines(file):
            self._seen.note(line)
            last = line
        if last is not None:
            self._seen.last_digest = line_digest(last)

    def _known(self, key: str, active: IO[bytes] | None) -> dict[str, Any] | None:
        place = self._seen.places.get(key)
        return None if place is None else self._line_at(place, active)

    def _line_at(self, place: _Place, active: IO[bytes] | None) -> dict[str, Any]:
        if place.first_seq == self._seen.first_seq and active is not None:
            return self._parse_at(active, place.offset)
        with opened(self._rotated_path(place.first_seq)) as file:
            return self._parse_at(file, place.offset)

    def _parse_at(self, file: IO[bytes], offset: int) -> dict[str, Any]:
        file.seek(offset)
        try:
            return parse(file.readline())
        except (ValueError, RecursionError) as error:
            raise StateUnreadable(damage(self._path.name, offset, error)) from error

    def _numbered_lines(self) -> Iterator[tuple[str, bytes]]:
        """Every whole line with the words for where it stands, oldest first."""
        with _translated(self._path), self._reading() as active:
            for rotated in self._rotated(before=_first_seq(active)):
                path = self._rotated_path(rotated)
                with opened(path) as file:
                    yield from _numbered(path.name, file)
            if active is not None:
                active.seek(0)
                yield from _numbered(self._path.name, active)

    # Writing.

    def _cut_torn_tail(self, active: IO[bytes] | None, writer: IO[bytes]) -> None:
        """Remove the rest of a write that a crash interrupted: nobody was told that it happened."""
        tail = _read_from(active, self._seen.end)
        last = _read_from(active, self._seen.last_offset)
        is_foreign = self._seen.end > 0 and HEAD.match(last) is None
        if is_foreign or tail.count(b"\n") > 1:
            raise StateUnreadable(
                f"{self._path} does not end in a line of the journal; nothing was appended. "
                "`spec-kitty mailbox verify` names every damaged line"
            )
        if tail:
            os.ftruncate(writer.fileno(), self._seen.end)

    def _add(self, line: Mapping[str, Any], writer: IO[bytes]) -> dict[str, Any]:
        seen = self._seen
        numbered = {"seq": seen.last_seq + 1, "correlation_id": line["correlation_id"]}
        # What the index is made from comes first, whatever order the caller has.
        head = numbered | {name: line[name] for name in BEHIND_THE_ID if name in line}
        data = _encode({**head, **line, **numbered, "prev": seen.last_digest})
        if seen.first_seq and seen.end + len(data) > self._max_bytes:
            self._path.rename(self._rotated_path(seen.first_seq))
            seen.start_file()
            with self._writing() as fresh:
                self._write(fresh, data)
        else:
            self._write(writer, data)
        return parse(data)

    def _write(self, file: IO[bytes], data: bytes) -> None:
        seen = self._seen
        try:
            _write_durably(file.fileno(), data)
            if seen.end == 0:
                fsync_folder(self._path.parent)
        except (OSError, StorageFailed):
            # Not acknowledged, so it must not be found by the retry either.
            os.ftruncate(file.fileno(), seen.end)
            raise
        seen.note(data)
        seen.last_digest = line_digest(data)


def opened(path: Path) -> IO[bytes]:
    """A file of the journal, to be read. Raises: OSError, also where it is no regular file."""
    return os.fdopen(_open(path, os.O_RDONLY), "rb")


def _open(path: Path, flags: int) -> int:
    # A planted FIFO would make whoever opens it wait for somebody at its other end.
    flags |= os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o644)
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, f"it is a {kind(mode)}, not a regular file", str(path))
    return descriptor


def _write_durably(descriptor: int, data: bytes) -> None:
    written = os.write(descriptor, data)
    if written != len(data):
        raise OSError(f"only {written} of {len(data)} bytes were taken, the disk is full")
    os.fdatasync(descriptor)


def _read_from(file: IO[bytes] | None, offset: int) -> bytes:
    if file is None:
        return b""
    file.seek(offset)
    return file.read()


def _whole_lines(file: IO[bytes]) -> Iterator[bytes]:
    """Lines up to the torn tail, if there is one: a last line without its end, or with a hole."""
    held_back: bytes | None = None
    for line in file:
        if held_back is not None:
            yield held_back
        held_back = line
    # A power loss may leave zeros where a block of the last line never reached the disk.
    if held_back is not None and held_back.endswith(b"\n") and b"\0" not in held_back:
        yield held_back


def _numbered(name: str, file: IO[bytes]) -> Iterator[tuple[str, bytes]]:
    for number, line in enumerate(_whole_lines(file), start=1):
        yield f"{name} line {number}", line


def _first_seq(file: IO[bytes] | None) -> int | None:
    if file is None:
        return None
    file.seek(0)
    head = HEAD.match(file.read(256))
    return None if head is None else int(head[1])


def _check(line: bytes, *, expected_seq: int, expected_prev: str) -> tuple[int, str | None]:
    """The line's number, to go on from, and what is wrong with it."""
    try:
        entry = parse(line)
    except (ValueError, RecursionError) as error:
        return expected_seq, f"is no line of the journal: {error}"
    seq: int = entry["seq"]
    if seq != expected_seq:
        return seq, f"has the number {seq}, expected {expected_seq}"
    if entry.get("prev") != expected_prev:
        return seq, "does not continue the line before it: one of the two was changed"
    return seq, None


def parse(line: bytes) -> dict[str, Any]:
    """What a line of the journal holds. Raises: ValueError, RecursionError where it is none."""
    head = HEAD.match(line)
    if head is None:
        raise ValueError("it does not start with a number and a correlation id")
    entry: dict[str, Any] = json.loads(line)
    # Of a key that is there twice the last counts, of whatever kind it is.
    seq, correlation_id = entry["seq"], entry["correlation_id"]
    if type(seq) is not int or (seq, correlation_id) != (int(head[1]), head[2].decode()):
        raise ValueError("it holds its number or its correlation id twice")
    return entry


def damage(name: str, offset: int, error: Exception) -> str:
    """The words for a line at this byte of that file which cannot be read."""
    way_out = "`spec-kitty mailbox verify` names every damaged line"
    return f"{name} is damaged at byte {offset}: {error}; {way_out}"


def _encode(entry: Mapping[str, Any]) -> bytes:
    return json.dumps(entry, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"


def line_digest(line: bytes) -> str:
    """How the next line names this one, which has its newline."""
    return "sha256:" + hashlib.sha256(line).hexdigest()


@contextlib.contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise StorageFailed(
            f"could not use the journal {path}: {reason}; free or repair the disk, then try again"
        ) from error
