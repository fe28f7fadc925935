"""Format ages for people."""

from __future__ import annotations

from datetime import UTC, datetime

LESS = "less than 1 min"
UNITS = ((86400, "d"), (3600, "h"), (60, "min"))


def age(since: str | None, now: datetime) -> str:
    """Return the age of a timestamp, such as `5 min`; empty if it cannot be parsed."""
    then = moment(since)
    if then is None:
        return ""
    seconds = int((now - then).total_seconds())
    for length, unit in UNITS:
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return LESS


def ago(since: str | None, now: datetime) -> str:
    """Return the age in words, such as `5 min ago`; empty if it cannot be parsed."""
    found = age(since, now)
    if found == LESS:
        return "just now"
    return f"{found} ago" if found else ""


def utc(text: str | None) -> str:
    """Return the timestamp to the second in UTC; the text itself if it cannot be parsed."""
    found = moment(text)
    return found.strftime("%Y-%m-%d %H:%M:%SZ") if found else text or ""


def moment(text: str | None) -> datetime | None:
    """Parse a timestamp; return its time in UTC, or None if it is invalid."""
    try:
        found = datetime.fromisoformat(text or "")
        return found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
