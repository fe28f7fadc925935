"""What a caller at the command line has begun is noted until the journal tells of it.

A request through the mailbox has its file until it is answered; a call at the command line has only
its process. Each note is a file that its caller holds locked: one that somebody else can lock is of a
caller that is dead, and whoever locks it settles it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import secrets
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from specify_cli.errors import SpecKittyError
from specify_cli.files import folders
from specify_cli.files.atomic import fsync_folder, translated

SUFFIX, UNFINISHED = ".json", ".tmp"
# What a call is, for whoever settles it; a note without one of these is of another kind.
KINDS = {"correlation_id": str, "door": str, "identity": str, "command": str, "args": dict}
# O_EXCL makes the file, or fails: it follows no link either.
NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class BegunCalls:
    """The folder of the notes."""

    folder: Path

    @contextlib.contextmanager
    def noted(self, call: Mapping[str, Any]) -> Iterator[None]:
        """`call` is noted durably while the block runs; the note stays when the block fails.

        At most one process may be here for the same call. Raises: StorageFailed.
        """
        data = json.dumps(call, sort_keys=True).encode()
        path = self.folder / f"{hashlib.sha256(data).hexdigest()[:40]}{SUFFIX}"
        with translated(path, "write"):
            descriptor = self._publish(path, data)
        try:
            fsync_folder(self.folder)
            yield
            # Not synced, and no failure of the call: a note that stays, or that a power loss brings
            # back, is of a call that the journal knows.
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        finally:
            os.close(descriptor)

    def all(self) -> Iterator[dict[str, Any]]:
        """Every call that is noted, whether its caller lives or not."""
        for path in self._paths(SUFFIX):
            with contextlib.suppress(OSError), _opened(path) as file:
                yield from _parsed(file.read())

    def settle(self, settled: Callable[[dict[str, Any]], None]) -> None:
        """Each call of a dead caller was handed to `settled` and is forgotten.

        One for which that raised a SpecKittyError is kept for the next time.
        A damaged note is removed: nobody can say what was begun. Raises: StorageFailed.
        """
        for path in self._paths(SUFFIX):
            with _locked(path) as data, contextlib.suppress(SpecKittyError):
                for call in _parsed(data):
                    settled(call)
                if data is not None:
                    _remove(path)
        for path in self._paths(UNFINISHED):
            with _locked(path) as data:
                if data is not None:
                    _remove(path)

    def _paths(self, suffix: str) -> list[Path]:
        names: list[str] = []
        with translated(self.folder, "list"), contextlib.suppress(FileNotFoundError):
            names = os.listdir(self.folder)
        return [self.folder / name for name in sorted(names) if name.endswith(suffix)]

    def _publish(self, path: Path, data: bytes) -> int:
        """The descriptor that holds the lock of the note."""
        folders.ensure(self.folder, below=self.folder.parent, mode=0o700)
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}{UNFINISHED}")
        descriptor = _make_locked(temporary)
        try:
            _write(descriptor, data)
            temporary.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            os.close(descriptor)
            raise
        return descriptor


def _make_locked(path: Path) -> int:
    while True:
        descriptor = os.open(path, NEW, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        # Between the two, somebody who clears up may have found it unlocked and removed it.
        if os.fstat(descriptor).st_nlink:
            return descriptor
        os.close(descriptor)


def _write(descriptor: int, data: bytes) -> None:
    remaining = memoryview(data)
    while remaining:
        remaining = remaining[os.write(descriptor, remaining) :]
    os.fsync(descriptor)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[bytes | None]:
    """The content of the note of a dead caller, locked; None where the caller lives, or is done."""
    try:
        file = _opened(path)
    except OSError:
        yield None
        return
    with file:
        yield file.read() if _is_abandoned(file.fileno()) else None


def _opened(path: Path) -> IO[bytes]:
    """Raises: OSError, also for what is no regular file, which no caller makes."""
    # A planted FIFO would make the worker wait for somebody at its other end.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "is no regular file", str(path))
    return os.fdopen(descriptor, "rb")


def _is_abandoned(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return os.fstat(descriptor).st_nlink > 0


def _remove(path: Path) -> None:
    with translated(path, "remove"):
        path.unlink(missing_ok=True)


def _parsed(data: bytes | None) -> list[dict[str, Any]]:
    """The call; none where the note is damaged."""
    try:
        call = json.loads(data or b"")
    except (ValueError, RecursionError):
        return []
    return [call] if isinstance(call, dict) and _is_sound(call) else []


def _is_sound(call: Mapping[str, Any]) -> bool:
    return all(isinstance(call.get(name, kind()), kind) for name, kind in KINDS.items())
