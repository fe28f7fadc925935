"""How long ago something was, in the words of people."""

from __future__ import annotations

from datetime import UTC, datetime

UNITS = ((86400, "d"), (3600, "h"), (60, "min"))


def age(since: str | None, now: datetime) -> str:
    """`5 min` for a moment five minutes before `now`; empty where there is none to be read."""
    then = moment(since)
    if then is None:
        return ""
    seconds = int((now - then).total_seconds())
    for length, unit in UNITS:
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return "less than 1 min"


def moment(text: str | None) -> datetime | None:
    """The moment that is written there; None where there is none to be read."""
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
