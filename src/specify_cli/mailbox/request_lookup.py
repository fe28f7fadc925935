"""Find a request by a part of its id, and collect what the host knows about it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any, Final

from specify_cli import ids, nearest
from specify_cli.errors import CorrelationIdConflict
from specify_cli.mailbox import unanswered
from specify_cli.mailbox.layout import MailboxLayout
from specify_cli.protocol import SUFFIX
from specify_cli.storage import journal_queries
from specify_cli.storage.dead_letters import Letter, LetterFolder
from specify_cli.storage.journal_index import JournalIndex
from specify_cli.storage.journal_rows import CLI, IndexedLine

ANSWERED: Final = "answered"
SET_ASIDE: Final = "set aside"
MOST: Final = 100
_LONGEST_NUMBER: Final = 18
_SHORTEST: Final = 4


class RequestLookup:
    """Looks up requests of the project; raises the errors of `JournalIndex`."""

    def __init__(self, layout: MailboxLayout) -> None:
        self._layout = layout
        self._index = JournalIndex(layout)

    def find(self, name: str, *, orchestrator: str | None = None) -> list[dict[str, Any]]:
        """Return what is known of each request that the name fits, at most `MOST`.

        The name is the id of the request, of an event that it caused, or of its dead letter; the
        beginning of one of these; the number of its journal line; or the name of the file that became a
        dead letter. A whole id goes before beginnings.
        """
        if not name:
            return []
        read = self._index.read
        # In this order, so that one that is answered meanwhile is found.
        without_answer = [*self._unanswered(name)]
        rows = read(lambda it: journal_queries.with_id(it, name, MOST))
        every = [*without_answer, *self._answered(rows)]
        stories = [*{(it["orchestrator"], it["correlation_id"]): it for it in every}.values()]
        found = [it for it in stories if it["correlation_id"] == name] or stories
        if not found:
            rows = read(lambda it: journal_queries.with_event(it, name.upper(), MOST))
            found = [*self._answered(rows), *self._set_aside(name.upper())]
        if not found and name.isdecimal() and len(name) <= _LONGEST_NUMBER:
            found = [*self._answered(read(lambda it: journal_queries.with_seq(it, int(name))))]
        if not found:
            found = [it for letter in self._letters_of(name) for it in self.find(letter.letter_id)]
        return [it for it in found if orchestrator in (None, it["orchestrator"])]

    def nearest(self, name: str) -> str:
        """Return `; did you mean ...?` with the most similar id; empty if none is similar."""
        for length in range(len(name) - 1, _SHORTEST - 1, -1):
            query = partial(journal_queries.with_id, prefix=name[:length], count=MOST)
            rows = self._index.read(query)
            if rows:
                return nearest.guess(name, [it.id for it in rows])
        return ""

    def _answered(self, rows: Sequence[IndexedLine]) -> Iterator[dict[str, Any]]:
        """Yield the story of each request; the first line with an id is that of the request."""
        first: dict[tuple[str | None, str], list[IndexedLine]] = {}
        for row in rows:
            first.setdefault((row.orchestrator, row.id), []).append(row)
        for (orchestrator, correlation_id), same in first.items():
            yield {
                "state": ANSWERED,
                "correlation_id": correlation_id,
                "orchestrator": orchestrator,
                "seq": same[0].seq,
                "conflicts": [it.seq for it in same[1:]],
                "row": same[0],
            }

    def _unanswered(self, prefix: str) -> Iterator[dict[str, Any]]:
        for it in unanswered.find(self._layout, prefix):
            yield {**asdict(it), "orchestrator": it.identity}

    def _set_aside(self, prefix: str) -> Iterator[dict[str, Any]]:
        for letter in LetterFolder(self._layout.dead_letters).letters():
            if letter.letter_id.startswith(prefix):
                yield {
                    "state": SET_ASIDE,
                    "correlation_id": letter.letter_id,
                    "orchestrator": letter.identity,
                    "letter": _facts(letter),
                }

    def _letters_of(self, name: str) -> Iterator[Letter]:
        """Yield the dead letters of a file; `.json` may be left out."""
        for letter in LetterFolder(self._layout.dead_letters).letters():
            if letter.name in (name, name + SUFFIX):
                yield letter

    def whole(self, story: Mapping[str, Any]) -> dict[str, Any]:
        """Return the story of an answered request with its journal line, events, reply and dead letter."""
        row: IndexedLine = story["row"]
        line = self._index.lines([row.seq]).get(row.seq)
        if line is None:
            return {**_without_row(story), "line": None}
        return {
            **_without_row(story),
            "waited_s": _seconds(None if row.at is None else row.at - (row.received or row.at)),
            "took_s": _seconds(row.took_us),
            "position": row.position or None,
            "line": line,
            "events": self._index.events(row, line.get("event_ids")),
            "reply": self._reply(row, line),
            "letter": self._letter(row.dead_letter),
        }

    def _reply(self, row: IndexedLine, line: Mapping[str, Any]) -> dict[str, Any] | None:
        is_conflict = row.code == CorrelationIdConflict.code
        if row.orchestrator == CLI or row.dead_letter or is_conflict or row.identity is None:
            return None
        path = self._layout.paths(row.identity).outbox / f"{row.id}{SUFFIX}"
        return {
            "path": os.path.relpath(path, self._layout.root),
            "is_there": line.get("door") == ids.MAILBOX and os.path.lexists(path),
        }

    def _letter(self, letter_id: str | None) -> dict[str, Any] | None:
        letters = LetterFolder(self._layout.dead_letters).letters() if letter_id else ()
        return next((_facts(it) for it in letters if it.letter_id == letter_id), None)


def _seconds(microseconds: int | None) -> float | None:
    return None if microseconds is None else microseconds / 1_000_000


def _without_row(story: Mapping[str, Any]) -> dict[str, Any]:
    return {name: it for name, it in story.items() if name != "row"}


def _facts(letter: Letter) -> dict[str, Any]:
    return {
        "id": letter.letter_id,
        "state": letter.state,
        "name": letter.name,
        "identity": letter.identity,
        "why": str(letter.record.get("why")),
    }
