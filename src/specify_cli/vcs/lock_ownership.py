"""Record what the host is about to lock in a repository, to prove later that a stale lock is its own.

The record, called the marker, names the process and holds a random token. After the process was
killed, it proves that a lock which git would never remove was the host's own.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from specify_cli import processes
from specify_cli.files import durability
from specify_cli.files.atomic import create_file, replace_file
from specify_cli.files.regular_files import read_file

MARKER_NAME: Final = "spec-kitty-at-work"

_APPENDING: Final = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
_in_force: ContextVar[Path | None] = ContextVar("_in_force", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """What a holder of the repository recorded: its first line, and the refs noted since."""

    head: bytes
    refs: tuple[tuple[str, str], ...]

    def proves(self, lock: bytes) -> bool:
        """Return whether a lock with this content was created by the host of the markerer."""
        return bool(self.head) and lock.startswith(self.head)


@contextmanager
def marked(git_dir: Path) -> Iterator[None]:
    """Write the marker of this process durably for the block; it is not removed."""
    marker = git_dir / MARKER_NAME
    facts = {"process": str(processes.this_process()), "token": secrets.token_hex(16)}
    replace_file(marker, _line(facts))
    durability.sync_folder(git_dir)
    token = _in_force.set(marker)
    try:
        yield
    finally:
        _in_force.reset(token)


def note_ref(ref: str, commit: str) -> None:
    """Note that git is going to lock `ref` to point it at `commit`."""
    _note({"ref": ref, "commit": commit})


def make_lock(lock: Path) -> None:
    """Create the lock with content that proves its owner.

    Raises:
        FileExistsError: somebody holds it.
        OSError: the disk refused.
    """
    marker = _in_force.get()
    if marker is not None:
        # A hard link creates the lock and its content in one step: an empty lock would prove
        # nothing.
        try:
            os.link(marker, lock)
        except FileExistsError:
            raise
        except (OSError, NotImplementedError):
            pass  # This file system has no hard links.
        else:
            return
    create_file(lock, read_file(marker) if marker else b"spec-kitty\n")


def read(git_dir: Path) -> Marker | None:
    """Read the marker in the git folder; None where there is none.

    Raises:
        OSError: it cannot be read.
    """
    try:
        content = read_file(git_dir / MARKER_NAME)
    except FileNotFoundError:
        return None
    head, _, notes = content.partition(b"\n")
    facts = [_fact(line) for line in notes.splitlines()]
    return Marker(
        head=head,
        refs=tuple((it["ref"], it["commit"]) for it in facts if it.keys() == {"ref", "commit"}),
    )


def _note(facts: Mapping[str, str]) -> None:
    marker = _in_force.get()
    if marker is None:
        return
    descriptor = os.open(marker, _APPENDING)
    try:
        os.write(descriptor, _line(facts))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _line(facts: Mapping[str, str]) -> bytes:
    return json.dumps(facts).encode("ascii") + b"\n"


def _fact(line: bytes) -> dict[str, str]:
    try:
        found = json.loads(line)
    except ValueError:  # Torn by a power loss before git began.
        return {}
    return found if isinstance(found, dict) else {}
