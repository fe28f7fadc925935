"""Tries, inside a sandbox, whatever a sandbox must not let through; prints what came of it as JSON.

    probe.py '{"home": ..., "pid": ..., "port": ..., "socket": ..., "marker": ...}'

The argument says where these are outside. Each answer is "" where there was no way, else what was
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
    """The file that marks the project, wherever it may be mounted."""
    for folder, folders, files in os.walk("/"):
        folders[:] = [
            name for name in folders if str(Path(folder, name)) not in LOOKED_INTO_ELSEWHERE
        ]
        if OUTSIDE["marker"] in files:
            return folder
    return ""


def project_behind_processes() -> str:
    """The project through the roots and working folders of processes."""
    for process in Path("/proc").glob("[0-9]*"):
        for way in ("root", "cwd"):
            if Path(f"{process}/{way}{OUTSIDE['project']}").exists():
                return f"{process}/{way}"
    return ""


def home() -> str:
    """Files in our home, or the home outside."""
    theirs = Path(OUTSIDE["home"])
    found = [*Path(os.environ["HOME"]).iterdir(), *([theirs] if theirs.exists() else [])]
    return " ".join(map(str, found))


def environment() -> str:
    """Variables that came in from outside."""
    return " ".join(sorted(os.environ.keys() - {"PATH", "HOME", "LANG", "PWD", "LC_CTYPE"}))


def network() -> str:
    """An interface besides our own loopback."""
    lines = Path("/proc/net/dev").read_text().splitlines()[2:]
    return " ".join(line.split(":")[0].strip() for line in lines if "lo:" not in line)


def port() -> str:
    """A server on the loopback outside."""
    with socket.create_connection(("127.0.0.1", OUTSIDE["port"]), timeout=5):
        return "connected"


def abstract_socket() -> str:
    """A server whose name is in no file system."""
    with socket.socket(socket.AF_UNIX) as ours:
        ours.connect("\0" + OUTSIDE["socket"])
        return "connected"


def processes() -> str:
    """More processes than this one and those that keep the sandbox."""
    found = [path.name for path in Path("/proc").glob("[0-9]*")]
    return " ".join(found) if len(found) > 3 else ""


def signals() -> str:
    """A process outside, to be ended."""
    os.kill(OUTSIDE["pid"], 0)
    return "signalled"


def outbox_written() -> str:
    """A reply of our own making."""
    Path("/outbox/forged.json").write_text("{}")
    return "written"


def outbox_behind_process() -> str:
    """The same by another way."""
    Path("/proc/self/root/outbox/forged.json").write_text("{}")
    return "written"


def outbox_removed() -> str:
    """A reply that was there."""
    Path("/outbox/worker.json").unlink()
    return "removed"


def outbox_mounted_anew() -> str:
    """The outbox, writable."""
    return mount("/outbox", REMOUNT_WRITABLE)


def kernel_parameters_mounted_anew() -> str:
    """The kernel's parameters, writable."""
    return mount("/proc/sys", REMOUNT_WRITABLE)


def mount(path: str, flags: int) -> str:
    """The path is mounted in another way. Raises: OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"none", path.encode(), None, flags, None) != 0:
        raise OSError(ctypes.get_errno(), path)
    return "mounted"


def kernel_parameters() -> str:
    """What the kernel would start outside at the next crash."""
    with Path("/proc/sys/kernel/core_pattern").open("r+"):
        return "opened"


def devices() -> str:
    """A disk."""
    os.mknod("/tmp/disk", 0o60600, os.makedev(8, 0))
    return "made"


def linked_request() -> str:
    """A file of the system as a request."""
    os.link("/usr/bin/env", "/inbox/linked.json")
    return "linked"


def attempt(way: Callable[[], str]) -> str:
    """What the way reached; empty where there was none."""
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
    """All that was tried, and that the one way there is goes through."""
    found = {way.__name__: attempt(way) for way in WAYS}
    spaces = {link.name: str(link.readlink()) for link in Path("/proc/self/ns").iterdir()}
    answer = Mailbox("/inbox", "/outbox").call("contract-version", {})
    print(json.dumps({"found": found, "namespaces": spaces, "answer": answer}))


if __name__ == "__main__":
    main()
