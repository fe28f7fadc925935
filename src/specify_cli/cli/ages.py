"""How long ago something was, in the words of people."""

from __future__ import annotations

from datetime import UTC, datetime

UNITS = ((86400, "d"), (3600, "h"), (60, "min"))


def age(since: str | None, now: datetime) -> str:
    """`5 min` for a moment five minutes before `now`; empty where there is none to be read."""
    try:
        moment = datetime.fromisoformat(since or "")
    except ValueError:
        return ""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    seconds = int((now - moment).total_seconds())
    for length, unit in UNITS:
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return "less than 1 min"
