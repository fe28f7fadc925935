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


def described(path: str) -> str:
    """Describe the mount that contains the path, without asking its disk; empty if it is not known."""
    try:
        with open("/proc/self/mountinfo", "rb") as file:  # noqa: PTH123  not a path of a disk
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    best = ("", "")
    for line in lines:
        # Source: proc_pid_mountinfo(5). Spaces in a path are written as octal.
        before, _, after = line.partition(" - ")
        point = re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), before.split()[4])
        is_above = point in {"/", path} or path.startswith(f"{point}/")
        if is_above and len(point) >= len(best[0]):
            best = point, " from ".join(after.split()[:2])
    return f"{best[1]}, mounted on {best[0]}" if best[0] else ""
