"""What should be out of a sandbox's reach, and whether it is."""

from __future__ import annotations

import fcntl
import os
import re
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

from specify_cli.cli.sandbox_finding import OK, WARN, Finding

SIOCGIFFLAGS, IFF_UP = 0x8913, 0x1
FAR = ("9p", "afs", "ceph", "cifs", "fuse", "nfs", "smb", "vboxsf", "virtiofs", "vmhgfs")
"""File systems whose changes are made elsewhere, so that no event of them arrives."""
MARKS = ("kitty-specs", ".kittify", ".git")
OCTAL = re.compile(r"\\([0-7]{3})")


class Mount:
    """A line of the kernel's list of what is mounted here."""

    def __init__(self, line: str) -> None:
        fields = line.split()
        self.device = fields[2]
        self.root = Path(_unescaped(fields[3]))
        self.point = Path(_unescaped(fields[4]))
        self.kind = fields[fields.index("-") + 1]


def all_of(inbox: Path, outbox: Path) -> Iterator[Finding]:
    """The lines about files events, project, host, network and home."""
    mounts = _mounts()
    projects = sorted(_projects(inbox, outbox, mounts))
    yield _events(outbox, mounts)
    yield _project(projects)
    yield _host(inbox, outbox, projects)
    yield _network()
    yield _home()


def _events(outbox: Path, mounts: list[Mount]) -> Finding:
    mount = _mount_of(outbox, mounts)
    kind = mount.kind if mount else "unknown"
    if kind.startswith(FAR):
        what = f"no file events come through {kind}: replies are found by looking again"
        return Finding(
            "events", WARN, what, repair="nothing to do; an answer takes up to 50 ms longer"
        )
    return Finding("events", OK, f"file events come through {kind}; clients look again anyway")


def _project(projects: list[Path]) -> Finding:
    if not projects:
        return Finding("project", OK, "the project cannot be seen from here")
    what = f"the project can be seen from here: {projects[0]}"
    if any(os.access(place, os.W_OK) for place in projects):
        what += ", and be changed"
    return Finding("project", WARN, what, repair="bind nothing but inbox and outbox")


def _host(inbox: Path, outbox: Path, projects: list[Path]) -> Finding:
    beside = {inbox.resolve().parent, outbox.resolve().parent}
    places = [place / "host" for place in beside] + [p / ".kitty" / "host" for p in projects]
    found = next((place for place in places if os.access(place, os.X_OK)), None)
    if found is None:
        return Finding("host", OK, "the host's own folder cannot be reached")
    what = f"the host's own folder can be reached: {found}"
    return Finding("host", WARN, what, repair="bind nothing but inbox and outbox")


def _network() -> Finding:
    up = [name for _, name in socket.if_nameindex() if name != "lo" and _is_up(name)]
    if not up:
        return Finding("network", OK, "there is no network")
    return Finding("network", WARN, f"there is a network: {', '.join(up)}", repair="cut it off")


def _is_up(name: str) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            said = fcntl.ioctl(asking, SIOCGIFFLAGS, struct.pack("256s", name.encode()))
        except OSError:
            return True
    flags: int = struct.unpack_from("H", said, 16)[0]
    return bool(flags & IFF_UP)


def _home() -> Finding:
    home = os.environ.get("HOME") or "/"
    try:
        count = len(os.listdir(home))  # noqa: PTH208  a count, no paths
    except OSError:
        return Finding("home", OK, "there is no home")
    if not count:
        return Finding("home", OK, f"{home} is empty")
    what = f"{home} is not empty: what lies there can be read from here"
    return Finding("home", WARN, what, repair="give the sandbox an empty home")


def _projects(inbox: Path, outbox: Path, mounts: list[Mount]) -> set[Path]:
    """Folders that can be looked into and are the project, or look like one."""
    here = Path(os.environ.get("SPECIFY_REPO_ROOT") or Path.cwd())
    near = {here, *here.parents}
    for folder in (inbox.resolve(), outbox.resolve()):
        near |= set(folder.parents)
        near |= set(_behind(folder, mounts))
    return {place for place in near if any(os.path.lexists(place / mark) for mark in MARKS)}


def _behind(folder: Path, mounts: list[Mount]) -> Iterator[Path]:
    """Where the project that was bound as `folder` would be, seen through every mount."""
    own = _mount_of(folder, mounts)
    if own is None:
        return
    source = own.root / folder.relative_to(own.point)
    if ".kitty" not in source.parts:
        return
    project = Path(*source.parts[: source.parts.index(".kitty")])
    yield project
    for mount in mounts:
        if mount.device == own.device and project.is_relative_to(mount.root):
            yield mount.point / project.relative_to(mount.root)


def _mount_of(folder: Path, mounts: list[Mount]) -> Mount | None:
    """The mount that the folder lies in: the longest fitting one, the last of several."""
    whole = folder.resolve()
    fitting = [mount for mount in reversed(mounts) if whole.is_relative_to(mount.point)]
    return max(fitting, key=lambda mount: len(mount.point.parts), default=None)


def _mounts() -> list[Mount]:
    try:
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
    except OSError:
        return []
    return [Mount(line) for line in lines]


def _unescaped(text: str) -> str:
    return OCTAL.sub(lambda found: chr(int(found[1], 8)), text)
