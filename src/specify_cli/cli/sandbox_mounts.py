"""The mounts of a sandbox, and their sources."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

OCTAL = re.compile(r"\\([0-7]{3})")


class Mount:
    """A line of /proc/self/mountinfo."""

    def __init__(self, line: str) -> None:
        fields = line.split()
        self.device = fields[2]
        self.root = Path(_unescaped(fields[3]))
        self.point = Path(_unescaped(fields[4]))
        self.kind = fields[fields.index("-") + 1]


def all_mounts() -> list[Mount]:
    """Return the mounts of this process; none if the kernel does not list them."""
    try:
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
    except OSError:
        return []
    return [Mount(line) for line in lines]


def mount_of(folder: Path, mounts: list[Mount]) -> Mount | None:
    """Return the mount of the folder: the longest match, the last one of equals."""
    whole = folder.resolve()
    fitting = [mount for mount in reversed(mounts) if whole.is_relative_to(mount.point)]
    return max(fitting, key=lambda mount: len(mount.point.parts), default=None)


def project_behind(folder: Path, mounts: list[Mount], *, below: str) -> Iterator[Path]:
    """Yield where the project would be if its folder `below` was bound as `folder`."""
    own = mount_of(folder, mounts)
    if own is None:
        return
    source = own.root / folder.relative_to(own.point)
    if below not in source.parts:
        return
    project = Path(*source.parts[: source.parts.index(below)])
    yield project
    for mount in mounts:
        if mount.device == own.device and project.is_relative_to(mount.root):
            yield mount.point / project.relative_to(mount.root)


def _unescaped(text: str) -> str:
    return OCTAL.sub(lambda found: chr(int(found[1], 8)), text)
