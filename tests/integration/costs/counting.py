"""What a call costs in numbers that no other machine changes: modules, system calls, syncs, processes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.patience import LONGEST_S

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
"""Not counted: how often a process waits depends on what else runs."""

_IMPORTED = re.compile(r"^import time: +\d+ \| +\d+ \| +(\S+)$", re.MULTILINE)
_CALL = re.compile(rb"^\d+ +(?:<\.\.\. )?(\w+)(\(| resumed>)", re.MULTILINE)
_GIT = re.compile(rb'^\d+ +execve\("[^"]*/git", .* = 0$', re.MULTILINE)


def modules(words: Sequence[str], *, root: Path) -> dict[str, int]:
    """How many modules the call imports: the project's own, and those of libraries."""
    command = [sys.executable, "-X", "importtime", "-m", "specify_cli", *words]
    done = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)
    names = set(_IMPORTED.findall(done.stderr))
    own = sum(it.partition(".")[0] == "specify_cli" for it in names)
    library = sum(
        it.partition(".")[0] not in {*sys.stdlib_module_names, "specify_cli", "_distutils_hack"}
        for it in names
    )
    return {"own": own, "library": library}


@contextmanager
def traced(command: Sequence[str], *, root: Path, trace: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The process runs under strace(1), which writes every call of it and its children to `trace`."""
    watched = ["strace", "-f", "-qq", "-s", "64", "-o", str(trace), *command]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(watched, cwd=root, stderr=quiet, start_new_session=True) as process:
        try:
            yield process
        finally:
            # strace itself blocks the signal, and ends with what it traces.
            os.killpg(process.pid, signal.SIGTERM)


def calls_of(trace: Path, request: Callable[[], object], *, times: int) -> dict[str, float]:
    """What one request costs a process that is traced, on average; it has answered one before."""
    before = _settled(trace)
    for _ in range(times):
        request()
    told = trace.read_bytes()[before : _settled(trace)]
    counts = Counter(name.decode() for name, how in _CALL.findall(told) if how == b"(")
    return {
        "calls": sum(n for name, n in counts.items() if name not in WAITING) / times,
        "opens": sum(counts[it] for it in OPENS) / times,
        "syncs": sum(counts[it] for it in SYNCS) / times,
        "gits": len(_GIT.findall(told)) / times,
    }


def _settled(trace: Path) -> int:
    """The length of the trace, once the process does nothing any more."""
    deadline = time.monotonic() + LONGEST_S
    size = -1
    while size != (size := trace.stat().st_size):
        assert time.monotonic() < deadline, "the process does not come to rest"
        time.sleep(0.3)
    return size
