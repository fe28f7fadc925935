"""Drafts of requests, for the tests of the record."""

from __future__ import annotations

import json

from specify_cli.core.lanes import Lane
from specify_cli.storage import record_states
from specify_cli.storage.record import Record
from specify_cli.storage.record_entries import Asked, Draft, KnownMission

AT = "2026-01-01T00:00:00+00:00"


def line(seq: int, prev: str) -> bytes:
    return json.dumps({"seq": seq, "note": "a secret", "prev": prev}).encode() + b"\n"


def draft(name: str, *, state: str = "claimed") -> Draft:
    """A request of this id that moves WP01 to this lane."""
    move = {"event_id": name, "wp_id": "WP01", "from_lane": "planned", "to_lane": state}
    move["reason"] = "why"
    return Draft(
        at=AT,
        kind="request",
        mission=1,
        published=line,
        log=json.dumps(move).encode() + b"\n",
        asked=Asked(id=name, digest=f"of {name}"),
    )


MISSION = KnownMission(mission_id="01H", folder="001-search")


def state_in(record: Record) -> Lane:
    """The lane of WP01, which must be the same in the stored state and by the events."""
    with record.reading() as connection:
        row = record_states.row_of(connection, 1)
        assert row is not None
        assert record_states.difference(connection, 1) == ""
        return record_states.state_of(connection, 1, row).of("WP01").lane
