"""The compiled shim, and the control file that it shares with all processes of one run."""

from __future__ import annotations

import mmap
import os
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).with_name("shim.c")
SIZE = 12288
CONTROL_VARIABLE = "KITTY_FAULTS_CONTROL"

OPS = (
    *("open", "write", "rename", "unlink", "mkdir", "rmdir", "link", "symlink"),
    *("truncate", "sync", "chmod", "utime", "syncfs"),
)
WORDS = (
    *("count", "at", "action", "value", "from_on", "orphans", "worker", "mask"),
    *("freed", "clock", "inotify", "hits"),
)
KILL_BEFORE, KILL_AFTER, FAIL, SHORT, JUMP = 1, 2, 3, 4, 5
SILENT, OVERFLOW, DUPLICATED, LATE = 1, 2, 3, 4


def build(folder: Path) -> Path:
    """The shim, compiled into `folder`."""
    target = folder / "shim.so"
    command = ["cc", "-O2", "-shared", "-fPIC", "-ftls-model=initial-exec"]
    subprocess.run([*command, "-o", str(target), str(SOURCE)], check=True)
    return target


def mask(*ops: str) -> int:
    """The bits that choose these kinds of calls."""
    return sum(1 << OPS.index(op) for op in ops)


EVERY_OP = mask(*OPS)


@dataclass(frozen=True, kw_only=True)
class Orders:
    """The fault, and the call at which it happens."""

    at: int = 0
    action: int = 0
    value: int = 0
    from_on: bool = False
    orphans: bool = False
    mask: int = EVERY_OP
    clock: int = 0
    inotify: int = 0


class Control:
    """The control file of one run."""

    def __init__(
        self, path: Path, *, root: Path, orders: Orders, trace: Path | None = None
    ) -> None:
        self.path = path
        words = [getattr(orders, name, 0) for name in WORDS]
        data = struct.pack(f"{len(words)}q", *map(int, words)).ljust(8192, b"\0")
        data += os.fsencode(root).ljust(2048, b"\0")
        data += (os.fsencode(trace) if trace else b"").ljust(2048, b"\0")
        path.write_bytes(data)

    def read(self, word: str) -> int:
        """The current content of the file."""
        with self.path.open("rb") as file:
            file.seek(8 * WORDS.index(word))
            value: int = struct.unpack("q", file.read(8))[0]
            return value

    def write(self, word: str, value: int) -> None:
        """Write `value`, which all processes see from now on."""
        with self.path.open("r+b") as file, mmap.mmap(file.fileno(), SIZE) as mapped:
            struct.pack_into("q", mapped, 8 * WORDS.index(word), value)


@dataclass(frozen=True, kw_only=True)
class Call:
    """One recorded call."""

    number: int
    pid: int
    op: str
    result: int
    offset: int
    flags: int
    path: str
    other: str
    data: bytes


HEAD = struct.Struct("9q")


def calls(trace: Path) -> list[Call]:
    """Every recorded call, in the order of their numbers."""
    raw, at, found = trace.read_bytes() if trace.exists() else b"", 0, []
    while at < len(raw):
        number, pid, op, result, offset, flags, one, two, size = HEAD.unpack_from(raw, at)
        at += HEAD.size
        path, other = os.fsdecode(raw[at : at + one]), os.fsdecode(raw[at + one : at + one + two])
        at += one + two
        data = raw[at : at + size]
        at += size
        found.append(
            Call(
                number=number,
                pid=pid,
                op=OPS[op],
                result=result,
                offset=offset,
                flags=flags,
                path=path,
                other=other,
                data=data,
            )
        )
    return sorted(found, key=lambda call: call.number)
