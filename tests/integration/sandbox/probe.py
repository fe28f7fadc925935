"""Tries inside a sandbox everything that it must prevent, and prints the results as JSON.

    probe.py '{"home": ..., "pid": ..., "port": ..., "socket": ..., "marker": ...}'

The argument names these outside the sandbox. Each result is "" if the attempt failed, else what was
reached. Standard library only.
"""

import ctypes
import json
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from spec_kitty_client import Mailbox

REMOUNT_WRITABLE = 0x20 | 0x1000  # MS_REMOUNT | MS_BIND
OUTSIDE: dict[str, Any] = json.loads(sys.argv[1])
LOOKED_INTO_ELSEWHERE = {"/proc", "/sys", "/usr", "/dev"}


def project() -> str:
    """Find the project's marker file, wherever it may be mounted."""
    for folder, folders, files in os.walk("/"):
        folders[:] = [
            name for name in folders if str(Path(folder, name)) not in LOOKED_INTO_ELSEWHERE
        ]
        if OUTSIDE["marker"] in files:
            return folder
    return ""


def project_behind_processes() -> str:
    """Reach the project through the roots and working folders of processes."""
    for process in Path("/proc").glob("[0-9]*"):
        for way in ("root", "cwd"):
            if Path(f"{process}/{way}{OUTSIDE['project']}").exists():
                return f"{process}/{way}"
    return ""


def home() -> str:
    """Find files in our home, or the home outside."""
    theirs = Path(OUTSIDE["home"])
    found = [*Path(os.environ["HOME"]).iterdir(), *([theirs] if theirs.exists() else [])]
    return " ".join(map(str, found))


def environment() -> str:
    """Find variables from outside."""
    return " ".join(sorted(os.environ.keys() - {"PATH", "HOME", "LANG", "PWD", "LC_CTYPE"}))


def network() -> str:
    """Find a network interface besides our own loopback."""
    lines = Path("/proc/net/dev").read_text().splitlines()[2:]
    return " ".join(line.split(":")[0].strip() for line in lines if "lo:" not in line)


def port() -> str:
    """Connect to a server on the loopback outside."""
    with socket.create_connection(("127.0.0.1", OUTSIDE["port"]), timeout=5):
        return "connected"


def abstract_socket() -> str:
    """Connect to an abstract socket outside."""
    with socket.socket(socket.AF_UNIX) as ours:
        ours.connect("\0" + OUTSIDE["socket"])
        return "connected"


def processes() -> str:
    """Find processes other than this one and those of the sandbox."""
    found = [path.name for path in Path("/proc").glob("[0-9]*")]
    return " ".join(found) if len(found) > 3 else ""


def signals() -> str:
    """Signal a process outside."""
    os.kill(OUTSIDE["pid"], 0)
    return "signalled"


def outbox_written() -> str:
    """Forge a reply."""
    Path("/outbox/forged.json").write_text("{}")
    return "written"


def outbox_behind_process() -> str:
    """Forge a reply through /proc."""
    Path("/proc/self/root/outbox/forged.json").write_text("{}")
    return "written"


def outbox_removed() -> str:
    """Remove an existing file of the outbox."""
    Path("/outbox/worker.json").unlink()
    return "removed"


def outbox_mounted_anew() -> str:
    """Remount the outbox writable."""
    return mount("/outbox", REMOUNT_WRITABLE)


def kernel_parameters_mounted_anew() -> str:
    """Remount the kernel's parameters writable."""
    return mount("/proc/sys", REMOUNT_WRITABLE)


def mount(path: str, flags: int) -> str:
    """Remount the path. Raises: OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"none", path.encode(), None, flags, None) != 0:
        raise OSError(ctypes.get_errno(), path)
    return "mounted"


def kernel_parameters() -> str:
    """Open the program that the kernel starts outside at the next crash."""
    with Path("/proc/sys/kernel/core_pattern").open("r+"):
        return "opened"


def devices() -> str:
    """Create a disk device."""
    os.mknod("/tmp/disk", 0o60600, os.makedev(8, 0))
    return "made"


def linked_request() -> str:
    """Link a system file into the inbox as a request."""
    os.link("/usr/bin/env", "/inbox/linked.json")
    return "linked"


def attempt(way: Callable[[], str]) -> str:
    """What the attempt reached, or "" if it failed."""
    try:
        return way()
    except OSError:
        return ""


WAYS = (
    project,
    project_behind_processes,
    home,
    environment,
    network,
    port,
    abstract_socket,
    processes,
    signals,
    outbox_written,
    outbox_behind_process,
    outbox_removed,
    outbox_mounted_anew,
    kernel_parameters,
    kernel_parameters_mounted_anew,
    devices,
    linked_request,
)


def main() -> None:
    """Make all attempts, and one allowed request."""
    found = {way.__name__: attempt(way) for way in WAYS}
    spaces = {link.name: str(link.readlink()) for link in Path("/proc/self/ns").iterdir()}
    answer = Mailbox("/inbox", "/outbox").call("contract-version", {})
    print(json.dumps({"found": found, "namespaces": spaces, "answer": answer}))


if __name__ == "__main__":
    main()
