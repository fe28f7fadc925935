"""Named locks between processes; the kernel frees them when their process dies.

The lock files stay: removing one would let two processes hold "the" lock on two different files.
Each holds the pid of its last holder, so that a refusal can name it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from specify_cli.errors import StorageFailed
from specify_cli.storage.safe_read import NotRegular, TooLarge, read_regular

POLL_INTERVAL_S = 0.005
PID_WIDTH = 20


@contextlib.contextmanager
def held(path: Path, *, timeout_s: float = 60.0) -> Iterator[int]:
    """Nobody else holds the lock `path` while the block runs. Not re-entrant.

    Yields its descriptor: a process that inherits it keeps the lock from everybody else, should
    this one be killed before.

    Raises:
        StorageFailed: the lock stayed taken for `timeout_s`, or its file could not be made.
    """
    descriptors: list[int] = []
    lock = _acquire(path, timeout_s=timeout_s, told=descriptors.append)
    if lock is None:
        raise StorageFailed(
            f"{path} was held by {holder(path)} for more than {timeout_s:g} s; wait for that process to finish, "
            "or stop it if it hangs, then try again"
        )
    try:
        yield descriptors[-1]
    finally:
        lock.release()


class LifeLock:
    """A lock held from `try_acquire` until `release` or the death of the process."""

    def __init__(self, lock: FileLock) -> None:
        self._lock = lock

    @classmethod
    def try_acquire(cls, path: Path) -> LifeLock | None:
        """The lock, or None at once when a living process holds it.

        Raises:
            StorageFailed: its file could not be made.
        """
        lock = _acquire(path, timeout_s=0)
        return None if lock is None else cls(lock)

    def release(self) -> None:
        """Somebody else may take the lock."""
        self._lock.release()


def holder(path: Path) -> str:
    """Words for whoever took the lock last; it says so itself, so this is for messages only."""
    try:
        pid = read_regular(path, max_bytes=64).decode("ascii", "replace").strip()
    except (OSError, NotRegular, TooLarge):
        pid = ""
    return f"process {pid}" if pid.isdigit() else "another process"


def _acquire(
    path: Path, *, timeout_s: float, told: Callable[[int], object] = lambda descriptor: None
) -> FileLock | None:
    def on_acquired(descriptor: int) -> None:
        told(descriptor)
        _sign(descriptor)

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = _file_lock(path, on_acquired)
        lock.acquire(timeout=timeout_s)
    except Timeout:
        return None
    except (OSError, NotImplementedError) as error:
        raise StorageFailed(
            f"could not take the lock {path}: {error}; check the folder's permissions"
        ) from error
    return lock


def _file_lock(path: Path, on_acquired: Callable[[int], None]) -> FileLock:
    # A lock that falls back to mere existence would outlive a killed process and block everybody.
    return FileLock(
        path,
        thread_local=False,
        fallback_to_soft=False,
        poll_interval=POLL_INTERVAL_S,
        on_acquired=on_acquired,
    )


def _sign(descriptor: int) -> None:
    # A full disk must not cost the lock: the name of the holder is only a courtesy.
    with contextlib.suppress(OSError):
        os.pwrite(descriptor, f"{os.getpid():<{PID_WIDTH}}\n".encode("ascii"), 0)
