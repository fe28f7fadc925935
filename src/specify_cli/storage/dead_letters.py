"""The records of dead letters: their state, and the paths of their bodies.

`<id>.json` is the record of a waiting letter. Before a letter is replayed or discarded,
`<id>.settling` is written with the intended result; when it is done, that file is renamed to
`<id>.settled`. So the record outlives the body, and an interrupted step differs from one that never
began.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from specify_cli.errors import UsageError
from specify_cli.files.atomic import fsync_folder, publish, translated
from specify_cli.files.regular_files import NotRegular, TooLarge, kind, read_regular
from specify_cli.storage.dead_letter_bodies import unfinished

WAITING, SETTLING, SETTLED, BODY = ".json", ".settling", ".settled", ".body"
MAX_RECORD_BYTES = 1024 * 1024
MODE = 0o600
FATE = "fate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A dead letter as its record describes it; `ending` is the suffix of the record."""

    letter_id: str
    ending: str
    record: Mapping[str, Any]

    @property
    def fate(self) -> Mapping[str, Any]:
        """The result, by whom, when and on whose request; empty while the letter waits."""
        fate: Mapping[str, Any] = self.record.get(FATE) or {}
        return fate

    @property
    def state(self) -> str:
        """`waiting`, or the result; an unfinished step counts as waiting."""
        return str(self.fate["state"]) if self.ending == SETTLED else "waiting"

    @property
    def name(self) -> str:
        """The original file name, with non-ASCII and control characters escaped."""
        return str(self.record.get("name"))

    @property
    def identity(self) -> str:
        """The owner of the inbox in which it was found."""
        return str(self.record.get("identity"))


@dataclass(frozen=True, slots=True)
class LetterFolder:
    """The folder of dead letters."""

    folder: Path

    def letters(self) -> Iterator[Letter]:
        """Yield every letter with a readable record, oldest first; creates nothing."""
        for letter_id, ending in sorted(self._endings().items()):
            record = read_record(self.folder / (letter_id + ending))
            if record is not None:
                yield Letter(letter_id=letter_id, ending=ending, record=record)

    def record_of(self, letter: Letter) -> Path:
        """Return the path of the letter's record."""
        return self.folder / (letter.letter_id + letter.ending)

    def named(self, prefix: str) -> Letter:
        """Return the one letter whose id starts with `prefix`.

        Raises:
            UsageError: no letter or several letters match.
        """
        found = [
            one for one in self.letters() if prefix and one.letter_id.startswith(prefix.upper())
        ]
        if len(found) == 1:
            return found[0]
        if not found:
            raise UsageError(
                f"no dead letter begins with {prefix[:40]!r}: list them with 'spec-kitty mailbox dead-letters list'"
            )
        several = ", ".join(one.letter_id for one in found[:10])
        raise UsageError(
            f"several dead letters begin with {prefix[:40]!r}: {several}; give more characters of the id"
        )

    def has_fate_of(self, correlation_id: str) -> bool:
        """Whether the request of that id has begun to resolve a letter."""
        return any(one.fate.get("correlation_id") == correlation_id for one in self.letters())

    def begin(
        self, letter: Letter, fate: Mapping[str, Any], *, place: Path | None = None
    ) -> Letter:
        """Record the intended result; `place` is a second path that may have the body.

        Raises:
            StorageFailed: the disk fails.
        """
        moved = {} if place is None else {"body": str(place)}
        return self._settling(letter, {**letter.record, **moved, FATE: dict(fate)})

    def abandon(self, letter: Letter) -> None:
        """Withdraw the intended result.

        Raises:
            StorageFailed: the disk fails.
        """
        path = self.folder / (letter.letter_id + SETTLING)
        if letter.ending == SETTLING and not os.path.lexists(self._usual(letter)):
            # Only this record may have the path of the body.
            self._settling(letter, {k: v for k, v in letter.record.items() if k != FATE})
            return
        with translated(path, "remove"):
            path.unlink(missing_ok=True)

    def _settling(self, letter: Letter, record: Mapping[str, Any]) -> Letter:
        data = json.dumps(record).encode() + b"\n"
        publish(self.folder / (letter.letter_id + SETTLING), data, mode=MODE)
        return Letter(letter_id=letter.letter_id, ending=SETTLING, record=record)

    def finish(self, letter: Letter) -> Letter:
        """Mark the intended result as done.

        Raises:
            StorageFailed: the disk fails.
        """
        path = self.folder / letter.letter_id
        with translated(self.folder, "resolve a dead letter in"):
            os.rename(f"{path}{SETTLING}", f"{path}{SETTLED}")
            Path(f"{path}{WAITING}").unlink(missing_ok=True)
        fsync_folder(self.folder)
        return Letter(letter_id=letter.letter_id, ending=SETTLED, record=letter.record)

    def body(self, letter: Letter) -> Path | None:
        """Return the path of the body; None if it is gone."""
        return next((place for place in self._places(letter) if os.path.lexists(place)), None)

    def remains(self, letter: Letter) -> list[Path]:
        """Return every file of the body, including those of an interrupted copy."""
        places = self._places(letter)
        return [
            path
            for path in (*places, *(place.with_name(unfinished(place.name)) for place in places))
            if os.path.lexists(path)
        ]

    def _places(self, letter: Letter) -> list[Path]:
        recorded = letter.record.get("body")
        places = [self._usual(letter), *([Path(recorded)] if isinstance(recorded, str) else [])]
        return list(dict.fromkeys(places))

    def _usual(self, letter: Letter) -> Path:
        return self.folder / (letter.letter_id + BODY)

    def _endings(self) -> dict[str, str]:
        """Return the id and suffix of each record; a later step wins."""
        try:
            names = os.listdir(self.folder)
        except FileNotFoundError:
            return {}
        found: dict[str, str] = {}
        for ending in (WAITING, SETTLING, SETTLED):
            ids = (n.removesuffix(ending) for n in names if n.endswith(ending) and n[0] != ".")
            found.update(dict.fromkeys(ids, ending))
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A safe description of a file: its kind, size and first bytes."""

    kind: str
    size: int
    head: bytes = b""


def look_at(path: Path, *, max_bytes: int) -> Look:
    """Describe the file at `path`; only a regular file with one link is opened.

    Raises:
        OSError: the file is gone, or the disk fails.
    """
    status = path.lstat()
    look = Look(kind=kind(status.st_mode), size=status.st_size)
    if not stat.S_ISREG(status.st_mode):
        return look
    if status.st_nlink != 1:
        return Look(kind=f"regular file with {status.st_nlink} hard links", size=look.size)
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags), "rb") as file:
        return Look(kind=look.kind, size=look.size, head=file.read(max_bytes))


def read_record(path: Path) -> dict[str, Any] | None:
    """Return the record in that file; None if it cannot be read."""
    try:
        record = json.loads(read_regular(path, max_bytes=MAX_RECORD_BYTES))
    except (OSError, NotRegular, TooLarge, ValueError):
        return None
    return record if isinstance(record, dict) else None
