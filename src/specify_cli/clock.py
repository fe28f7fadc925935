"""Wall-clock time. No other module reads it."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """Return the current time, aware, in UTC."""
    return datetime.now(UTC)


def timestamp() -> str:
    """Return the current time as RFC 3339 text with offset and microseconds."""
    return as_text(now())


def as_text(moment: datetime) -> str:
    """Return an aware time as RFC 3339 text with offset and microseconds."""
    return moment.isoformat(timespec="microseconds")
