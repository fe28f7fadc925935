"""Identify the mount that a folder is reached through."""

from __future__ import annotations

import os
import re
from typing import Final

from specify_cli.patterns import pattern

_MOUNT: Final = pattern(rb"^mnt_id:\s*(\d+)", re.MULTILINE)
_MOST_READ: Final = 1024


def mount_of(descriptor: int) -> bytes:
    """Return a value that is equal for two folders of the same mount only.

    Uses the kernel's mount id, because a bind mount has the device of its source; the device where
    there is no `/proc`.

    Raises:
        OSError: the kernel refused.
    """
    try:
        info = os.open(f"/proc/self/fdinfo/{descriptor}", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return b"device %d" % os.fstat(descriptor).st_dev
    try:
        found = _MOUNT.search(os.read(info, _MOST_READ))
    finally:
        os.close(info)
    return found[1] if found else b"device %d" % os.fstat(descriptor).st_dev
