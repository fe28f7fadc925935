"""What cannot be answered under its own name is set aside with its reason, never deleted.

`<id>.body` is the thing itself, `<id>.json` says what it was and how it was answered. A `<id>.pending`
is that record before the thing was moved and answered, so that a crash in between is made good.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from specify_cli import clock, ids
from specify_cli.storage import atomic
from specify_cli.storage.dead_letters import LetterFolder
from specify_cli.storage.safe_read import NotRegular, TooLarge, read_regular

BODY, REASON, PENDING = ".body", ".json", ".pending"
MODE = 0o600
MAX_RECORD_BYTES = 1024 * 1024

# Given the folder and the new name: where the thing lies now, or None when it is gone.
Move = Callable[[Path, str], Path | None]
# Given the dead letter's id and why: the envelope of the refusal, recorded in the journal.
Refuse = Callable[[str, str], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Stray:
    """Something to be set aside; `envelope` is there when it was answered already."""

    name: str
    identity: str
    why: str
    move: Move
    envelope: Mapping[str, Any] | None = None


class DeadLetters:
    """The folder of dead letters; only the one worker writes here."""

    def __init__(self, folder: Path, *, refuse: Refuse) -> None:
        self._folder = folder
        self._refuse = refuse

    def set_aside(self, stray: Stray) -> Mapping[str, Any] | None:
        """The envelope that says why the stray was set aside; None when it was gone.

        Raises:
            SpecKittyError: it could not be recorded; `finish` completes what was begun.
            OSError: the stray could not be moved.
        """
        letter_id = ids.ulid()
        record = {
            "dead_letter": letter_id,
            "at": clock.timestamp(),
            "identity": stray.identity,
            "name": ascii(stray.name)[1:-1],
            "why": stray.why,
            "body": None,
            "envelope": stray.envelope,
        }
        self._write(letter_id + PENDING, record)
        body = stray.move(self._folder, letter_id + BODY)
        if body is None:
            self._remove(letter_id + PENDING)
            return None
        return self._complete({**record, "body": str(body)})

    def finish(self, find_body: Callable[[str], Path | None]) -> None:
        """What an interrupted `set_aside` left is complete, or undone where nothing had moved.

        `find_body` says where the thing of a given name was hidden when it could not be moved here.

        Raises:
            SpecKittyError: it could not be recorded.
        """
        for path in sorted(self._folder.glob("*" + PENDING)):
            record = _read(path)
            hidden = find_body(path.stem + BODY)
            body = self._folder / (path.stem + BODY) if hidden is None else hidden
            if record is None or not _exists(body):
                self._remove(path.name)
            else:
                self._complete({**record, "body": str(body)})

    def count(self) -> int:
        """How many dead letters lie here, neither replayed nor discarded."""
        return LetterFolder(self._folder).count_waiting()

    def _complete(self, record: dict[str, Any]) -> Mapping[str, Any]:
        letter_id = record["dead_letter"]
        envelope: Mapping[str, Any] = record["envelope"] or self._refuse(letter_id, record["why"])
        self._write(letter_id + REASON, {**record, "envelope": envelope})
        self._remove(letter_id + PENDING)
        return envelope

    def _write(self, name: str, record: Mapping[str, Any]) -> None:
        atomic.publish(self._folder / name, json.dumps(record).encode() + b"\n", mode=MODE)

    def _remove(self, name: str) -> None:
        (self._folder / name).unlink(missing_ok=True)


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
