"""Machine-independent costs of a command: modules, system calls, syncs, processes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

SYNCS = ("fsync", "fdatasync", "syncfs", "sync")
OPENS = ("open", "openat", "openat2")
WAITING = (
    "futex",
    "poll",
    "ppoll",
    "select",
    "pselect6",
    "epoll_wait",
    "clock_nanosleep",
    "restart_syscall",
)
"""Not counted: how often a process waits depends on the load of the machine."""

_IMPORTED = re.compile(r"^import time: +\d+ \| +\d+ \| +(\S+)$", re.MULTILINE)
_CALL = re.compile(rb"^\d+ +(?:<\.\.\. )?(\w+)(\(| resumed>)", re.MULTILINE)
_GIT = re.compile(rb'^\d+ +execve\("[^"]*/git", .* = 0$', re.MULTILINE)


def modules(words: Sequence[str], *, root: Path) -> dict[str, int]:
    """Count the modules that the command imports: the project's own, and those of libraries."""
    command = [sys.executable, "-X", "importtime", "-m", "specify_cli", *words]
    done = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)
    names = set(_IMPORTED.findall(done.stderr))
    packages = {"specify_cli", "spec_kitty_client"}
    own = sum(it.partition(".")[0] in packages for it in names)
    library = sum(
        it.partition(".")[0] not in {*sys.stdlib_module_names, *packages, "_distutils_hack"}
        for it in names
    )
    return {"own": own, "library": library}


@contextmanager
def traced(command: Sequence[str], *, root: Path, trace: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run the process under strace(1), which writes all system calls of it and its children to `trace`."""
    watched = ["strace", "-f", "-qq", "-s", "256", "-o", str(trace), *command]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(watched, cwd=root, stderr=quiet) as process:
        try:
            yield process
        finally:
            # strace writes its whole output when the traced process ends, not when it is ended itself.
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
            os.kill(int(children.split()[0]), signal.SIGTERM)


def calls_of(trace: Path, replies: Sequence[str]) -> dict[str, int]:
    """Costs of one request to a traced process that has ended, from one reply to the next.

    The lowest of each count: the others include other work of the process, such as its heartbeat.
    """
    ends = b"|".join(re.escape(name.encode()) for name in replies)
    # The claim of a request is also a rename.
    published = re.compile(
        rb'^\d+ +rename\w*\([^\n]*\.tmp"[^\n]*"[^"\n]*(?:' + ends + rb')"[^\n]*\n', re.MULTILINE
    )
    parts = published.split(trace.read_bytes())
    assert len(parts) == len(replies) + 1, f"{len(parts) - 1} of {len(replies)} replies"
    return _lowest(parts)


def calls_of_a_beat(trace: Path) -> dict[str, int]:
    """What a worker that waits cost from one heartbeat to the next: of each count the lowest."""
    # Other users may read it, but not the status for the operator.
    beat = re.compile(rb'^\d+ +openat\([^\n]*"\.worker\.json\.[^\n]*, 0644\)', re.MULTILINE)
    # The last one is written when the worker stops.
    return _lowest(beat.split(trace.read_bytes())[:-1])


def _lowest(parts: Sequence[bytes]) -> dict[str, int]:
    # The first is the start of the process, the last its end.
    found = [_counts(it) for it in parts[1:-1]]
    return {name: min(it[name] for it in found) for name in found[0]}


def _counts(told: bytes) -> dict[str, int]:
    counts = Counter(name.decode() for name, how in _CALL.findall(told) if how == b"(")
    return {
        "calls": sum(n for name, n in counts.items() if name not in WAITING),
        "opens": sum(counts[it] for it in OPENS),
        "syncs": sum(counts[it] for it in SYNCS),
        "gits": len(_GIT.findall(told)),
    }
