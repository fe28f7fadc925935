"""The records of dead letters, what has become of them, and where their bodies lie.

`<id>.json` is the record of a letter that lies here. Whoever replays or discards it writes `<id>.settling`
first, the record with what is to become of it, and renames that to `<id>.settled` when it is done. So
the record outlives the body, and what was interrupted can be told from what was never begun.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from specify_cli.errors import UsageError
from specify_cli.storage.atomic import fsync_folder, publish, translated
from specify_cli.storage.safe_read import NotRegular, TooLarge, kind, read_regular

WAITING, SETTLING, SETTLED, BODY = ".json", ".settling", ".settled", ".body"
MAX_RECORD_BYTES = 1024 * 1024
MODE = 0o600
FATE = "fate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A dead letter as its record tells of it; `ending` says how far its fate has come."""

    letter_id: str
    ending: str
    record: Mapping[str, Any]

    @property
    def fate(self) -> Mapping[str, Any]:
        """What becomes of it, by whom, when and on whose request; empty while it lies here."""
        fate: Mapping[str, Any] = self.record.get(FATE) or {}
        return fate

    @property
    def state(self) -> str:
        """`waiting`, or what has become of it; what is not done yet counts as waiting."""
        return str(self.fate["state"]) if self.ending == SETTLED else "waiting"

    @property
    def name(self) -> str:
        """The name that it had, non-ASCII and control characters escaped."""
        return str(self.record.get("name"))

    @property
    def identity(self) -> str:
        """Whose inbox it was found in."""
        return str(self.record.get("identity"))


@dataclass(frozen=True, slots=True)
class LetterFolder:
    """The folder of dead letters."""

    folder: Path

    def letters(self) -> Iterator[Letter]:
        """Every letter whose record can be read, oldest first; nothing is created."""
        for letter_id, ending in sorted(self._endings().items()):
            record = _read(self.folder / (letter_id + ending))
            if record is not None:
                yield Letter(letter_id=letter_id, ending=ending, record=record)

    def named(self, prefix: str) -> Letter:
        """The one letter whose id begins so.

        Raises: UsageError when there is none, or there are several.
        """
        found = [
            one for one in self.letters() if prefix and one.letter_id.startswith(prefix.upper())
        ]
        if len(found) == 1:
            return found[0]
        if not found:
            raise UsageError(f"no dead letter begins with {prefix[:40]!r}: list them first")
        several = ", ".join(one.letter_id for one in found[:10])
        raise UsageError(
            f"several dead letters begin with {prefix[:40]!r}: {several}; say more of it"
        )

    def count_waiting(self) -> int:
        """How many letters are neither replayed nor discarded."""
        return sum(1 for ending in self._endings().values() if ending != SETTLED)

    def has_fate_of(self, correlation_id: str) -> bool:
        """Whether the request of that id has begun to settle a letter."""
        return any(one.fate.get("correlation_id") == correlation_id for one in self.letters())

    def begin(self, letter: Letter, fate: Mapping[str, Any]) -> Letter:
        """What is to become of the letter is written down. Raises: StorageFailed."""
        record = {**letter.record, FATE: dict(fate)}
        data = json.dumps(record).encode() + b"\n"
        publish(self.folder / (letter.letter_id + SETTLING), data, mode=MODE)
        return Letter(letter_id=letter.letter_id, ending=SETTLING, record=record)

    def abandon(self, letter: Letter) -> None:
        """Nothing has become of the letter after all. Raises: StorageFailed."""
        path = self.folder / (letter.letter_id + SETTLING)
        with translated(path, "remove"):
            path.unlink(missing_ok=True)

    def finish(self, letter: Letter) -> Letter:
        """It has become of the letter what was begun. Raises: StorageFailed."""
        path = self.folder / letter.letter_id
        with translated(self.folder, "settle a dead letter in"):
            os.rename(f"{path}{SETTLING}", f"{path}{SETTLED}")
            Path(f"{path}{WAITING}").unlink(missing_ok=True)
        fsync_folder(self.folder)
        return Letter(letter_id=letter.letter_id, ending=SETTLED, record=letter.record)

    def body(self, letter: Letter) -> Path | None:
        """Where the thing itself lies; None when it is gone."""
        usual = self.folder / (letter.letter_id + BODY)
        recorded = letter.record.get("body")
        places = [usual, *([Path(recorded)] if isinstance(recorded, str) else [])]
        return next((place for place in places if os.path.lexists(place)), None)

    def _endings(self) -> dict[str, str]:
        """Id to how far it has come: whatever comes later wins."""
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
    """What can be said of a thing without harm: its kind, and how its content begins."""

    kind: str
    size: int
    head: bytes = b""


def look_at(path: Path, *, max_bytes: int) -> Look:
    """The thing at `path`; only of a regular file with one link something is read.

    Raises: OSError when it is gone, or the disk failed.
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


def remove_thing(path: Path) -> None:
    """Nothing is called `path` any more; no link is followed. Raises: StorageFailed."""
    with translated(path, "remove"), contextlib.suppress(FileNotFoundError):
        if stat.S_ISDIR(path.lstat().st_mode):
            shutil.rmtree(path)
        else:
            path.unlink()
    fsync_folder(path.parent)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        record = json.loads(read_regular(path, max_bytes=MAX_RECORD_BYTES))
    except (OSError, NotRegular, TooLarge, ValueError):
        return None
    return record if isinstance(record, dict) else None
