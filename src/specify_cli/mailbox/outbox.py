"""Replies appear whole under their request's name and are never rewritten."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from specify_cli.files import atomic
from specify_cli.files.folders import opened
from specify_cli.mailbox.layout import Places


class Outbox:
    """The folder of one orchestrator's replies; only the worker writes here."""

    def __init__(self, places: Places) -> None:
        self._folder = places.outbox
        self._root = places.root

    def publish(self, stem: str, reply: bytes) -> bool:
        """Whether `reply` was published now; a reply that is already there stays as it is.

        Raises:
            StorageFailed: the disk refused; nothing was published.
        """
        path = self._folder / f"{stem}.json"
        if self._renew(path.name):
            return False
        atomic.publish(path, reply, below=self._root)
        return True

    def sweep(self) -> None:
        """No half-written reply of a killed worker is left; call it only while nothing is published.

        Raises:
            StorageFailed: the disk refused.
        """
        sweep_temporaries(self._folder, below=self._root)

    def _renew(self, name: str) -> bool:
        """Whether a reply is there; its date is now, so that nobody prunes what was just asked for."""
        with opened(self._folder, below=self._root) as folder:
            # A date that cannot be set is no reason to keep an answer back.
            with contextlib.suppress(PermissionError):
                return _touched(name, folder)
            return name in os.listdir(folder)


def _touched(name: str, folder: int) -> bool:
    try:
        os.utime(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def sweep_temporaries(folder: Path, *, below: Path) -> None:
    """No temporary file of ours is left in `folder`, in which nobody else may write.

    Raises:
        StorageFailed: the disk refused.
    """
    with atomic.translated(folder, "clean"), opened(folder, below=below) as descriptor:
        for name in os.listdir(descriptor):
            if name.startswith(".") and name.endswith(".tmp"):
                with contextlib.suppress(FileNotFoundError, IsADirectoryError):
                    os.unlink(name, dir_fd=descriptor)
