"""The event on a log line, whatever version of the host wrote the line.

Written by hand: a validating library takes longer to load than a long log to read.
"""

from __future__ import annotations

import json
from typing import Any

from specify_cli.core.events import UNRECORDED, Annotated, Event, MissionAccepted, Transitioned
from specify_cli.core.lanes import ALIASES, Lane, lane_named
from specify_cli.patterns import pattern

GENESIS = "genesis"
# The fields with a name, if another version wrote an object as the actor.
ACTOR_NAMES = ("tool", "profile", "role")
NOBODY = "unknown"
OBJECT_NAME = pattern("[0-9a-f]{40}|[0-9a-f]{64}")


class NotReadable(ValueError):
    """A field that decides the state of a package is missing or wrong."""


def event_in(record: dict[str, Any]) -> Event | None:
    """Return the event on a line; None for a line of another version without an event of ours.

    Raises:
        NotReadable: a field is missing or wrong; names the field.
    """
    kind = _kind_of(record)
    if kind is MissionAccepted:
        return MissionAccepted(**_common(record))
    if kind is None:
        return None
    if kind is Annotated:
        # A note without a package or a text is ignored.
        if not (isinstance(record.get("wp_id"), str) and isinstance(record.get("delta"), dict)):
            return None
        return Annotated(wp_id=record["wp_id"], delta=record["delta"], **_common(record))
    if "wp_id" not in record:
        raise NotReadable("wp_id: Field required")
    if not isinstance(record["wp_id"], str):
        raise NotReadable("wp_id: Input should be a valid string")
    return _moved(record, from_lane=_lane(record, "from_lane"), to_lane=_lane(record, "to_lane"))


def _lane(record: dict[str, Any], end: str) -> Lane:
    name = record.get(end)
    found = (isinstance(name, str) and _BY_NAME.get(name)) or lane_named(str(name))
    if not found:
        raise NotReadable(f"{end}: Input should be {_LANES}")
    return found


_LANES = ", ".join(f"'{lane}'" for lane in list(Lane)[:-1]) + f" or '{list(Lane)[-1]}'"


def _common(record: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of every event; an unreadable one counts as absent.

    None of them decides a state, and the line itself is kept unchanged.
    """
    get = record.get
    at, policy = get("at"), get("policy_metadata")
    found: dict[str, Any] = {
        "event_id": _text(get("event_id")) or "",
        "at": at if isinstance(at, str) else "",
        "actor": _actor(get("actor")),
        "policy_metadata": policy if isinstance(policy, dict) else None,
    }
    for name in ("correlation_id", "identity", "request_digest"):
        value = get(name)
        # Other programs may use the field for something else.
        found[name] = value if isinstance(value, str) else None
    return found


def _moved(record: dict[str, Any], *, from_lane: Lane, to_lane: Lane) -> Transitioned:
    get, found = record.get, _common(record)
    for name in ("lane_base_ref", "released_holder"):
        value = get(name)
        found[name] = value if isinstance(value, str) else None
    for name in ("review_result", "evidence"):
        value = get(name)
        found[name] = value if isinstance(value, dict) else None
    return Transitioned(
        wp_id=record["wp_id"],
        from_lane=from_lane,
        to_lane=to_lane,
        force=get("force") is True,
        reason=_text(get("reason")),
        review_ref=_text(get("review_ref")),
        commit=_commit(get("commit", UNRECORDED)),
        **found,
    )


def _commit(value: Any) -> str | None:
    """Return the name of a commit, or None if there was none; any other value counts as absent."""
    if value == UNRECORDED:
        return UNRECORDED
    is_name = isinstance(value, str) and OBJECT_NAME.fullmatch(value)
    return value if value is None or is_name else UNRECORDED


def _text(value: Any) -> str | None:
    """Return a structured value as JSON text."""
    return value if value is None or isinstance(value, str) else json.dumps(value)


def _actor(value: Any) -> str:
    """Return the actor; for a structured one, the first of its names."""
    if isinstance(value, dict):
        names = (value.get(name) for name in ACTOR_NAMES)
        value = next((name for name in names if isinstance(name, str) and name), None)
    return NOBODY if value is None else _text(value) or ""


def _kind_of(record: dict[str, Any]) -> type[Event] | None:
    kind = _KINDS.get(str(record.get("kind")))
    if kind is not None or "to_lane" not in record or "event_type" in record:
        return kind
    if record.get("from_lane") == GENESIS:
        return None
    return Transitioned


_KINDS: dict[str, type[Event]] = {"annotation": Annotated, "mission_accepted": MissionAccepted}
_BY_NAME: dict[str, Lane] = {lane.value: lane for lane in Lane} | ALIASES
