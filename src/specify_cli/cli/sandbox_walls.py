"""Checks that a sandbox cannot reach what it should not."""

from __future__ import annotations

import fcntl
import os
import shlex
import socket
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

from specify_cli.cli.sandbox_finding import NO, OK, WARN, Finding
from specify_cli.cli.sandbox_folders import sees_every_user
from specify_cli.cli.sandbox_mounts import Mount, all_mounts, mount_of, project_behind

SIOCGIFFLAGS, IFF_UP = 0x8913, 0x1
FAR = ("9p", "afs", "ceph", "cifs", "fuse", "nfs", "smb", "vboxsf", "virtiofs", "vmhgfs")
"""File systems without events for changes by another machine."""
INITIAL_PIDS = "pid:[4026531836]"
"""The first namespace of processes. Source: PROC_PID_INIT_INO in linux/proc_ns.h."""
MARKS = ("kitty-specs", ".kittify", ".git")


def all_of(inbox: Path, outbox: Path) -> Iterator[Finding]:
    """Check sandbox, file events, project, repository, workspaces, host, network and home."""
    mounts = all_mounts()
    projects = sorted(_projects(inbox, outbox, mounts))
    yield from confinement()
    yield _events(outbox, mounts)
    yield _project(projects)
    yield repository(projects, mounts)
    yield _workspaces(projects, mounts)
    yield _host(inbox, outbox, projects)
    yield network()
    yield home()


def confinement() -> Iterator[Finding]:
    """Warn if there is no sign of a sandbox."""
    if is_confined():
        return
    what = "there is no sandbox: only the permissions of its user confine this process"
    repair = "start it in a sandbox, as examples/in-sandbox.sh does"
    yield Finding("sandbox", WARN, what, repair=repair)


def is_confined() -> bool:
    """Return whether this process has a namespace or restriction of a sandbox or container."""
    try:
        status = Path("/proc/self/status").read_text().splitlines()
        pids = Path("/proc/self/ns/pid").readlink().name
    except OSError:
        return True
    is_restricted = not {"NoNewPrivs:\t0", "Seccomp:\t0"} <= set(status)
    return is_restricted or pids != INITIAL_PIDS or not sees_every_user()


def repository(projects: Iterable[Path], mounts: list[Mount]) -> Finding:
    """Check that the git folder of the project cannot be reached."""
    bound = {
        mount.point
        for mount in mounts
        if ".git" in mount.root.parts and ".worktrees" not in mount.root.parts
    }
    # A folder of that name may exist only because something in it was bound.
    beside = {it / ".git" for it in projects if os.path.lexists(it / ".git" / "HEAD")}
    found = sorted(it for it in bound | beside if os.access(it, os.R_OK))
    if not found:
        return Finding("repository", OK, "the project's own repository cannot be reached")
    writable = [it for it in found if os.access(it, os.W_OK)]
    if not writable:
        what = f"the project's own repository can be read from here: {found[0]}"
        return Finding("repository", WARN, what, repair=f"do not bind {found[0]}")
    what = (
        f"anyone who can write to {writable[0]}, as this process can, can run programs on the host"
    )
    return Finding("repository", NO, what, repair=f"do not bind {writable[0]}")


def _workspaces(projects: Iterable[Path], mounts: list[Mount]) -> Finding:
    """Check the folder of all workspaces, if it was bound as a whole."""
    bound = {mount.point for mount in mounts if mount.root.name == ".worktrees"}
    beside = {project / ".worktrees" for project in projects}
    found = sorted(it for it in bound | beside if os.access(it, os.X_OK))
    if not found:
        return Finding("workspaces", OK, "no folder of workspaces can be reached")
    return next(
        (it for it in (folder_of_workspaces(place, mounts) for place in found) if it.repair),
        Finding("workspaces", OK, f"below {found[0]}, only workspaces can be written"),
    )


