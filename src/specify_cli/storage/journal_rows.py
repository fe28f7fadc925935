"""The rows of the journal's index: what is filtered or counted of each journal line."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from specify_cli import ids

CLI: Final = "cli"
"""Stands for the orchestrator of a request at the command line."""

LONGEST: Final = 200
"""Characters of a text that are kept: the line itself has all of it."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_A_MICROSECOND: Final = timedelta(microseconds=1)


class IndexedLine(NamedTuple):
    """A journal line in the index. What the line does not say, or not in the right form, is None.

    Attributes:
        seq: Its number in the journal.
        position: Its position in the record; 0 if it is known from the published journal alone.
        at: When the host began to answer, in microseconds since the epoch.
        took_us: From then until it had decided the answer, in microseconds.
        received: When the request reached the host, as `at`; the same time if the line does not say it.
        id: The correlation id.
        orchestrator: The identity of the mailbox; `cli` for the command line.
        identity: Who asked, as the host established.
        command: Without its prefix, such as `transition`.
        mission: The mission's folder; as the request names it where the host did not find it.
        code: The error code; None for a success.
        dead_letter: The id of its dead letter.
    """

    seq: int
    position: int
    at: int | None
    took_us: int | None
    received: int | None
    id: str
    orchestrator: str | None
    identity: str | None
    actor: str | None
    command: str | None
    mission: str | None
    wp: str | None
    from_lane: str | None
    to_lane: str | None
    code: str | None
    dead_letter: str | None


COLUMNS: Final = ", ".join(IndexedLine._fields)


def row_of(
    line: Mapping[str, Any], *, position: int, missions: Mapping[str, str]
) -> tuple[IndexedLine, list[str]]:
    """Return the row of a journal line, and the ids of the events that it caused.

    `missions` has the folder of a mission by each of its names.
    """
    envelope, args = _object(line.get("envelope")), _object(line.get("args"))
    data = _object(envelope.get("data"))
    at, done = microseconds(line.get("at")), microseconds(envelope.get("timestamp"))
    identity = indexed_text(line.get("identity"))
    named = indexed_text(args.get("mission"))
    row = IndexedLine(
        seq=line["seq"],
        position=position,
        at=at,
        took_us=max(0, done - at) if at is not None and done is not None else None,
        received=_earlier(microseconds(line.get("received_at")), at),
        id=line["correlation_id"],
        orchestrator=identity if line.get("door") == ids.MAILBOX else CLI,
        identity=identity,
        actor=indexed_text(line.get("actor")),
        command=(indexed_text(line.get("command")) or "").rpartition(".")[2] or None,
        mission=indexed_text(data.get("mission_slug")) or missions.get(named or "", named),
        wp=indexed_text(args.get("wp")),
        from_lane=indexed_text(data.get("from_lane")),
        to_lane=indexed_text(data.get("to_lane")) or indexed_text(args.get("to")),
        code=indexed_text(envelope.get("error_code")),
        dead_letter=indexed_text(line.get("dead_letter")),
    )
    caused = line.get("event_ids")
    events = caused if isinstance(caused, list) else []
    return row, [it for it in map(indexed_text, events) if it]


def microseconds(timestamp: object) -> int | None:
    """Return the time of a timestamp in microseconds since the epoch; None if it is not one."""
    try:
        moment = datetime.fromisoformat(timestamp)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // _A_MICROSECOND


def _earlier(received: int | None, at: int | None) -> int | None:
    return at if received is None or at is None else min(received, at)


def moment(at: int) -> datetime:
    """Return the time, in UTC, of microseconds since the epoch."""
    return _EPOCH + at * _A_MICROSECOND


def names_of(missions: list[tuple[str | None, str]]) -> dict[str, str]:
    """Return the folder of each mission by its names: folder, bare name, number, id, and start of the id.

    `missions` has the id and folder of each. A name that several missions have is left out.
    """
    found: dict[str, str | None] = {}
    for mission_id, folder in missions:
        number, _, bare = folder.partition("-")
        names = {folder, mission_id or folder, (mission_id or folder)[:8]}
        if number.isascii() and number.isdigit():
            names |= {number, str(int(number[:9])), bare}
        for name in names:
            found[name] = folder if found.get(name, folder) == folder else None
    return {
        **{name: folder for name, folder in found.items() if folder},
        **{it: it for _, it in missions},
    }


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def indexed_text(value: object) -> str | None:
    """Return the text as the index has it; None if the value is not a text."""
    if not isinstance(value, str):
        return None
    value = value[:LONGEST]
    # SQLite refuses lone surrogates, which names in requests may have.
    return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
