"""What cannot be answered under its own name is set aside with its reason, never deleted.

`<id>.body` is the thing itself, `<id>.json` says what it was and how it was answered. A `<id>.pending`
is that record before the thing was moved and answered, so that a crash in between is made good.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from specify_cli import clock, credentials, ids
from specify_cli.files import atomic
from specify_cli.files.folders import opened
from specify_cli.files.regular_files import NotRegular, TooLarge, read_regular
from specify_cli.mailbox.layout import DEFAULT, MailboxLayout
from specify_cli.mailbox.outbox import sweep_temporaries
from specify_cli.storage.dead_letters import SETTLED, LetterFolder

BODY, REASON, PENDING = ".body", ".json", ".pending"
MODE = 0o600
MAX_RECORD_BYTES = 1024 * 1024

# Given the folder and the new name: where the thing lies now, or None when it is gone.
Move = Callable[[Path, str], Path | None]
# Given the dead letter's id, why, and whose it was: the envelope of the refusal, recorded in the journal.
Refuse = Callable[[str, str, str], Mapping[str, Any]]
# Given whose it was and the new name: where the thing was hidden when it could not be moved.
FindBody = Callable[[str, str], Path | None]


@dataclass(frozen=True, slots=True)
class Stray:
    """Something to be set aside; `envelope` is there when it was answered already."""

    name: str
    identity: str
    why: str
    move: Move
    envelope: Mapping[str, Any] | None = None


class DeadLetters:
    """The folder of dead letters; only the one worker writes here, from any of its threads."""

    def __init__(self, layout: MailboxLayout, *, refuse: Refuse) -> None:
        self._layout = layout
        self._refuse = refuse
        # What is being set aside must not look like what an earlier attempt left unfinished.
        self._writing = threading.Lock()
        self._whose: dict[str, str] = {}

    @property
    def _folder(self) -> Path:
        return self._layout.dead_letters

    @property
    def _base(self) -> Path:
        return self._layout.host_base

    def set_aside(self, stray: Stray) -> Mapping[str, Any] | None:
        """The envelope that says why the stray was set aside; None when it was gone.

        Raises:
            SpecKittyError: it could not be recorded; `finish` completes what was begun.
            OSError: the stray could not be moved, and stays where it was.
        """
        with self._writing:
            return self._set_aside(stray)

    def _set_aside(self, stray: Stray) -> Mapping[str, Any] | None:
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
        """What an interrupted `set_aside` left is complete, or undone where nothing had moved.

        Raises:
            SpecKittyError: it could not be recorded.
        """
        with self._writing:
            sweep_temporaries(self._folder, below=self._base)
            for path in sorted(self._folder.glob("*" + PENDING)):
                self._finish(path, find_body)

    def _finish(self, path: Path, find_body: FindBody) -> None:
        record = _read(path) or {}
        hidden = find_body(record.get("identity", DEFAULT), path.stem + BODY)
        body = self._folder / (path.stem + BODY) if hidden is None else hidden
        if record and _exists(body):
            self._complete({"identity": DEFAULT, **record, "body": str(body)})
        else:
            self._remove(path.name)

    def count(self) -> Counter[str]:
        """How many letters of each orchestrator lie here, neither replayed nor discarded; to be asked by one thread only.

        Raises:
            StorageFailed, OSError: the disk refused.
        """
        with opened(self._folder, below=self._base) as folder:
            names = set(os.listdir(folder))
        # One that was replayed or discarded keeps its record under another ending.
        names = {
            name
            for name in names
            if name.endswith(REASON) and name.removesuffix(REASON) + SETTLED not in names
        }
        # A record never changes, so each is read once.
        self._whose = {name: self._whose.get(name) or self._whose_is(name) for name in names}
        return Counter(self._whose.values())

    def _whose_is(self, name: str) -> str:
        return str((_read(self._folder / name) or {}).get("identity", DEFAULT))

    def _complete(self, record: dict[str, Any]) -> Mapping[str, Any]:
        letter_id = record["dead_letter"]
        envelope: Mapping[str, Any] = record["envelope"] or self._refuse(
            letter_id, record["why"], record["identity"]
        )
        self._write(letter_id + REASON, {**record, "envelope": envelope})
        self._remove(letter_id + PENDING)
        return envelope

    def _write(self, name: str, record: Mapping[str, Any]) -> None:
        atomic.publish(self._folder / name, _encode(record), mode=MODE, below=self._base)

    def _remove(self, name: str) -> None:
        with (
            opened(self._folder, below=self._base) as folder,
            contextlib.suppress(FileNotFoundError),
        ):
            os.unlink(name, dir_fd=folder)


def _encode(record: Mapping[str, Any]) -> bytes:
    return json.dumps(record).encode() + b"\n"


def read_records(folder: Path) -> Iterator[Mapping[str, Any]]:
    """Every complete record in a folder of dead letters, oldest first; nothing is created."""
    return (letter.record for letter in LetterFolder(folder).letters())


def _read(path: Path) -> dict[str, Any] | None:
    try:
        record = json.loads(read_regular(path, max_bytes=MAX_RECORD_BYTES))
    except (OSError, NotRegular, TooLarge, ValueError):
        return None
    return record if isinstance(record, dict) else None


def _exists(path: Path) -> bool:
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    return True
