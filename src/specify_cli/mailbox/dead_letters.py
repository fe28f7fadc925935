"""Dead letters: entries that cannot be answered under their own name are set aside, never deleted.

`<id>.body` is the entry itself. `<id>.json` says what it was and how it was answered. `<id>.pending` is
written before the entry is moved and answered, so that the next worker can complete it after a crash.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from specify_cli import clock, credentials, ids
from specify_cli.files import atomic
from specify_cli.files.folder_stamp import FolderStamp
from specify_cli.files.folders import opened
from specify_cli.mailbox.layout import DEFAULT, MailboxLayout
from specify_cli.mailbox.outbox import sweep_temporaries
from specify_cli.storage.dead_letters import SETTLED, read_record

BODY, REASON, PENDING = ".body", ".json", ".pending"
MODE = 0o600

# Moves the entry to a folder under a new name. Returns its new path, or None if it is gone.
Move = Callable[[Path, str], Path | None]
# Records the refusal of a dead letter, given its id, the reason and the orchestrator. Returns the envelope.
Refuse = Callable[[str, str, str], Mapping[str, Any]]
# Finds an entry that was hidden because it could not be moved, given the orchestrator and the new name.
FindBody = Callable[[str, str], Path | None]


@dataclass(frozen=True, slots=True)
class Stray:
    """An entry to be set aside. `envelope` is its answer, if it has one already."""

    name: str
    identity: str
    why: str
    move: Move
    envelope: Mapping[str, Any] | None = None


class DeadLetters:
    """The folder of dead letters. Only the worker writes to it, from any of its threads."""

    def __init__(self, layout: MailboxLayout, *, refuse: Refuse) -> None:
        self._layout = layout
        self._refuse = refuse
        # `finish` must not take a dead letter that is being written for one that a crash left.
        self._writing = threading.Lock()
        self._identities: dict[str, str] = {}
        self._stamp = FolderStamp()
        self._counted: Counter[str] = Counter()

    @property
    def _folder(self) -> Path:
        return self._layout.dead_letters

    @property
    def _base(self) -> Path:
        return self._layout.host_base

    def set_aside(self, stray: Stray) -> Mapping[str, Any] | None:
        """Set the stray aside and return the envelope that says why; None if it is gone.

        Raises:
            SpecKittyError: it could not be recorded; `finish` completes it.
            OSError: the stray could not be moved, and stays in its folder.
        """
        with self._writing:
            letter_id = ids.ulid()
            record = {
                "dead_letter": letter_id,
                "at": clock.timestamp(),
                "identity": stray.identity,
                "name": credentials.masked(ascii(stray.name)[1:-1]),
                "why": credentials.masked(stray.why),
                "body": None,
                "envelope": stray.envelope,
            }
            self._write(letter_id + PENDING, record)
            try:
                body = stray.move(self._folder, letter_id + BODY)
            except OSError:
                self._remove(letter_id + PENDING)
                raise
            if body is None:
                self._remove(letter_id + PENDING)
                return None
            return self._complete({**record, "body": str(body)})

    def finish(self, find_body: FindBody) -> None:
        """Complete every interrupted `set_aside`, or undo it if the entry was not moved.

        Raises:
            SpecKittyError: it could not be recorded.
        """
        with self._writing:
            sweep_temporaries(self._folder, below=self._base)
            for path in sorted(self._folder.glob("*" + PENDING)):
                self._finish(path, find_body)

    def _finish(self, path: Path, find_body: FindBody) -> None:
        record = read_record(path) or {}
        hidden = find_body(record.get("identity", DEFAULT), path.stem + BODY)
        body = self._folder / (path.stem + BODY) if hidden is None else hidden
        if record and _exists(body):
            self._complete({"identity": DEFAULT, **record, "body": str(body)})
        else:
            self._remove(path.name)

    def count(self) -> Counter[str]:
        """Count the open dead letters of each orchestrator; only one thread may call this.

        Raises:
            StorageFailed, OSError: the disk failed.
        """
        if self._stamp.is_current(self._folder):
            return self._counted
        with opened(self._folder, below=self._base) as folder, self._stamp.listing(folder):
            names = set(os.listdir(folder))
        # A dead letter that was replayed or discarded has another file beside its record.
        names = {
            name
            for name in names
            if name.endswith(REASON) and name.removesuffix(REASON) + SETTLED not in names
        }
        # A record never changes, so each one is read once.
        self._identities = {
            name: self._identities.get(name)
            or str((read_record(self._folder / name) or {}).get("identity", DEFAULT))
            for name in names
        }
        self._counted = Counter(self._identities.values())
        return self._counted

    def _complete(self, record: dict[str, Any]) -> Mapping[str, Any]:
        letter_id = record["dead_letter"]
        envelope: Mapping[str, Any] = record["envelope"] or self._refuse(
            letter_id, record["why"], record["identity"]
        )
        self._write(letter_id + REASON, {**record, "envelope": envelope})
        self._remove(letter_id + PENDING)
        return envelope

    def _write(self, name: str, record: Mapping[str, Any]) -> None:
        atomic.publish(
            self._folder / name, json.dumps(record).encode() + b"\n", mode=MODE, below=self._base
        )

    def _remove(self, name: str) -> None:
        with (
            opened(self._folder, below=self._base) as folder,
            contextlib.suppress(FileNotFoundError),
        ):
            os.unlink(name, dir_fd=folder)


def _exists(path: Path) -> bool:
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    return True
