"""Named locks between processes; the kernel frees them when their process dies.

A free lock is taken by one `flock` here, because every request takes several; `filelock` waits for
a taken one, and retries where the lock file was removed meanwhile. Both use the same lock of the
kernel. Each file records its last holder, since when and for what, so that a refusal can name it
and so that processes which a dead holder left running with the descriptor can be ended.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Protocol

from specify_cli import batch, clock, processes
from specify_cli.errors import StorageFailed
from specify_cli.files.regular_files import NotRegular, TooLarge, read_regular

POLL_INTERVAL_S = 0.005
LOOK_AT_HOLDER_S = 0.25
SIGNATURE_WIDTH = 1024
LONGEST_DOING = 128
UNKNOWN = "another process"
_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
_MODE: Final = 0o644


class Lock(Protocol):
    """A lock that this process holds."""

    def release(self) -> None:
        """Release the lock."""


@contextlib.contextmanager
def held(path: Path, *, timeout_s: float = 60.0, is_kept: bool = True) -> Iterator[int]:
    """Hold the lock `path` during the block; not re-entrant.

    Unless `is_kept`, the file is removed afterwards; for locks whose names are not a fixed set.

    Yields the descriptor: a child process that inherits it keeps the lock if this process is
    killed. In a batch the lock is held until the batch ends.

    Raises:
        StorageFailed: the lock stayed taken for `timeout_s`, or its file could not be made.
        NotInBatch: in a batch, it is taken.
    """
    inside = batch.current()
    if inside is not None:
        yield _held_by(inside, path)
        return
    descriptors: list[int] = []
    lock = _acquire(path, timeout_s=timeout_s, on_open=descriptors.append)
    if lock is None:
        raise StorageFailed(
            f"could not take the lock {path} within {timeout_s:g} s: it is held by {holder(path)}; wait for that process"
            " to finish, or stop it if it hangs, then try again"
        )
    try:
        yield descriptors[-1]
    finally:
        if not is_kept:
            # The work is done; a file that stays is harmless.
            with contextlib.suppress(OSError):
                path.unlink()
        lock.release()


def _held_by(inside: batch.Batch, path: Path) -> int:
    if path not in inside.held:
        descriptors: list[int] = []
        lock = _acquire(path, timeout_s=0, on_open=descriptors.append)
        if lock is None:
            raise batch.NotInBatch
        inside.locks.callback(lock.release)
        inside.held[path] = descriptors[-1]
    return inside.held[path]


class LifeLock:
    """A lock held from `try_acquire` until `release` or the death of the process."""

    def __init__(self, lock: Lock) -> None:
        self._lock = lock

    @classmethod
    def try_acquire(cls, path: Path) -> LifeLock | None:
        """Take the lock and return it; return None at once where a living process holds it.

        Raises:
            StorageFailed: its file could not be made.
        """
        lock = _acquire(path, timeout_s=0)
        return None if lock is None else cls(lock)

    def release(self) -> None:
        """Release the lock."""
        self._lock.release()


def holder(path: Path) -> str:
    """Describe the last holder by its own signature; for messages only."""
    signature = _signature(path)
    process = processes.Process.read(str(signature.get("process")))
    if process is None:
        return UNKNOWN
    here = processes.this_process()
    is_here = (process.boot, process.namespace) == (here.boot, here.namespace)
    where = "" if is_here else " of another container or machine"
    doing = f" ({signature['doing']})" if signature.get("doing") else ""
    return f"process {process.pid}{where}{doing}, since {signature.get('since')}"


def last_holder(path: Path) -> processes.Process | None:
    """Return the last holder by its own signature."""
    return processes.Process.read(str(_signature(path).get("process")))


def living_holder(path: Path) -> processes.Process | None:
    """Return the last holder by its own signature, where that is another process known to live."""
    process = last_holder(path)
    is_it = process is not None and process.is_seen_alive and process != processes.this_process()
    return process if is_it else None


def _signature(path: Path) -> dict[str, object]:
    try:
        found = json.loads(read_regular(path, max_bytes=2 * SIGNATURE_WIDTH))
    except (OSError, NotRegular, TooLarge, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _end_orphans_of_holder(path: Path) -> None:
    """End the processes that a dead holder started and that keep the lock taken."""
    process = processes.Process.read(str(_signature(path).get("process")))
    if process is not None and process.is_dead:
        processes.end_orphans(process)


class _Taken:
    """A lock that was free and is now held."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def release(self) -> None:
        # Closing alone does not unlock while a child has inherited the descriptor.
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        os.close(self._descriptor)


