"""Publish replies atomically, and rewrite a reply only if a power loss tore it."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from specify_cli.files import atomic
from specify_cli.files.file_system import sync_file_system
from specify_cli.files.folders import opened
from specify_cli.files.regular_files import NotRegular, TooLarge, read_regular
from specify_cli.mailbox.layout import MailboxPaths
from specify_cli.protocol import SUFFIX

_MODE: Final = 0o644
_MOST_BYTES: Final = 64 * 1024 * 1024


class Outbox:
    """The folder of one orchestrator's replies. Only the worker writes to it."""

    def __init__(self, paths: MailboxPaths) -> None:
        self._folder = paths.outbox
        self._root = paths.root
        self._distrusted: set[str] = set()

    def publish(self, stem: str, reply: bytes) -> bool:
        """Publish the reply unless a complete one is there already; return whether it was published.

        A power loss before the next `sync` may tear the reply.

        Raises:
            StorageFailed: the disk failed; nothing was published.
        """
        name = stem + SUFFIX
        path = self._folder / name
        with opened(self._folder, below=self._root) as folder, atomic.translated(path, "write"):
            if name not in self._distrusted and _renewed(name, folder):
                return False
            temporary = f".{name}.{secrets.token_hex(8)}.tmp"
            try:
                _write_new(temporary, reply, folder)
                os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(temporary, dir_fd=folder)
                raise
        self._distrusted.discard(name)
        return True

    def replace(self, stem: str, reply: bytes) -> None:
        """Publish the reply in place of a different one.

        Raises:
            StorageFailed: the disk failed; nothing was published.
        """
        path = self._folder / (stem + SUFFIX)
        with contextlib.suppress(OSError, NotRegular, TooLarge):
            if read_regular(path, max_bytes=_MOST_BYTES) == reply:
                return
        self.distrust([stem])
        self.publish(stem, reply)

    def distrust(self, stems: Iterable[str]) -> None:
        """Make the next `publish` of these replies write them again: they may not be on the disk."""
        self._distrusted.update(stem + SUFFIX for stem in stems)

    def sync(self) -> None:
        """Make the published replies durable.

        Raises:
            StorageFailed: the disk failed.
        """
        with (
            opened(self._folder, below=self._root) as folder,
            atomic.translated(self._folder, "sync"),
        ):
            sync_file_system(folder)

    def sweep(self) -> None:
        """Remove half-written replies of a killed worker; call this only while nothing is published.

        Raises:
            StorageFailed: the disk failed.
        """
        sweep_temporaries(self._folder, below=self._root)


def _renewed(name: str, folder: int) -> bool:
    """Return whether a complete reply is there; set its date to now, so that it is not pruned soon."""
    try:
        os.utime(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    except PermissionError:
        # The file belongs to another user. The reply counts, whatever its date.
        if name not in os.listdir(folder):
            return False
    return not _is_torn(name, folder)


def _is_torn(name: str, folder: int) -> bool:
    """Return whether the reply is not a JSON object, as after a power loss."""
    try:
        found = json.loads(read_regular(Path(name), max_bytes=_MOST_BYTES, dir_fd=folder))
    except (NotRegular, TooLarge, OSError):
        # The host did not write this file, so it does not replace it.
        return False
    except (ValueError, RecursionError):
        return True
    return not isinstance(found, dict)


def _write_new(name: str, data: bytes, folder: int) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(name, flags, _MODE, dir_fd=folder)
    try:
        remaining = memoryview(data)
        while remaining:
            remaining = remaining[os.write(descriptor, remaining) :]
    finally:
        os.close(descriptor)


def sweep_temporaries(folder: Path, *, below: Path) -> None:
    """Remove the host's temporary files from `folder`, to which only the host may write.

    Raises:
        StorageFailed: the disk failed.
    """
    with atomic.translated(folder, "clean"), opened(folder, below=below) as descriptor:
        for name in os.listdir(descriptor):
            if name.startswith(".") and name.endswith(".tmp"):
                with contextlib.suppress(FileNotFoundError, IsADirectoryError):
                    os.unlink(name, dir_fd=descriptor)