def folder_of_workspaces(place: Path, mounts: list[Mount]) -> Finding:
    """Check a folder `.worktrees` that can be reached."""
    covered = {mount.point for mount in mounts}
    is_open = os.access(place, os.W_OK)
    at_work = [it for it in (place / ".making", place / ".trash") if it not in covered and is_open]
    if at_work:
        what = f"anyone who can write to {at_work[0]}, as this process can, can run programs on the host"
        options = " ".join(f"--tmpfs {shlex.quote(str(it))}" for it in at_work)
        return Finding("workspaces", NO, what, repair=f"give bubblewrap {options}")
    mirror = place / ".mirror"
    if os.access(mirror, os.W_OK):
        what = f"{mirror} is writable: agents would fetch what another agent wrote there"
        repair = f"give bubblewrap --ro-bind PROJECT/.worktrees/.mirror {shlex.quote(str(mirror))}"
        return Finding("workspaces", WARN, what, repair=repair)
    return Finding("workspaces", OK, f"below {place}, only workspaces can be written")


def _events(outbox: Path, mounts: list[Mount]) -> Finding:
    mount = mount_of(outbox, mounts)
    kind = mount.kind if mount else "unknown"
    if kind.startswith(FAR):
        what = f"{kind} does not pass on file events: replies are found by polling"
        return Finding(
            "events", WARN, what, repair="nothing to do; an answer takes up to 50 ms longer"
        )
    return Finding("events", OK, f"{kind} passes on file events; clients also poll")


def _project(projects: list[Path]) -> Finding:
    if not projects:
        return Finding("project", OK, "the project is not visible here")
    what = f"the project is visible here: {projects[0]}"
    if any(os.access(place, os.W_OK) for place in projects):
        what += ", and writable"
    return Finding("project", WARN, what, repair="bind only inbox and outbox")


def _host(inbox: Path, outbox: Path, projects: list[Path]) -> Finding:
    beside = {inbox.resolve().parent, outbox.resolve().parent}
    kitties = [*beside, *(project / ".kitty" for project in projects)]
    # `record` without a repository; `host` in earlier releases.
    places = [kitty / name for kitty in kitties for name in ("record", "host")]
    places += [project / ".git" / "spec-kitty" for project in projects]
    found = next((place for place in places if os.access(place, os.X_OK)), None)
    if found is None:
        return Finding("host", OK, "the host's own folder cannot be reached")
    what = f"the host's own folder can be reached: {found}"
    return Finding("host", WARN, what, repair="bind only inbox and outbox")


def network() -> Finding:
    """Check that there is no network."""
    up = [name for _, name in socket.if_nameindex() if name != "lo" and _is_up(name)]
    if not up:
        return Finding("network", OK, "there is no network")
    return Finding(
        "network",
        WARN,
        f"there is a network: {', '.join(up)}",
        repair="start the sandbox without a network",
    )


def _is_up(name: str) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            said = fcntl.ioctl(asking, SIOCGIFFLAGS, struct.pack("256s", name.encode()))
        except OSError:
            return True
    flags: int = struct.unpack_from("H", said, 16)[0]
    return bool(flags & IFF_UP)


def home() -> Finding:
    """Check that the home folder is empty."""
    home = os.environ.get("HOME") or "/"
    try:
        count = len(os.listdir(home))  # noqa: PTH208  a count, no paths
    except OSError:
        return Finding("home", OK, "there is no home")
    if not count:
        return Finding("home", OK, f"{home} is empty")
    what = f"{home} is not empty: its files are readable here"
    return Finding("home", WARN, what, repair="give the sandbox an empty home")


def _projects(inbox: Path, outbox: Path, mounts: list[Mount]) -> set[Path]:
    """Return visible folders that are a project, or look like one."""
    here = Path(os.environ.get("SPECIFY_REPO_ROOT") or Path.cwd())
    near = {here, *here.parents}
    for folder in (inbox.resolve(), outbox.resolve()):
        near |= set(folder.parents)
        near |= set(project_behind(folder, mounts, below=".kitty"))
    return {place for place in near if any(os.path.lexists(place / mark) for mark in MARKS)}
