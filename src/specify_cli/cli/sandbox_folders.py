"""Checks of a folder in a sandbox: writable, owner, free space; and whether git is installed."""

from __future__ import annotations

import os
from pathlib import Path

from specify_cli.cli.sandbox_finding import NO, OK, WARN, Finding

LITTLE_BYTES, SOME_BYTES = 1 << 20, 64 << 20
LITTLE_FILES = 100
OVERFLOW_UID = 65534
"""The uid that the kernel shows for users whom a user namespace does not have, if not set otherwise."""
EVERY_USER = ["0", "0", "4294967295"]


def probe(folder: Path) -> tuple[int, bool]:
    """Create and rename a file; return its owner, and whether the rename was atomic.

    Raises:
        OSError: The folder is not writable.
    """
    first = folder / f".probe-{os.urandom(8).hex()}.tmp"
    second = first.with_suffix(".done")
    try:
        with first.open("xb") as file:
            file.write(b"probe")
            file.flush()
            os.fsync(file.fileno())
            made = os.fstat(file.fileno())
        first.rename(second)
        after = second.stat()
        return made.st_uid, made.st_ino == after.st_ino and not first.exists()
    finally:
        for path in (first, second):
            path.unlink(missing_ok=True)


def belonging(owner: int, folder: Path) -> str:
    """Describe the owner of new files in the folder, compared with the owner of the folder.

    Uids outside the sandbox are unknown: the kernel shows those of the parent user namespace, and
    bubblewrap adds one in between.

    Source: user_namespaces(7).
    """
    own = owner_of(folder)
    if own == owner:
        return f"files belong to uid {owner} as seen here, as the folder does"
    whose = "a user who is not visible here" if own is None else f"uid {own}"
    return f"files belong to uid {owner} as seen here, the folder to {whose}"


def owner_of(folder: Path) -> int | None:
    """Return the uid of the folder's owner; None if this user namespace does not map it."""
    uid = folder.stat().st_uid
    is_mapped = uid != _number("/proc/sys/kernel/overflowuid", default=OVERFLOW_UID)
    return uid if is_mapped or sees_every_user() else None


def sees_every_user() -> bool:
    """Return whether all uids are mapped to themselves, as outside of user namespaces."""
    try:
        return Path("/proc/self/uid_map").read_text().split() == EVERY_USER
    except OSError:
        return True


def _number(file: str, *, default: int) -> int:
    try:
        return int(Path(file).read_text())
    except (OSError, ValueError):
        return default


def room_of(folder: Path) -> Finding:
    """Check the free space on the disk."""
    room = os.statvfs(folder)
    left = room.f_bavail * room.f_frsize
    few_files = room.f_files > 0 and room.f_favail < LITTLE_FILES
    what = f"{left >> 20} MiB are left"
    if left < LITTLE_BYTES or few_files:
        return Finding(
            "room", NO, f"{what}, or too few inodes", repair="free space on the host's disk"
        )
    if left < SOME_BYTES:
        return Finding("room", WARN, what, repair="free space on the host's disk")
    return Finding("room", OK, what)


def git(*, missing: str) -> Finding:
    """Check that git is installed; `missing` is the verdict if it is not."""
    places = [Path(folder, "git") for folder in os.get_exec_path()]
    found = next((place for place in places if os.access(place, os.X_OK)), None)
    if found:
        return Finding("git", OK, f"git is {found}")
    what = "git is not installed: agents in this sandbox cannot commit"
    return Finding("git", missing, what, repair="install git in the sandbox if agents work in it")
