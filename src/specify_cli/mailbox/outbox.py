"""Replies appear whole under their request's name and are never rewritten."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from specify_cli.errors import StorageFailed
from specify_cli.storage import atomic


class Outbox:
    """The folder of replies; only the worker writes here."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def publish(self, stem: str, reply: bytes) -> bool:
        """Whether `reply` was published now; a reply that is already there stays as it is.

        Raises:
            StorageFailed: the disk refused; nothing was published.
        """
        path = self._folder / f"{stem}.json"
        if _renewed(path):
            return False
        atomic.publish(path, reply)
        return True

    def sweep(self) -> None:
        """No half-written reply of a killed worker is left; call it only as the one worker.

        Raises:
            StorageFailed: the disk refused.
        """
        sweep_temporaries(self._folder)


def _renewed(path: Path) -> bool:
    """Whether a reply is there; its date is now, so that nobody prunes what was just asked for."""
    try:
        os.utime(path, follow_symlinks=False)
    except FileNotFoundError:
        return False
    except OSError:  # A date that cannot be set is no reason to keep an answer back.
        return os.path.lexists(path)
    return True


def sweep_temporaries(folder: Path) -> None:
    """No temporary file of ours is left in `folder`, in which nobody else may write.

    Raises:
        StorageFailed: the disk refused.
    """
    try:
        for name in os.listdir(folder):
            if name.startswith(".") and name.endswith(".tmp"):
                with contextlib.suppress(FileNotFoundError, IsADirectoryError):
                    (folder / name).unlink()
    except OSError as error:
        raise StorageFailed(f"could not clean {folder}: {error.strerror}") from error