def _acquire(
    path: Path, *, timeout_s: float, on_open: Callable[[int], object] = lambda descriptor: None
) -> Lock | None:
    def on_acquired(descriptor: int) -> None:
        on_open(descriptor)
        _sign(descriptor)

    try:
        descriptor = _take_free(path)
        if descriptor is None:
            return _wait(path, timeout_s=timeout_s, on_acquired=on_acquired)
    except (OSError, NotImplementedError) as error:
        raise StorageFailed(
            f"could not take the lock {path}: {error}; check the folder's permissions"
        ) from error
    on_acquired(descriptor)
    return _Taken(descriptor)


def _take_free(path: Path) -> int | None:
    """Return the descriptor of the lock; None where it is taken, or its file was removed or replaced meanwhile."""
    try:
        descriptor = os.open(path, _FLAGS, _MODE)
    except FileNotFoundError:
        # Only this folder: where its parent is missing, the project was moved with its locks.
        path.parent.mkdir(exist_ok=True)
        descriptor = os.open(path, _FLAGS, _MODE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        found = os.fstat(descriptor)
        if os.path.samestat(found, path.lstat()):
            if not found.st_size:
                _make_common(descriptor, path.parent)
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _make_common(descriptor: int, folder: Path) -> None:
    """Give a new lock file the owner and group of its folder, so that every user of the folder can take it."""
    around = folder.stat()
    # Without that the lock still works for the user who made it.
    with contextlib.suppress(OSError):
        if os.geteuid() == 0:
            os.fchown(descriptor, around.st_uid, around.st_gid)
        if around.st_mode & 0o077:
            os.fchmod(descriptor, _MODE & 0o600 | around.st_mode & 0o066)


def _wait(path: Path, *, timeout_s: float, on_acquired: Callable[[int], None]) -> Lock | None:
    # Imported inside the functions that wait: importing takes longer than most locks are held.
    from filelock import FileLock, Timeout

    # A lock that falls back to the existence of a file would outlive a killed process.
    lock = FileLock(
        path,
        thread_local=False,
        fallback_to_soft=False,
        poll_interval=POLL_INTERVAL_S,
        on_acquired=on_acquired,
    )
    for wait_s in _waits(timeout_s):
        try:
            lock.acquire(timeout=wait_s)
        except Timeout:
            _end_orphans_of_holder(path)
        else:
            return lock
    return None


def _waits(timeout_s: float) -> Iterator[float]:
    """Yield how long to wait before the holder is checked again.

    At least two tries, because the process that kept the lock taken may just have been ended.
    """
    deadline = time.monotonic() + timeout_s
    yield 0.0
    yield POLL_INTERVAL_S
    while (remaining_s := deadline - time.monotonic()) > 0:
        processes.require_time()
        yield min(LOOK_AT_HOLDER_S, remaining_s)


def _sign(descriptor: int) -> None:
    signature = {
        "process": str(processes.this_process()),
        "since": clock.timestamp(),
        "doing": processes.what_is_done()[:LONGEST_DOING],
    }
    text = json.dumps(signature).ljust(SIGNATURE_WIDTH) + "\n"
    # Ignore a full disk: the signature only improves messages.
    with contextlib.suppress(OSError):
        os.pwrite(descriptor, text.encode("ascii"), 0)
