"""Whether a folder in a sandbox takes files, whose they are, and whether git is there to work with them."""

from __future__ import annotations

import os
from pathlib import Path

from specify_cli.cli.sandbox_finding import NO, OK, WARN, Finding

LITTLE_BYTES, SOME_BYTES = 1 << 20, 64 << 20
LITTLE_FILES = 100


def probe(folder: Path) -> tuple[int, bool]:
    """The owner of a file made there, and whether it was renamed as it should be.

    Raises:
        OSError: it takes no file.
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


def outside(uid: int) -> str:
    """What the uid is outside of a user namespace, where that differs."""
    try:
        lines = Path("/proc/self/uid_map").read_text().splitlines()
    except OSError:
        return ""
    for line in lines:
        inside, outside, count = map(int, line.split())
        if inside <= uid < inside + count and inside != outside:
            return f", to uid {outside + uid - inside} outside"
    return ""


def room_of(folder: Path) -> Finding:
    """The line about room on the disk."""
    room = os.statvfs(folder)
    left = room.f_bavail * room.f_frsize
    few_files = room.f_files > 0 and room.f_favail < LITTLE_FILES
    what = f"{left >> 20} MiB are left"
    if left < LITTLE_BYTES or few_files:
        return Finding(
            "room", NO, f"{what}, or too few files", repair="make room on the host's disk"
        )
    if left < SOME_BYTES:
        return Finding("room", WARN, what, repair="make room on the host's disk")
    return Finding("room", OK, what)


def git(*, missing: str) -> Finding:
    """The line about the program git, whose absence has this verdict."""
    places = [Path(folder, "git") for folder in os.get_exec_path()]
    found = next((place for place in places if os.access(place, os.X_OK)), None)
    if found:
        return Finding("git", OK, f"git is {found}")
    what = "there is no git: agents in this sandbox cannot commit"
    return Finding("git", missing, what, repair="install git in it, where agents work here")
