"""What a power loss would leave, and what was done under which lock, by the system calls of this process."""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from specify_cli.files import file_system
from specify_cli.storage.intents import Intent, Intents

SYNC_ALL = "sync everything"
SUBCOMMAND = re.compile("[a-z]+(-[a-z]+)*")


@dataclass(slots=True)
class Durable:
    """What was synced since watching began; `steps` are in order.

    A step is `sync <name>`, `rename <name>` under the new name, `unlink <name>`, `lock <name>`,
    `unlock <name>`, `run <program> <subcommand>`, or `sync everything`.
    """

    steps: list[str] = field(default_factory=list)
    content: dict[Path, bytes] = field(default_factory=dict)

    def is_kept(self, path: Path) -> bool:
        """Whether the bytes that `path` has now were synced under this or an earlier name."""
        return self.content.get(path) == path.read_bytes()

    def is_name_kept(self, path: Path) -> bool:
        """Whether the folder was synced after the last change of the name."""
        changes = [i for i, step in enumerate(self.steps) if step in _changes(path)]
        syncs = [i for i, step in enumerate(self.steps) if step == f"sync {path.parent.name}"]
        return bool(syncs) and syncs[-1] > max(changes, default=-1)

    def is_locked(self, step: str, lock: str) -> bool:
        """Whether that step was taken, and always under the lock of that name."""
        is_held, found = False, []
        for one in self.steps:
            is_held = one == f"lock {lock}" or (is_held and one != f"unlock {lock}")
            found += [is_held] if one.startswith(step) else []
        return bool(found) and all(found)

    def synced(self, descriptor: int) -> None:
        """Note that the file of the descriptor was synced."""
        path = _place(descriptor)
        self.steps.append(f"sync {path.name}")
        if path.is_file():
            self.content[path] = path.read_bytes()

    def renamed(self, old: Path, new: Path) -> None:
        """Note the new name; what was synced stays synced."""
        self.steps.append(f"rename {new.name}")
        if old in self.content:
            self.content[new] = self.content.pop(old)


def _changes(path: Path) -> tuple[str, str]:
    return f"rename {path.name}", f"unlink {path.name}"


def _place(descriptor: int) -> Path:
    return Path(f"/proc/self/fd/{descriptor}").readlink()


def _at(name: str | Path, folder: int | None) -> Path:
    return Path(name) if folder is None else _place(folder) / name


@contextmanager
def watched() -> Iterator[Durable]:
    """Note the syncs, renames, removals, locks and programs of this process during the block."""
    durable = Durable()
    with pytest.MonkeyPatch.context() as kernel:
        for name in {"fsync", "fdatasync"} & {*dir(os)}:  # macOS has only one of them.
            kernel.setattr(os, name, _noting_sync(durable, getattr(os, name)))
        for name in ("replace", "rename"):
            kernel.setattr(os, name, _noting_rename(durable, getattr(os, name)))
        kernel.setattr(os, "sync", lambda: durable.steps.append(SYNC_ALL))
        kernel.setattr(file_system, "_syncfs", lambda: lambda _: durable.steps.append(SYNC_ALL))
        kernel.setattr(Intents, "keep", _noting_intent(durable, Intents.keep))
        kernel.setattr(os, "unlink", _noting_unlink(durable, os.unlink))
        kernel.setattr(fcntl, "flock", _noting_lock(durable, fcntl.flock))
        kernel.setattr(subprocess, "Popen", _noting_program(durable, subprocess.Popen))
        yield durable


def _noting_sync(durable: Durable, real: Any) -> Any:
    def noting(descriptor: int) -> None:
        real(descriptor)
        durable.synced(descriptor)

    return noting


def _noting_rename(durable: Durable, real: Any) -> Any:
    def noting(old: Any, new: Any, *, src_dir_fd: Any = None, dst_dir_fd: Any = None) -> None:
        real(old, new, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)
        durable.renamed(_at(old, src_dir_fd), _at(new, dst_dir_fd))

    return noting


def _noting_intent(durable: Durable, real: Any) -> Any:
    def noting(intents: Intents, intent: Intent) -> None:
        real(intents, intent)
        durable.steps.append(f"intent {intent.kind}")

    return noting


def _noting_unlink(durable: Durable, real: Any) -> Any:
    def noting(path: Any, *, dir_fd: Any = None) -> None:
        real(path, dir_fd=dir_fd)
        durable.steps.append(f"unlink {Path(path).name}")

    return noting


def _noting_lock(durable: Durable, real: Any) -> Any:
    def noting(descriptor: int, operation: int) -> None:
        real(descriptor, operation)
        word = "unlock" if operation & fcntl.LOCK_UN else "lock"
        durable.steps.append(f"{word} {_place(descriptor).name}")

    return noting


def _noting_program(durable: Durable, real: Any) -> Any:
    def noting(words: Any, *args: Any, **more: Any) -> Any:
        named = [word for word in map(str, words[1:]) if SUBCOMMAND.fullmatch(word)]
        durable.steps.append(f"run {Path(words[0]).name} {named[0] if named else ''}")
        return real(words, *args, **more)

    return noting
