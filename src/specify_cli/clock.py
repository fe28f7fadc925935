"""The only reader of wall time."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """The current moment, aware, in UTC."""
    return datetime.now(UTC)


def timestamp() -> str:
    """The current moment as RFC 3339 text with offset and microseconds."""
    return as_text(now())


def as_text(moment: datetime) -> str:
    """An aware moment as RFC 3339 text with offset and microseconds."""
    return moment.isoformat(timespec="microseconds")
